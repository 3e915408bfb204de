"""One client, the relay and its servers, octet by octet: the listener, the codec and both ends of the data path are
real, over Twisted's own transports in memory. What it comes to is returned, not asserted: tables compare it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.support.oracles import Received, UnreadableMessage, received_by_h11
from tests.support.transports import MemoryReactor, MemorySocket, accept
from twisted_relay.config.tree import BackendOptions, ListenerOptions, RouteOptions
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.downstream.http1 import HTTP1Connection
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.errors import RelayError
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Answered, Response
from twisted_relay.net import splice
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.routing import Route, Router
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.http1 import Try
from twisted_relay.upstream.server import Server

LISTENER = ListenerOptions(name="web", via=False)
CLIENT = "192.0.2.1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Wire:
    """A relay whose only route leads to `destination`, for any number of clients, one after the other."""

    def __init__(self, destination: Destination, reactor: MemoryReactor, options: ListenerOptions = LISTENER) -> None:
        self._reactor = reactor
        router = Router([Route(RouteOptions(name="all"), Plan("all", destination))])
        self._listener = Listener(options, router, Deadlines(reactor, reactor.seconds))

    def connect(self) -> MemorySocket:
        """A client connects; the far end of its connection."""

        def make() -> HTTP1Connection:
            return HTTP1Connection(self._listener, self._listener.origin(CLIENT, 8080))

        return far_end(accept(self._reactor, make, CLIENT))

    def leave(self, client: MemorySocket) -> None:
        """The client goes; nothing of it is left."""
        client.far_resets()
        self._reactor.settle()
        self._reactor.sockets[:] = [socket for socket in self._reactor.sockets if not socket.closed]


def far_end(transport: object) -> MemorySocket:
    """The socket behind a transport in memory."""
    socket = getattr(transport, "socket", None)
    assert isinstance(socket, MemorySocket)
    return socket


def feed(reactor: MemoryReactor, socket: MemorySocket, parts: Iterable[bytes]) -> None:
    """Let the far end send these parts, each in a read of its own."""
    for part in parts:
        if socket.closed:
            return
        socket.far_sends(part)
        reactor.settle()


# -- a destination that writes down what it is given ------------------------------------------------------------------


class Recorder:
    """Answers every complete request with an empty 200."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.fields: list[Fields] = []
        """What else would have been sent to the server, for each of them."""

    def __call__(self, exchange: Exchange, answered: Answered) -> None:
        """A destination."""
        stream = exchange.request.stream
        if stream is None:
            self._complete(exchange, answered, exchange.request.content)
        else:
            stream.attach(
                _Collector(exchange.request.content, lambda content: self._complete(exchange, answered, content))
            )

    def _complete(self, exchange: Exchange, answered: Answered, content: bytes) -> None:
        request = exchange.request
        self.requests.append(Received(request.method, request.target, content))
        self.fields.append(request.fields)
        answered(Response(200, b"OK", Fields()))


class _Collector:
    """Takes content until it is complete."""

    def __init__(self, content: bytes, complete: Callable[[bytes], None]) -> None:
        self._content = [content]
        self._complete = complete

    def write(self, data: bytes) -> None:
        self._content.append(data)

    def end(self, data: bytes, trailers: Fields | None) -> None:
        self._complete(b"".join([*self._content, data]))

    def fail(self, error: RelayError) -> None:
        """Not complete: never recorded."""

    def spliceable(self) -> object | None:
        return None


# -- a destination that writes to servers -----------------------------------------------------------------------------


class Servers:
    """Sends every exchange over a new connection; keeps what is given back, and is the pool of all of them."""

    def __init__(self, reactor: MemoryReactor) -> None:
        options = BackendOptions(name="app")
        self.server = Server(ServerSpec("s1", "http", Address("10.0.0.1", 80)), options, reactor.seconds)
        self.sockets: list[MemorySocket] = []
        """The far ends, in the order of the exchanges."""
        self.connections: list[UpstreamConnection] = []
        self.kept: list[UpstreamConnection] = []
        """Connections that could be lent again."""
        self._reactor = reactor

    def __call__(self, exchange: Exchange, answered: Answered) -> None:
        """A destination."""
        connection = UpstreamConnection(self, self._reactor.seconds)
        self.sockets.append(far_end(accept(self._reactor, lambda: connection, "10.0.0.1")))
        self.connections.append(connection)
        attempt = Try(exchange, connection, answered)
        exchange.cancel = attempt.cancel
        attempt.start(exchange.request.authority or b"backend.example")

    def give_back(self, connection: UpstreamConnection) -> None:
        """As a pool."""
        self.kept.append(connection)

    def lost(self, connection: UpstreamConnection) -> None:
        """As a pool."""
        if connection in self.kept:
            self.kept.remove(connection)

    def answer_complete_requests(self) -> None:
        """Every server that has got a whole request answers it, as long as that brings new ones."""
        answered = 0
        while answered < len(self.sockets):
            socket = self.sockets[answered]
            answered += 1
            if is_complete(socket):
                socket.far_sends(OK)
                self._reactor.settle()


def is_complete(socket: MemorySocket) -> bool:
    """Whether what a server got begins with a whole request."""
    try:
        return bool(received_by_h11(bytes(socket.delivered)))
    except UnreadableMessage:
        return False


# -- what a client got ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of everything that a client sent."""

    requests: tuple[Received, ...]
    """The requests that were executed, in order."""
    statuses: tuple[int, ...]
    """The final responses."""
    closed: bool
    """The relay will take no more on this connection."""


def without_splicing(patch: Callable[[object, str, object], object]) -> None:
    """Nothing in memory can be spliced: call with a test's `patch`."""
    patch(splice, "AVAILABLE", False)
