"""Fetches the URL of a list: requests of our own, over connections made as those of the traffic are.

Only what has changed comes (RFC 9110 §13.1), no more than is allowed, within one time limit, straight into a file. A
redirect is followed a few times, but never out of https; where it leads to another host, that is somebody else's choice
than the operator's, so the guard of forward proxies judges the address.
"""

from dataclasses import dataclass, replace
from typing import BinaryIO
from urllib.parse import urljoin

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_relay import __version__
from twisted_relay.config.lists import parse_list_url
from twisted_relay.config.tree import BackendOptions, ListOptions
from twisted_relay.config.values import ListUrl, ServerSpec
from twisted_relay.config.words import BadValue, quoted
from twisted_relay.errors import RelayError
from twisted_relay.feeds.kept import Validators
from twisted_relay.guard.guard import Guard
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Request, Response
from twisted_relay.http.stream import Stream
from twisted_relay.lists.reading import Unusable
from twisted_relay.upstream.assemble import Surroundings, assemble
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.question import ask, connect

MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LONGEST_VALIDATOR = 1024
_FIELDS = (
    b"User-Agent: twisted_relay/" + __version__.encode("ascii") + b" (list)",
    b"Accept: text/plain, */*;q=0.5",
    b"Accept-Encoding: gzip, identity;q=0.5",
    b"Connection: close",
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """New content has come; these are its validators."""

    validators: Validators


class Fetcher:
    """Fetches the URL of one list. `guard` judges where redirects to other hosts lead."""

    def __init__(self, options: ListOptions, url: ListUrl, surroundings: Surroundings, guard: Guard) -> None:
        self._options = options
        self._url = url
        self._surroundings = surroundings
        self._guarded = replace(surroundings, guard=guard)
        self._asking = BackendOptions(
            name="",
            connect_timeout=options.timeout,
            response_timeout=options.timeout,
            idle_timeout=options.timeout,
            tls_ca=options.tls_ca,
            eject_after=None,
            retry_budget=None,
        )

    def fetch(self, known: Validators | None, file: BinaryIO) -> Deferred[Fetched | None]:
        """Write what has changed to `file`; None if nothing has. Fails with `Unusable`. May be cancelled.

        `known` are the validators of what is there.
        """
        fetching: Deferred[Fetched | None] = Deferred.fromCoroutine(self._fetch(known, file))
        return _in_time(fetching, self._options.timeout, self._surroundings.reactor)

    async def _fetch(self, known: Validators | None, file: BinaryIO) -> Fetched | None:
        url = self._url
        for _ in range(MOST_REDIRECTS + 1):
            backend = self._backend(url)
            try:
                found = await self._ask(backend, url, known, file)
            except RelayError as error:
                raise Unusable(error.reason, f"{url}: {error}") from error
            finally:
                backend.close()
            if not isinstance(found, ListUrl):
                return found
            url = found
        raise Unusable("redirect", f"{self._url}: more than {MOST_REDIRECTS} redirects")

    def _backend(self, url: ListUrl) -> Backend:
        is_same = url.address.host == self._url.address.host
        backend = assemble(self._asking, self._surroundings if is_same else self._guarded)
        backend.join(ServerSpec(url.authority, url.scheme, url.address))
        return backend

    async def _ask(
        self, backend: Backend, url: ListUrl, known: Validators | None, file: BinaryIO
    ) -> Fetched | ListUrl | None:
        pool = backend.pools[url.authority]
        request = Request(b"GET", url.target.encode("ascii"), Fields([*_FIELDS, *_conditions(known)]))
        response = await ask(await connect(pool), request, url.authority.encode("ascii"))
        if response.status == 200 and _is_readable(response.fields):
            await _save(response, file, self._options.max_size)
            return Fetched(_validators(response.fields))
        if response.stream is not None:
            response.stream.cancel()
        if response.status == 304 and known is not None:
            return None
        if response.status in _REDIRECTS:
            return _redirected(url, response.fields.get(b"location") or b"")
        coding = ", in a coding that was not asked for" if response.status == 200 else ""
        raise Unusable("status", f"{url} answered {response.status}{coding}")


def _in_time(fetching: "Deferred[Fetched | None]", timeout: float, clock: IReactorTime) -> "Deferred[Fetched | None]":
    """The same, called off and failed when it takes too long."""

    def too_late(_: object, timeout: float) -> None:
        raise Unusable("timeout", f"not fetched within {timeout:g} s")

    return fetching.addTimeout(timeout, clock, onTimeoutCancel=too_late)


def _is_readable(fields: Fields) -> bool:
    """Whether the content is as it is, or packed once in the way that `lists.unpacking` knows when it sees it."""
    return (fields.get(b"content-encoding") or b"").strip().lower() in (b"", b"identity", b"gzip", b"x-gzip")


def _conditions(known: Validators | None) -> list[bytes]:
    lines = []
    if known is not None and known.etag:
        lines.append(b"If-None-Match: " + known.etag.encode("latin-1"))
    elif known is not None and known.modified:
        lines.append(b"If-Modified-Since: " + known.modified.encode("latin-1"))
    return lines


def _validators(fields: Fields) -> Validators:
    found = (fields.get(name) or b"" for name in (b"etag", b"last-modified"))
    return Validators(*(value.decode("latin-1") if len(value) <= _LONGEST_VALIDATOR else "" for value in found))


def _redirected(url: ListUrl, location: bytes) -> ListUrl:
    """Where a redirect leads; raises `Unusable`."""
    text = location.decode("latin-1")
    try:
        found = parse_list_url(urljoin(str(url), text).partition("#")[0])
    except (BadValue, ValueError):
        raise Unusable("redirect", f"{url} redirects to {quoted(text)}, which is no URL") from None
    if url.scheme == "https" and found.scheme != "https":
        raise Unusable("redirect", f"{url} redirects to {quoted(text)}, which is not https")
    return found


async def _save(response: Response, file: BinaryIO, most: int) -> None:
    """Write the content of a response to a file; raises `Unusable`, or the server's error."""
    if (response.length or 0) > most:
        if response.stream is not None:
            response.stream.cancel()
        raise _too_large(most)
    if response.stream is None:
        _write(file, response.content)
        return
    saving = _Saving(response.stream, file, most)
    saving.write(response.content)
    response.stream.attach(saving)
    await saving.done


class _Saving:
    """The sink of content that goes to a file. `done` fires when all is there."""

    def __init__(self, stream: Stream, file: BinaryIO, most: int) -> None:
        self.done: Deferred[None] = Deferred(lambda _: stream.cancel())
        self._stream = stream
        self._file = file
        self._most = most
        self._left = most

    def write(self, data: bytes) -> None:
        """See `Sink`."""
        self._left -= len(data)
        if self.done.called:
            return
        try:
            if self._left < 0:
                raise _too_large(self._most)
            _write(self._file, data)
        except Unusable as error:
            self._stream.cancel()
            self.done.errback(error)

    def end(self, data: bytes, trailers: Fields | None) -> None:
        """See `Sink`."""
        self.write(data)
        if not self.done.called:
            self.done.callback(None)

    def fail(self, error: RelayError) -> None:
        """See `Sink`."""
        if not self.done.called:
            self.done.errback(error)

    def spliceable(self) -> None:
        """See `Sink`."""


def _too_large(most: int) -> Unusable:
    return Unusable("too_large", f"there are more than {most} octets, which max_size allows")


def _write(file: BinaryIO, data: bytes) -> None:
    try:
        file.write(data)
    except OSError as error:
        raise Unusable("state", f"cannot write what was fetched: {error.strerror}") from error
