"""Transports that send at once: the same octets in the same order as Twisted's, sooner."""

from typing import cast

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.transports import MemoryReactor, MemorySocket, accept
from twisted_relay.net.transport import FLUSH_FROM, Eager, in_flight, plain_socket


class Recorder(Protocol):
    """What a protocol hears; `says` is done when something arrives."""

    def __init__(self) -> None:
        self.received = b""
        self.lost: list[object] = []
        self.does: list[str] = []
        self.says: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        for piece in self.says:
            self.transport.write(piece)  # type: ignore[union-attr]
        for deed in self.does:
            getattr(self.transport, deed)()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.append(type(reason.value))


class Producer:
    """Something that is told when to stop and go on."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def stopProducing(self) -> None:
        self.told.append("stop")


class EagerTests(SynchronousTestCase):
    """A connection, with a protocol of the test's."""

    def setUp(self) -> None:
        """The connection stands."""
        self.reactor = MemoryReactor()
        self.protocol = Recorder()
        self.transport: Eager = accept(self.reactor, lambda: self.protocol, "192.0.2.1")
        self.far = cast(MemorySocket, self.transport.socket)
        self.sends: list[int] = []
        send = self.far.send

        def counted(data: bytes) -> int:
            self.sends.append(len(data))
            return send(data)

        self.far.send = counted  # type: ignore[method-assign]

    def test_at_once(self) -> None:
        """Outside of a sweep what is written is sent before `write` returns."""
        self.transport.write(b"hello")
        self.assertEqual(bytes(self.far.delivered), b"hello")
        self.transport.write(b"")
        self.assertEqual(self.transport.unsent, 0)

    def test_together(self) -> None:
        """What is written while events are handled is sent at the end of them, in one piece."""
        self.protocol.says = [b"head", b"and", b"content"]
        self.far.far_sends(b"request")
        self.reactor.settle()
        self.assertEqual((bytes(self.far.delivered), self.sends), (b"headandcontent", [14]))

    def test_much_is_not_held_back(self) -> None:
        """A large piece is sent at once, with what was written before it."""
        self.reactor.sweeping = True
        self.transport.write(b"head")
        self.assertEqual(self.sends, [])
        self.transport.write(b"x" * FLUSH_FROM)
        self.assertEqual(self.sends, [FLUSH_FROM + 4])

    def test_what_does_not_fit(self) -> None:
        """What the kernel does not take waits, and everything arrives in order, whatever the sizes."""
        self.far.room = 10
        self.protocol.says = [b"0123456", b"789abcdefg", b"hij" * 50_000, b"tail"]
        self.far.far_sends(b"x")
        self.reactor.settle()
        whole = b"".join(self.protocol.says)
        self.assertEqual(bytes(self.far.delivered), whole[:10])
        self.assertEqual(self.transport.unsent, len(whole) - 10)
        while len(self.far.delivered) < len(whole):
            self.far.room = 777
            self.reactor.settle()
        self.assertEqual(bytes(self.far.delivered), whole)

    def test_close_after_write(self) -> None:
        """Closing waits for what was written before it, in a sweep or outside."""
        self.protocol.says, self.protocol.does = [b"bye"], ["loseConnection"]
        self.far.far_sends(b"x")
        self.reactor.settle()
        self.assertEqual((bytes(self.far.delivered), self.far.closed, self.far.reset), (b"bye", True, False))
        self.assertEqual(len(self.protocol.lost), 1)

    def test_half_close_after_write(self) -> None:
        """So does closing the sending side."""
        self.protocol.says, self.protocol.does = [b"bye"], ["loseWriteConnection"]
        self.far.far_sends(b"x")
        self.reactor.settle()
        self.assertEqual((bytes(self.far.delivered), self.far.ended, self.far.closed), (b"bye", True, False))
        self.transport.write(b"too late")
        self.assertEqual(bytes(self.far.delivered), b"bye")

    def test_abort(self) -> None:
        """Aborting waits for nothing, and the protocol hears of it in the next turn."""
        self.far.room = 0
        self.protocol.says, self.protocol.does = [b"bye"], ["abortConnection", "abortConnection"]
        self.far.far_sends(b"x")
        self.reactor.settle()
        self.assertEqual((bytes(self.far.delivered), self.far.reset), (b"", True))
        self.assertEqual(len(self.protocol.lost), 1)
        self.transport.write(b"too late")

    def test_broken(self) -> None:
        """A connection that breaks while something is sent is lost in the usual way, not with an exception."""
        for room in (None, 0):
            self.setUp()
            self.far.room = room
            self.far.far_resets()
            self.reactor.removeReader(self.transport)  # type: ignore[arg-type]
            self.transport.write(b"x")
            self.reactor.settle()
            self.assertEqual(len(self.protocol.lost), 1)

    def test_read(self) -> None:
        """Octets, an end and a reset are told apart."""
        self.far.far_sends(b"hello")
        self.far.far_ends()
        self.reactor.settle()
        self.assertEqual(self.protocol.received, b"hello")
        self.assertEqual(self.protocol.lost, [ConnectionDone])
        self.setUp()
        self.far.far_sends(b"hello")
        self.far.far_resets()
        self.reactor.settle()
        self.assertEqual((self.protocol.received, self.protocol.lost), (b"hello", [ConnectionLost]))
        self.setUp()
        self.assertIsNone(self.transport.doRead())

    def test_producer(self) -> None:
        """A producer stops at 64 KiB and goes on when all of it is sent."""
        producer = Producer()
        self.transport.registerProducer(producer, True)  # type: ignore[attr-defined]
        self.far.room = 0
        self.transport.write(b"x" * 65536)
        self.assertEqual(producer.told, [])
        self.transport.write(b"x")
        self.assertEqual(producer.told, ["pause"])
        self.far.room = 65536
        self.reactor.settle()
        self.assertEqual(producer.told, ["pause"])
        self.far.room = 1
        self.reactor.settle()
        self.assertEqual(producer.told, ["pause", "resume"])

    def test_one_large_write(self) -> None:
        """A single write above the limit pauses as well."""
        producer = Producer()
        self.transport.registerProducer(producer, True)  # type: ignore[attr-defined]
        self.far.room = 100
        self.transport.write(b"x" * 100_000)
        self.assertEqual(producer.told, ["pause"])

    def test_paused_reading(self) -> None:
        """What arrives while reading is paused waits."""
        self.transport.pauseProducing()  # type: ignore[attr-defined]
        self.far.far_sends(b"hello")
        self.reactor.settle()
        self.assertEqual(self.protocol.received, b"")
        self.transport.resumeProducing()  # type: ignore[attr-defined]
        self.reactor.settle()
        self.assertEqual(self.protocol.received, b"hello")

    def test_plain_socket(self) -> None:
        """Only a plain transport with nothing queued can be spliced."""
        self.assertIs(plain_socket(self.transport), self.transport)
        self.far.room = 0
        self.transport.write(b"x")
        self.assertIsNone(plain_socket(self.transport))
        self.assertIsNone(plain_socket(object()))

    def test_in_flight(self) -> None:
        """What waits in our queue is known, also through what stands around the transport."""

        class Around:
            transport = self.transport

        self.far.room = 0
        self.transport.write(b"xyz")
        self.assertEqual(in_flight(self.transport), (3, 0))
        self.assertEqual(in_flight(Around()), (3, 0))
        self.assertEqual(in_flight(None), (0, 0))
