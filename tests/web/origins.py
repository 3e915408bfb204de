"""Servers and clients on loopback that speak plain octets, for tests of what our resources and agents send."""

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as the_reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorFDSet, IReactorTCP, IReactorTime
from twisted.internet.protocol import ClientFactory, Protocol, ServerFactory, connectionDone
from twisted.internet.task import deferLater
from twisted.protocols.policies import WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web import server
from twisted.web.resource import IResource

from twisted_relay.net.transport import EagerClient

TCP = IReactorTCP(the_reactor)
TIME = IReactorTime(the_reactor)

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class OriginConnection(Protocol):
    """A connection to an origin. Requests are known by their ends: of their head, of their length, of their chunks."""

    def __init__(self, origin: "Origin") -> None:
        self.origin = origin
        self.head = b""
        self.content = b""
        self.buffer = b""
        self.lost: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        origin = self.origin
        origin.connected += 1
        origin.connections.append(self)
        if not origin.connected_once.called:
            origin.connected_once.callback(None)

    def send(self, data: bytes) -> None:
        """Write, as it is."""
        assert self.transport is not None
        self.transport.write(data)

    def close(self) -> None:
        """Close when all is sent."""
        assert self.transport is not None
        self.transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        self.buffer += data
        while self.has_request():
            self.origin.received(self)

    def has_request(self) -> bool:
        """Take a whole request from the buffer, if there is one."""
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        self.head = head
        if self.field(b"transfer-encoding"):
            content, last, rest = (b"\r\n" + rest).partition(b"\r\n0\r\n\r\n")
            if not last:
                return False
            self.content = content.removeprefix(b"\r\n")
        else:
            length = int(self.field(b"content-length") or 0)
            if len(rest) < length:
                return False
            self.content, rest = rest[:length], rest[length:]
        self.buffer = rest
        return True

    def field(self, name: bytes) -> bytes:
        """The values of a field of the request, joined; empty if it has none."""
        lines = [line.partition(b":") for line in self.head.split(b"\r\n")[1:]]
        return b", ".join(value.strip() for found, _, value in lines if found.lower() == name)

    @property
    def line(self) -> bytes:
        """The request line."""
        return self.head.split(b"\r\n")[0]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.origin.connections.remove(self)
        self.lost.callback(None)


Respond = Callable[[OriginConnection], None]


class Origin(ServerFactory):
    """A server that answers every request with `respond`, or keeps silent and lets the test do it."""

    noisy = False

    def __init__(self, case: TestCase, respond: bytes | Respond | None = HELLO, tls: Any = None) -> None:
        self.connected = 0
        self.connected_once: Deferred[None] = Deferred()
        """Fires with the first connection."""
        self.connections: list[OriginConnection] = []
        self.requests: list[bytes] = []
        """The heads of all requests."""
        self._respond = respond
        self._arrived: deque[OriginConnection] = deque()
        self._awaited: Deferred[OriginConnection] | None = None
        factory: Any = self if tls is None else TLSMemoryBIOFactory(tls, False, self)
        self._listening = TCP.listenTCP(0, factory, interface="127.0.0.1")
        self.port: int = self._listening.getHost().port  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self.port}"
        case.addCleanup(self.close)

    def buildProtocol(self, addr: object) -> OriginConnection:
        return OriginConnection(self)

    def received(self, connection: OriginConnection) -> None:
        """A request is here."""
        self.requests.append(connection.head)
        if self._awaited is not None:
            awaited, self._awaited = self._awaited, None
            awaited.callback(connection)
        else:
            self._arrived.append(connection)
        if isinstance(self._respond, bytes):
            connection.send(self._respond)
        elif self._respond is not None:
            self._respond(connection)

    def request(self) -> Deferred[OriginConnection]:
        """The connection on which the next request has come that the test has not asked for yet."""
        waiting: Deferred[OriginConnection] = Deferred()
        if self._arrived:
            waiting.callback(self._arrived.popleft())
        else:
            self._awaited = waiting
        return waiting

    async def close(self) -> None:
        """Listen no more and end all connections."""
        stopped = self._listening.stopListening()
        if stopped is not None:
            await stopped
        for connection in list(self.connections):
            connection.transport.abortConnection()  # type: ignore[union-attr]
            await connection.lost


def read_from(origin: Origin) -> list[EagerClient]:
    """Our connections to an origin that are being read."""
    sockets = [each for each in IReactorFDSet(TIME).getReaders() if isinstance(each, EagerClient)]
    return [each for each in sockets if each.getPeer().port == origin.port]


class Client(Protocol):
    """A client of a site, which sees what comes as it comes."""

    def __init__(self) -> None:
        self.received = b""
        self.made: Deferred[Client] = Deferred()
        self.closed: Deferred[bytes] = Deferred()
        """Fires when the connection is over, with all that came."""
        self.reset = False
        self._awaited: tuple[bytes, Deferred[bytes]] | None = None

    def connectionMade(self) -> None:
        self.made.callback(self)

    def send(self, data: bytes) -> None:
        """Write, as it is."""
        assert self.transport is not None
        self.transport.write(data)

    def until(self, ending: bytes) -> Deferred[bytes]:
        """Fires with all that came, when this is part of it."""
        waiting: Deferred[bytes] = Deferred()
        self._awaited = (ending, waiting)
        self._look()
        return waiting

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self._look()

    def _look(self) -> None:
        if self._awaited is not None and self._awaited[0] in self.received:
            (_, waiting), self._awaited = self._awaited, None
            waiting.callback(self.received)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.reset = reason is not connectionDone and "cleanly" not in reason.getErrorMessage()
        self.closed.callback(self.received)


class _ClientFactory(ClientFactory):
    noisy = False

    def __init__(self, client: Client) -> None:
        self._client = client

    def buildProtocol(self, addr: object) -> Client:
        return self._client


def connect(case: TestCase, port: int) -> Deferred[Client]:
    """A connection to a site; it ends with the test."""
    client = Client()
    TCP.connectTCP("127.0.0.1", port, _ClientFactory(client))

    async def end() -> None:
        if not client.closed.called:
            client.transport.abortConnection()  # type: ignore[union-attr]
            await client.closed

    case.addCleanup(end)
    return client.made


def serve(case: TestCase, resource: IResource) -> int:
    """The port of a site with this root, which ends with the test."""
    site: Any = server.Site(resource)
    site.noisy = False
    watched: Any = WrappingFactory(site)
    watched.noisy = False
    port = TCP.listenTCP(0, watched, interface="127.0.0.1")

    async def end() -> None:
        await maybeDeferred(port.stopListening)
        while watched.protocols:
            for connection in watched.protocols:
                connection.transport.abortConnection()
            await deferLater(TIME, 0)

    case.addCleanup(end)
    number: int = port.getHost().port  # type: ignore[attr-defined]
    return number


def free_port() -> int:
    """A port on which nobody listens."""
    port = TCP.listenTCP(0, ServerFactory(), interface="127.0.0.1")
    number: int = port.getHost().port  # type: ignore[attr-defined]
    port.stopListening()
    return number
