"""The data path's own epoll set, on real sockets in the real reactor."""

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import AlreadyCalledError, Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from twisted_relay.net.poller import Poller, poller_in
from twisted_relay.net.transport import EagerPort, dial_tcp, surplus


class Recorder(Protocol):
    """Remembers what came, and how it ended."""

    def __init__(self) -> None:
        self.received = b""
        self.writes_seen: list[bytes] = []
        self.made: Deferred[Recorder] = Deferred()
        self.lost: Deferred[str] = Deferred()
        self.on_data: Any = None

    def connectionMade(self) -> None:
        """The connection stands."""
        self.made.callback(self)

    def dataReceived(self, data: bytes) -> None:
        """Octets came."""
        self.received += data
        self.writes_seen.append(data)
        if self.on_data is not None:
            self.on_data(self, data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection ended."""
        self.lost.callback(reason.getErrorMessage())


class Maker(Factory):
    """Gives out one protocol."""

    noisy = False

    def __init__(self, protocol: Recorder) -> None:
        self.made = protocol

    def buildProtocol(self, addr: object) -> Recorder:
        """The one."""
        return self.made

    def startedConnecting(self, connector: object) -> None:
        """Dialling."""

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        """Nobody listens."""
        self.made.lost.callback(reason.getErrorMessage())

    def clientConnectionLost(self, connector: object, reason: Failure) -> None:
        """Told to the protocol."""


class PollerTests(TestCase):
    """Two ends of a connection, both in one poller."""

    def setUp(self) -> None:
        """Nothing is registered yet."""
        self.poller = Poller(reactor)
        self.addCleanup(self.poller.close)
        self.server, self.client = Recorder(), Recorder()

    async def connect(self) -> None:
        """Tie the two ends together."""
        port: Any = EagerPort(0, Maker(self.server), 50, "127.0.0.1", self.poller)
        port.startListening()
        self.addCleanup(port.stopListening)
        dial_tcp(self.poller, "127.0.0.1", port.getHost().port, Maker(self.client), None)  # type: ignore[arg-type]
        await self.server.made
        await self.client.made

    async def close(self) -> None:
        """End it from the client's side; the server hears of it."""
        self.client.transport.loseConnection()  # type: ignore[union-attr]
        await self.server.lost
        await self.client.lost

    async def test_an_answer_in_one_piece(self) -> None:
        """What is written in one sweep leaves as one piece, at its end."""
        await self.connect()
        answered: Deferred[None] = Deferred()

        def answer(protocol: Recorder, data: bytes) -> None:
            for piece in (b"head", b" and ", b"content"):
                protocol.transport.write(piece)  # type: ignore[union-attr]
            self.assertTrue(self.poller.sweeping)
            self.assertEqual(len(self.poller.dirty), 1)

        self.server.on_data = answer
        self.client.on_data = lambda protocol, data: answered.callback(None)
        self.client.transport.write(b"request")  # type: ignore[union-attr]
        await answered
        self.assertEqual(self.client.writes_seen, [b"head and content"])
        await self.close()

    async def test_much_and_slow(self) -> None:
        """Megabytes pass whole through a reader that pauses."""
        await self.connect()
        size = 5_000_000
        complete: Deferred[None] = Deferred()

        def read(protocol: Recorder, data: bytes) -> None:
            protocol.transport.pauseProducing()  # type: ignore[union-attr]
            reactor.callLater(0, protocol.transport.resumeProducing)  # type: ignore[union-attr]
            if len(protocol.received) == size:
                complete.callback(None)

        self.client.on_data = read
        self.server.transport.write(bytes(size))  # type: ignore[union-attr]
        await complete
        await self.close()

    async def test_a_fault_in_a_protocol(self) -> None:
        """A protocol that raises loses its connection and nothing else."""
        await self.connect()

        def fail(protocol: Recorder, data: bytes) -> None:
            raise RuntimeError("a fault of the test")

        self.server.on_data = fail
        self.client.transport.write(b"x")  # type: ignore[union-attr]
        await self.server.lost
        await self.client.lost
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_fault_while_sending(self) -> None:
        """One connection that fails when it sends is ended; what the others have written is sent all the same."""
        done: list[str] = []

        class Sender:
            def __init__(self, name: str) -> None:
                self.name = name

            def fileno(self) -> int:
                return -1

            def flush(self) -> None:
                if self.name == "bad":
                    raise ZeroDivisionError
                done.append(f"{self.name} sent")

            def connectionLost(self, reason: Failure) -> None:
                done.append(f"{self.name} lost")

        self.poller.dirty = [Sender("first"), Sender("bad"), Sender("last")]
        self.poller.doRead()
        self.assertEqual(done, ["first sent", "bad lost", "last sent"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_surplus(self) -> None:
        """Octets that have come and were not asked for are seen without reading them."""
        await self.connect()
        transport: Any = self.client.transport
        self.assertFalse(surplus(transport))
        transport.pauseProducing()
        self.server.transport.write(b"unasked")  # type: ignore[union-attr]
        await deferLater(reactor, 0)  # the sweep that we are in ends, and sends
        self.assertTrue(surplus(transport))
        transport.resumeProducing()
        await self.close()

    async def test_a_fault_in_both_ends_of_a_protocol(self) -> None:
        """A protocol that raises even as it ends takes nobody with it: others are still served."""
        await self.connect()

        def fail(protocol: Recorder, data: bytes) -> None:
            protocol.lost.callback("")  # its own end will raise now
            raise RuntimeError("a fault of the test")

        self.server.on_data = fail
        self.client.transport.write(b"x")  # type: ignore[union-attr]
        await self.client.lost
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(len(self.flushLoggedErrors(AlreadyCalledError)), 1)
        self.server, self.client = Recorder(), Recorder()
        await self.connect()
        await self.close()

    async def test_a_reset_while_nothing_is_read(self) -> None:
        """A peer that resets is noticed at once, also by who has paused reading."""
        await self.connect()
        self.server.transport.pauseProducing()  # type: ignore[union-attr]
        self.client.transport.write(b"never read")  # type: ignore[union-attr]
        self.client.transport.abortConnection()  # type: ignore[union-attr]
        await self.client.lost
        await self.server.lost
        self.assertEqual(self.server.received, b"")

    async def test_nobody_listens(self) -> None:
        """A refused connection is reported as such."""
        port: Any = EagerPort(0, Maker(Recorder()), 50, "127.0.0.1", self.poller)
        port.startListening()
        number = port.getHost().port
        await port.stopListening()
        dial_tcp(self.poller, "127.0.0.1", number, Maker(self.client), None)  # type: ignore[arg-type]
        reason = await self.client.lost
        self.assertIn("refused", reason)


class ChoiceTests(SynchronousTestCase):
    """Where a poller is used."""

    def test_reactors_without_descriptors(self) -> None:
        """A fake reactor is used as it is."""
        clock = Clock()
        self.assertIs(poller_in(clock), clock)
