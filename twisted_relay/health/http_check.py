"""The check `http`: a request of our own, over a fresh connection made as those of the traffic are.

Name look-up, connector, TLS and the strict reader are the same, so a check fails for what requests would fail for;
but nothing of it is counted as traffic, and no connection is shared with it.
"""

from typing import TypeVar

from twisted.internet.defer import Deferred

from twisted_relay import __version__
from twisted_relay.config.values import CheckSpec
from twisted_relay.errors import RelayError, TLSFailed
from twisted_relay.exchange import Exchange
from twisted_relay.health.monitor import CheckFailed
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Answer, Request, Response
from twisted_relay.http.stream import Stream
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.dial import Dial
from twisted_relay.upstream.http1 import Try
from twisted_relay.upstream.pool import Pool
from twisted_relay.upstream.server import Server

MAX_CONTENT = 65536
"""Octets of an answer that are read for the sake of a good end; with more to come the connection is just closed."""

_OURSELVES = Origin("", b"http", 0, b"")
_FIELDS = (b"User-Agent: twisted_relay/" + __version__.encode("ascii") + b" (check)", b"Connection: close")


class HTTPCheck:
    """Asks with the `check` of a backend; healthy is who answers with one of its status codes, in full."""

    def __init__(self, backend: Backend) -> None:
        assert backend.options.check is not None
        self._spec: CheckSpec = backend.options.check
        self._host = backend.options.check_host.encode("ascii")
        self._backend = backend

    async def probe(self, server: Server) -> None:
        """See `Check`."""
        try:
            connection = await connect(self._backend.pools[server.name].apart())
            response = await ask(connection, self._request(), self._host or server.authority)
            await self._judge(response)
        except RelayError as error:
            raise CheckFailed(f"{self._spec.method} {self._spec.path}: {explain(error)}") from error

    def _request(self) -> Request:
        return Request(self._spec.method.encode("ascii"), self._spec.path.encode("ascii"), Fields(list(_FIELDS)))

    async def _judge(self, response: Response) -> None:
        if not any(low <= response.status <= high for low, high in self._spec.statuses):
            if response.stream is not None:
                response.stream.cancel()
            raise CheckFailed(f"{self._spec.method} {self._spec.path} answered {response.status}")
        if response.stream is not None:
            await Drop(response.stream).done


def explain(error: RelayError) -> str:
    """What happened, in words."""
    if isinstance(error, TLSFailed):
        return f"TLS failed: {error}"
    return "connection refused" if str(error) == "refused" else str(error)


def connect(pool: Pool) -> Deferred[UpstreamConnection]:
    """A new connection; fails with a `ServerError`. Cancelling stops the attempt."""
    dials: list[Dial] = []
    connected: Deferred[UpstreamConnection] = Deferred(lambda _: dials[0].cancel())
    dials.append(pool.dial(lambda result: _settle(connected, result)))
    return connected


def ask(connection: UpstreamConnection, request: Request, authority: bytes) -> Deferred[Response]:
    """The response to a request, when its head is there; fails with a `ServerError`. Cancelling closes."""
    exchange = Exchange(request, _OURSELVES, connection.now())

    def answered(answer: Answer) -> None:
        _settle(response, answer)

    attempt = Try(exchange, connection, answered)
    response: Deferred[Response] = Deferred(lambda _: attempt.cancel())
    attempt.start(authority)
    return response


Result = TypeVar("Result")


def _settle(deferred: Deferred[Result], result: Result | RelayError) -> None:
    if isinstance(result, RelayError):
        deferred.errback(result)
    else:
        deferred.callback(result)


class Drop:
    """The sink of content that nobody needs. `done` fires at its end, or when it is too much to wait for."""

    def __init__(self, stream: Stream) -> None:
        self.done: Deferred[None] = Deferred(lambda _: stream.cancel())
        self._stream = stream
        self._left = MAX_CONTENT
        stream.attach(self)

    def write(self, data: bytes) -> None:
        """See `Sink`."""
        self._left -= len(data)
        if self._left < 0:
            self._stream.cancel()
            self._finish()

    def end(self, data: bytes, trailers: Fields | None) -> None:
        """See `Sink`."""
        self._finish()

    def fail(self, error: RelayError) -> None:
        """See `Sink`."""
        if not self.done.called:
            self.done.errback(error)

    def spliceable(self) -> None:
        """See `Sink`."""

    def _finish(self) -> None:
        if not self.done.called:
            self.done.callback(None)
