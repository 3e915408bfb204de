"""Two transports tied together; also with TLS on one side."""

from typing import cast

from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.transports import MemoryReactor, MemorySocket, accept
from twisted_relay.net import splice
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.net.tunnel import FLUSH_TIMEOUT, Tunnel


class TunnelTests(SynchronousTestCase):
    """A tunnel between a client and a server."""

    def setUp(self) -> None:
        """Both are connected, the tunnel is not made yet. Nothing in memory can be spliced."""
        self.patch(splice, "AVAILABLE", False)
        self.reactor = MemoryReactor()
        self.deadlines = Deadlines(self.reactor, self.reactor.seconds)
        self.deadlines.start()
        self.addCleanup(self.deadlines.stop)
        self.client_transport = accept(self.reactor, Protocol, "192.0.2.1")
        self.server_transport = accept(self.reactor, Protocol, "10.0.0.1")
        self.client = cast(MemorySocket, self.client_transport.socket)
        self.server = cast(MemorySocket, self.server_transport.socket)
        self.done: list[tuple[int, int]] = []

    def join(self, idle_timeout: float = 60.0, early: bytes = b"") -> Tunnel:
        """Make the tunnel."""
        tunnel = Tunnel(self.deadlines, idle_timeout, lambda up, down: self.done.append((up, down)))
        tunnel.join(self.client_transport, self.server_transport, early)
        self.reactor.settle()
        return tunnel

    def far(self, socket: MemorySocket, deed: str, *arguments: bytes) -> None:
        """One far end does something."""
        getattr(socket, f"far_{deed}")(*arguments)
        self.reactor.settle()

    def is_over(self, up: int, down: int) -> None:
        """Both sides are closed, it was told once, and nothing is left."""
        self.assertTrue(self.client.closed and self.server.closed)
        self.assertEqual(self.done, [(up, down)])
        self.assertEqual(self.deadlines.members, set())
        self.assertEqual(self.reactor.watched, 0)

    def test_both_ways(self) -> None:
        """Octets pass both ways and are counted."""
        self.join(early=b"early")
        self.far(self.client, "sends", b"hello")
        self.far(self.server, "sends", b"\x00world")
        self.assertEqual(bytes(self.server.delivered), b"earlyhello")
        self.assertEqual(bytes(self.client.delivered), b"\x00world")
        self.far(self.client, "resets")
        self.is_over(10, 6)

    def test_what_was_paused_flows(self) -> None:
        """A transport that was paused when the tunnel began reads again."""
        self.client_transport.pauseProducing()
        self.server_transport.pauseProducing()
        self.client.far_sends(b"a")
        self.server.far_sends(b"b")
        self.join()
        self.assertEqual((bytes(self.server.delivered), bytes(self.client.delivered)), (b"a", b"b"))

    def test_half_close(self) -> None:
        """An end of one direction is passed on; the tunnel ends with the second one."""
        self.join()
        self.far(self.client, "sends", b"request")
        self.far(self.client, "ends")
        self.assertTrue(self.server.ended)
        self.assertFalse(self.server.closed)
        self.far(self.server, "sends", b"response")
        self.assertEqual(bytes(self.client.delivered), b"response")
        self.far(self.server, "ends")
        self.is_over(7, 8)

    def test_half_close_waits_for_what_is_queued(self) -> None:
        """The end comes after everything before it."""
        self.join()
        self.server.room = 0
        self.far(self.client, "sends", b"x" * 200_000)
        self.client.far_ends()
        self.reactor.settle()
        self.assertFalse(self.server.ended)
        self.server.room = None
        self.reactor.settle()
        self.assertEqual(len(self.server.delivered), 200_000)
        self.assertTrue(self.server.ended)
        self.far(self.server, "closes")
        self.is_over(200_000, 0)

    def test_back_pressure(self) -> None:
        """Who is slow is waited for, each way by itself."""
        self.join()
        self.client.room = 0
        self.far(self.server, "sends", b"x" * 5_000_000)
        self.assertLess(self.server.read, 300_000)
        self.far(self.client, "sends", b"still heard")
        self.assertEqual(bytes(self.server.delivered), b"still heard")
        self.client.room = None
        self.reactor.settle()
        self.assertEqual(len(self.client.delivered), 5_000_000)
        self.far(self.server, "resets")
        self.is_over(11, 5_000_000)

    def test_reset_with_a_queue(self) -> None:
        """What one side sent before it was lost is still delivered, if it is taken in time."""
        for taken in (True, False):
            self.setUp()
            self.join()
            self.client.room = 0
            self.far(self.server, "sends", b"x" * 50_000)
            self.far(self.server, "resets")
            self.reactor.pass_time(FLUSH_TIMEOUT - 1)
            self.assertFalse(self.client.closed)
            if taken:
                self.client.room = None
                self.reactor.settle()
                self.assertEqual(len(self.client.delivered), 50_000)
            else:
                self.reactor.pass_time(2.0)
            self.is_over(0, 50_000)

    def test_half_close_after_the_other_side_is_lost(self) -> None:
        """It may be read in the same sweep, though nobody wants to read any more: what was sent still arrives."""
        self.join()
        self.client.room = 0
        self.far(self.server, "sends", b"x" * 50_000)
        self.far(self.server, "resets")
        self.client_transport.readConnectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.flushLoggedErrors(), [])
        self.client.room = None
        self.reactor.settle()
        self.assertEqual(len(self.client.delivered), 50_000)
        self.is_over(0, 50_000)

    def test_idle(self) -> None:
        """Octets in either direction keep it; without any it ends."""
        self.join(idle_timeout=10.0)
        for socket in (self.client, self.server, self.client):
            self.reactor.pass_time(9.0)
            self.far(socket, "sends", b"x")
        self.assertEqual(self.done, [])
        self.reactor.pass_time(11.0)
        self.is_over(2, 1)

    def test_idle_with_a_queue_that_nobody_takes(self) -> None:
        """Neither does a side that takes nothing hold it for ever."""
        self.join(idle_timeout=10.0)
        self.client.room = 0
        self.far(self.server, "sends", b"x" * 500_000)
        self.reactor.pass_time(10.0 + FLUSH_TIMEOUT + 2.0)
        self.assertTrue(self.client.closed and self.server.closed)
        self.assertEqual(len(self.done), 1)

    def test_no_idle_timeout(self) -> None:
        """0 lets it last."""
        tunnel = self.join(idle_timeout=0)
        self.reactor.pass_time(100_000.0, step=1000.0)
        self.assertEqual(self.done, [])
        tunnel.close()
        self.reactor.settle()
        self.is_over(0, 0)

    def test_close_twice(self) -> None:
        """It ends once."""
        tunnel = self.join()
        tunnel.close()
        tunnel.close()
        self.reactor.settle()
        tunnel.close()
        self.is_over(0, 0)
