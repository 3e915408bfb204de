"""Two independent readers of HTTP/1.1, h11 and llhttp (through httptools), as oracles for ours.

Each says what a stream of octets means to it: the requests in it, or the response. `UnreadableMessage`: it refuses.
"""

from collections.abc import Callable
from dataclasses import dataclass

import h11
import httptools


class UnreadableMessage(Exception):
    """The oracle refuses the octets."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request, as whoever received it understood it."""

    method: bytes
    target: bytes
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Answered:
    """A final response, as a client understands it."""

    status: int
    content: bytes
    is_complete: bool
    fields: tuple[tuple[bytes, bytes], ...] = ()
    """Names in lower case."""
    informational: tuple[int, ...] = ()
    rest: bytes = b""
    """Octets behind the response."""


def received_by_h11(octets: bytes) -> list[Received]:
    """The complete requests that h11 reads; what follows the last of them must be a beginning."""
    found: list[Received] = []
    while octets:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        connection.receive_data(octets)
        head, content = None, []
        try:
            while not isinstance(event := connection.next_event(), h11.EndOfMessage):
                if isinstance(event, h11.Request):
                    head = event
                elif isinstance(event, h11.Data):
                    content.append(bytes(event.data))
                else:
                    return found
        except h11.RemoteProtocolError as error:
            raise UnreadableMessage(str(error)) from error
        assert head is not None
        found.append(Received(head.method, head.target, b"".join(content)))
        octets = bytes(connection.trailing_data[0])
    return found


class _Collected:
    """The callbacks of httptools."""

    def __init__(self) -> None:
        self.found: list[Received] = []
        self._parser: Callable[[], bytes] = bytes
        self._target: list[bytes] = []
        self._content: list[bytes] = []

    def on_message_begin(self) -> None:
        self._target, self._content = [], []

    def on_url(self, url: bytes) -> None:
        self._target.append(url)

    def on_body(self, body: bytes) -> None:
        self._content.append(body)

    def on_message_complete(self) -> None:
        self.found.append(Received(self._method(), b"".join(self._target), b"".join(self._content)))

    def _method(self) -> bytes:
        return self._parser()

    def watch(self, method: Callable[[], bytes]) -> None:
        """Where to ask for the method of the current request."""
        self._parser = method


def received_by_llhttp(octets: bytes) -> list[Received]:
    """The complete requests that llhttp reads in its strict mode. It knows only the methods of its own list, and stops
    at a request that may change the protocol."""
    collected = _Collected()
    parser = httptools.HttpRequestParser(collected)
    collected.watch(parser.get_method)
    try:
        parser.feed_data(octets)
    except httptools.HttpParserUpgrade:
        pass
    except (httptools.HttpParserError, httptools.HttpParserCallbackError) as error:
        raise UnreadableMessage(repr(error)) from error
    return collected.found


def answered_by_h11(octets: bytes, method: bytes = b"GET", *, ended: bool = False) -> Answered:
    """The response to a request of this method that h11 reads; `ended`: the connection was closed behind it."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    connection.send(h11.Request(method=method, target=b"/", headers=[(b"Host", b"a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(octets)
    if ended and octets:
        connection.receive_data(b"")
    head, content, informational, is_complete = None, [], [], False
    try:
        while (event := connection.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.InformationalResponse):
                informational.append(event.status_code)
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                content.append(bytes(event.data))
            else:
                is_complete = isinstance(event, h11.EndOfMessage)
                break
    except h11.RemoteProtocolError as error:
        if head is None:
            raise UnreadableMessage(str(error)) from error
    if head is None:
        return Answered(0, b"", is_complete=False, informational=tuple(informational))
    return Answered(
        head.status_code,
        b"".join(content),
        is_complete,
        tuple(head.headers),
        tuple(informational),
        bytes(connection.trailing_data[0]) if is_complete else b"",
    )
