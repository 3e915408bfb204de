"""Content moved inside the kernel: all of it, no more of it, at the pace of who reads it, whatever breaks."""

import os
from dataclasses import replace
from typing import cast

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.pairs import PairSocket
from tests.support.playbook import BACKEND, Conversation, get, head, ok, servers
from tests.support.transports import MemoryReactor, accept
from twisted_relay.net import splice
from twisted_relay.net.limit import Limit, Toll
from twisted_relay.net.splice import PIPE_SIZE, Pump
from twisted_relay.net.transport import Eager

MEBI = 1 << 20
BOUND = PIPE_SIZE + 2 * MEBI  # one pipe, and what the kernel holds in two pairs of sockets


class Recorder(Protocol):
    """What a connection's protocol hears while its transport is lent."""

    def __init__(self) -> None:
        self.received = b""
        self.lost = 0
        self.pump: Pump | None = None

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost += 1
        if self.pump is not None:
            self.pump.stop()


def descriptors() -> int:
    """How many files this process has open."""
    return len(os.listdir("/proc/self/fd"))


class PumpTests(SynchronousTestCase):
    """A pump between two connections."""

    def setUp(self) -> None:
        """A source and a sink, each a connection whose far end is ours, and no pipe in reserve."""
        if not splice.AVAILABLE:
            self.skipTest("this platform has no splice")
        self.patch(splice, "_idle_pipes", [])
        self.addCleanup(self.close_pipes)
        self.reactor = MemoryReactor(PairSocket)
        self.source, self.source_protocol, self.sender = self.connect()
        self.sink, self.sink_protocol, self.taker = self.connect()
        self.done: list[int] = []

    def connect(self) -> tuple[Eager, Recorder, PairSocket]:
        """A connection, its protocol and its far end."""
        protocol = Recorder()
        transport = accept(self.reactor, lambda: protocol, "192.0.2.1")
        socket = cast(PairSocket, transport.socket)
        self.addCleanup(socket._far.close)
        self.addCleanup(transport.connectionLost, Failure(connectionDone.value))
        return transport, protocol, socket

    def close_pipes(self) -> None:
        """Give back the pipes that were kept in reserve."""
        for pipe in splice._idle_pipes:
            for descriptor in pipe:
                os.close(descriptor)

    def pump(self, length: int) -> Pump:
        """Begin to move so many octets."""
        made = Pump(self.source, self.sink, length, self.done.append)
        self.source_protocol.pump = self.sink_protocol.pump = made
        return made

    def settle(self) -> None:
        """Let everything happen."""
        self.reactor.settle()

    def test_all_of_it(self) -> None:
        """Every octet arrives in order, none reaches a protocol, and the end is told once."""
        content = os.urandom(5 * MEBI)
        pump = self.pump(len(content))
        self.sender.far_sends(content)
        self.settle()
        self.assertEqual(bytes(self.taker.delivered), content)
        self.assertEqual((self.done, pump.moved), ([len(content)], len(content)))
        self.assertEqual(self.source_protocol.received, b"")

    def test_no_more_than_that(self) -> None:
        """What comes behind the content goes to the source's protocol as always."""
        self.pump(200_000)
        self.sender.far_sends(b"x" * 200_000 + b"next")
        self.settle()
        self.assertEqual(bytes(self.taker.delivered), b"x" * 200_000)
        self.assertEqual(self.source_protocol.received, b"next")

    def test_transports_work_as_before(self) -> None:
        """After the pump both transports read and write by themselves; the pipe is kept for the next one."""
        for _ in range(3):
            self.pump(10)
            self.sender.far_sends(b"x" * 10)
            self.settle()
            self.sink.write(b"more")
            self.taker.far_sends(b"request")
            self.settle()
        self.assertEqual(bytes(self.taker.delivered), b"xxxxxxxxxxmore" * 3)
        self.assertEqual(self.sink_protocol.received, b"request" * 3)
        self.assertEqual(len(splice._idle_pipes), 1)

    def test_the_sink_reads_requests_meanwhile(self) -> None:
        """Only the sink's writing is lent, and only the source's reading."""
        self.pump(1000)
        self.taker.far_sends(b"request")
        self.source.write(b"answer")
        self.settle()
        self.assertEqual(self.sink_protocol.received, b"request")
        self.assertEqual(bytes(self.sender.delivered), b"answer")

    def test_a_slow_sink(self) -> None:
        """While nobody takes anything a bounded part is read; then it goes on."""
        content = os.urandom(16 * MEBI)
        pump = self.pump(len(content))
        self.taker.room = 0
        self.sender.far_sends(content)
        self.settle()
        self.assertLess(len(content) - self.sender.waiting, BOUND)
        pump.has_moved()
        self.assertEqual((pump.has_moved(), pump.waits), (False, True))
        self.taker.room = 4 * MEBI
        self.settle()
        self.assertLess(len(content) - self.sender.waiting, 4 * MEBI + BOUND)
        self.taker.room = None
        self.settle()
        self.assertEqual(bytes(self.taker.delivered), content)
        self.assertEqual((self.done, pump.waits), ([len(content)], False))

    def test_has_moved(self) -> None:
        """It tells a stalled source from one that sends."""
        pump = self.pump(1000)
        self.assertFalse(pump.has_moved())
        self.sender.far_sends(b"x")
        self.settle()
        self.assertTrue(pump.has_moved())
        self.assertFalse(pump.has_moved())

    def test_the_source_ends_too_early(self) -> None:
        """Its protocol hears of it; what came before has been passed on."""
        self.pump(1000)
        self.sender.far_sends(b"x" * 10)
        self.sender.far_closes()
        self.settle()
        self.assertEqual(self.source_protocol.lost, 1)
        self.assertEqual((bytes(self.taker.delivered), self.done), (b"x" * 10, []))
        self.assertEqual(self.sink_protocol.lost, 0)

    def test_the_sink_is_lost(self) -> None:
        """Its protocol hears of it, whether it was waiting or not; the pipe with what is left is not kept."""
        for blocked in (False, True):
            source, _, sender = self.connect()
            sink, sink_protocol, taker = self.connect()
            sink_protocol.pump = Pump(source, sink, 10 * MEBI, self.done.append)
            taker.room = 0 if blocked else None
            sender.far_sends(b"x" * 4 * MEBI)
            self.settle()
            taker.far_resets()
            sender.far_sends(b"x" * MEBI)
            self.settle()
            self.assertEqual(sink_protocol.lost, 1, blocked)
            self.assertEqual(self.done, [])
            if blocked:
                self.assertEqual(splice._idle_pipes, [])

    def test_stop(self) -> None:
        """It can be stopped at any moment, more than once, and leaves no descriptor behind."""
        before = descriptors()
        pump = self.pump(10 * MEBI)
        self.assertEqual(descriptors(), before + 2)
        self.taker.room = 0
        self.sender.far_sends(b"x" * 4 * MEBI)
        self.settle()
        pump.stop()
        pump.stop()
        self.assertEqual(descriptors(), before)
        self.taker.room = None
        self.settle()
        self.assertEqual(self.done, [])

    def test_no_pipe(self) -> None:
        """Without a descriptor for a pipe nothing has changed."""

        def none_left(flags: int) -> tuple[int, int]:
            raise OSError("too many open files")

        self.patch(os, "pipe2", none_left)
        self.assertRaises(OSError, self.pump, 10)
        self.sender.far_sends(b"hello")
        self.settle()
        self.assertEqual(self.source_protocol.received, b"hello")


class TollTests(PumpTests):
    """A pump that has to pay for its octets."""

    def setUp(self) -> None:
        """A bucket of one MiB a second, whose turns are 20 ms."""
        super().setUp()
        self.limit = Limit(MEBI, cast(IReactorTime, self.reactor), self.reactor.seconds)

    def pump(self, length: int) -> Pump:
        """Begin to move so many octets, at a pace."""
        made = super().pump(length)
        made.toll = Toll([self.limit])
        made.toll.resume = made.go_on
        return made

    def settle(self) -> None:
        """Let everything happen, however long it takes."""
        super().settle()
        while self.limit._waiting:
            self.reactor.pass_time(0.02, 0.02)

    def test_pace(self) -> None:
        """It takes no more from its source than it may, and says meanwhile that it waits."""
        pump = self.pump(4 * MEBI)
        self.sender.far_sends(bytes(4 * MEBI))
        self.reactor.pass_time(1.0, 0.02)
        self.assertTrue(0.9 * MEBI <= pump.moved <= 1.3 * MEBI, pump.moved)
        self.assertEqual((pump.waits, pump.has_moved(), pump.has_moved()), (True, True, False))
        self.assertEqual(len(self.taker.delivered), pump.moved)
        self.settle()
        self.assertEqual((self.done, len(self.taker.delivered)), ([4 * MEBI], 4 * MEBI))

    def test_a_slow_sink(self) -> None:
        """What the toll lets come waits for a sink that takes nothing, and goes on with it."""
        pump = self.pump(4 * MEBI)
        self.taker.room = 0
        self.sender.far_sends(bytes(4 * MEBI))
        self.reactor.pass_time(20.0, 0.02)
        self.assertEqual(self.done, [])
        self.assertTrue(pump.waits)
        self.taker.room = None
        self.settle()
        self.assertEqual((self.done, len(self.taker.delivered)), ([4 * MEBI], 4 * MEBI))


class Spliced(Conversation):
    """A conversation over real pairs of sockets."""

    wire = PairSocket


class ResponseTests(SynchronousTestCase):
    """Large responses through the relay, spliced."""

    SIZE = 8 * MEBI

    def setUp(self) -> None:
        """Where there is no splice there is nothing to show."""
        if not splice.AVAILABLE:
            self.skipTest("this platform has no splice")
        self.pumps: list[Pump] = []
        made = self.pumps

        class Noted(Pump):
            def __init__(self, *arguments: object) -> None:
                super().__init__(*arguments)  # type: ignore[arg-type]
                made.append(self)

        self.patch(splice, "Pump", Noted)

    def test_whole(self) -> None:
        """The content arrives whole, is counted on both sides, and both connections serve again."""
        talk = Spliced(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        content = os.urandom(self.SIZE)
        server.sends(ok(content))
        client.sees(ok(content))
        self.assertEqual(len(self.pumps), 1)
        self.assertGreater(self.pumps[0].moved, self.SIZE // 2)
        self.assertEqual(talk.last().bytes_sent, len(ok(content)))
        self.assertEqual(talk.server().counters.bytes_received, len(ok(content)))
        client.sends(get("/next"))
        server.taken()
        server.sends(ok(b"small"))
        client.sees(ok(b"small"))
        self.assertEqual(talk.codes(), [200, 200])
        talk.is_over()

    def test_pipelined_behind_it(self) -> None:
        """Requests that wait behind a large response are answered after it."""
        talk = Spliced(self)
        client = talk.client()
        client.sends(get("/1") + get("/2"))
        server = talk.accepts()
        server.sends(ok(bytes(self.SIZE)), ok(b"two"))
        client.sees(ok(bytes(self.SIZE)), ok(b"two"))
        talk.is_over()

    def test_slow_client(self) -> None:
        """The server is held back while the client takes nothing."""
        talk = Spliced(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        client.blocks()
        server.sends(ok(bytes(2 * self.SIZE)))
        self.assertGreater(cast(PairSocket, server.socket).waiting, 2 * self.SIZE - BOUND)
        client.unblocks()
        client.sees(ok(bytes(2 * self.SIZE)))
        talk.is_over()

    def test_the_client_leaves(self) -> None:
        """The server's connection is cut and nothing is left, whether the client had been taking or not."""
        for blocked in (False, True):
            talk = Spliced(self)
            client = talk.client()
            client.sends(get())
            server = talk.accepts()
            if blocked:
                client.blocks()
            server.sends(head("HTTP/1.1 200 OK", f"Content-Length: {self.SIZE}") + bytes(self.SIZE // 2))
            client.aborts()
            self.assertTrue(server.socket.closed)
            exchange = talk.last()
            assert exchange.error is not None
            self.assertEqual(exchange.error.reason, "client_abort")
            talk.is_over()

    def test_the_server_leaves(self) -> None:
        """The client's connection is cut: it must not take a part for the whole."""
        talk = Spliced(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        server.sends(head("HTTP/1.1 200 OK", f"Content-Length: {self.SIZE}") + bytes(self.SIZE // 2))
        server.closes()
        client.sees_reset()
        self.assertEqual(talk.server().counters.errors["reset"], 1)
        talk.is_over()

    def test_time(self) -> None:
        """A server that stalls, and a client that takes nothing, are cut off in their time."""
        for slow in ("server", "client"):
            talk = Spliced(self, backend=replace(BACKEND, servers=servers(1), idle_timeout=10.0))
            client = talk.client()
            client.sends(get())
            server = talk.accepts()
            if slow == "client":
                client.blocks()
            server.sends(head("HTTP/1.1 200 OK", f"Content-Length: {self.SIZE}") + bytes(self.SIZE // 2))
            talk.reactor.pass_time(9.0, step=1.0)
            client.is_open()
            talk.reactor.pass_time(20.0 if slow == "server" else 130.0, step=1.0)
            self.assertTrue(client.socket.closed)
            self.assertTrue(server.socket.closed)
            self.assertEqual(talk.server().counters.errors["timeout"], int(slow == "server"))
            talk.is_over()
