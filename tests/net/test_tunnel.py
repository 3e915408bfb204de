"""Two transports tied together; also with TLS on one side."""

from typing import cast

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from tests.support.transports import MemoryReactor, MemorySocket, accept
from tests.support.tunnels import TunnelInMemory
from twisted_relay.net import splice
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.net.limit import Limit, Toll
from twisted_relay.net.tunnel import FLUSH_TIMEOUT, Tunnel

STEP = 0.02
"""Seconds: what is slower loses a part of the rate, for a limit saves up for a quarter of a second."""


class TunnelTests(TunnelInMemory):
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
        self.done = []

    def join(self, idle_timeout: float = 60.0, early: bytes = b"") -> Tunnel:
        """Make the tunnel."""
        tunnel = Tunnel(self.deadlines, idle_timeout, lambda up, down: self.done.append((up, down)))
        tunnel.join(self.client_transport, self.server_transport, early)
        self.reactor.settle()
        return tunnel

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


class PacedTunnelTests(TunnelTests):
    """A tunnel that has to pay for its octets; in all else it is as before."""

    rate = 1e12

    def join(self, idle_timeout: float = 60.0, early: bytes = b"") -> Tunnel:
        """Make the tunnel, with a limit for each direction."""
        tunnel = Tunnel(self.deadlines, idle_timeout, lambda up, down: self.done.append((up, down)))
        clock = cast(IReactorTime, self.reactor)
        self.limits = [Limit(self.rate, clock, self.reactor.seconds) for _ in range(2)]
        tunnel.limit(Toll([self.limits[0]]), Toll([self.limits[1]]))
        tunnel.join(self.client_transport, self.server_transport, early)
        self.reactor.settle()
        return tunnel

    def is_over(self, up: int, down: int) -> None:
        """Nobody pays or waits any more either."""
        super().is_over(up, down)
        self.assertEqual([(limit.tolls, len(limit._waiting)) for limit in self.limits], [(0, 0), (0, 0)])

    def test_pace(self) -> None:
        """Octets pass at the rate and no faster, all of them in order; each way has its own rate."""
        self.rate = 100_000
        self.join()
        sent = bytes(range(256)) * 4000
        self.far(self.server, "sends", sent)
        for second in range(1, 6):
            self.reactor.pass_time(1.0, STEP)
            passed = len(self.client.delivered)
            self.assertTrue(90_000 * second <= passed <= 100_000 * second + 30_000, passed)
        self.far(self.client, "sends", b"still heard")
        self.assertEqual(bytes(self.server.delivered), b"still heard")
        self.reactor.pass_time(10.0, STEP)
        self.assertEqual(bytes(self.client.delivered), sent)
        self.far(self.client, "resets")
        self.is_over(11, len(sent))

    def test_nothing_is_kept(self) -> None:
        """What may not pass yet stays with who sends it."""
        self.rate = 10_000
        self.join()
        self.far(self.server, "sends", bytes(5_000_000))
        self.reactor.pass_time(1.0, STEP)
        self.assertLess(self.server.read, 30_000)
        self.assertEqual(self.server.read, len(self.client.delivered))

    def test_waiting_is_not_idle(self) -> None:
        """A tunnel that waits for others which share its limit is not taken for idle; when it is, it ends."""
        self.rate = 1000
        self.join(idle_timeout=3.0)
        other = Toll([self.limits[1]])
        self.limits[1].charge(60_000)
        self.far(self.server, "sends", bytes(20_000))
        self.reactor.pass_time(60.0)
        self.assertEqual(self.done, [])
        self.reactor.pass_time(40.0)
        self.assertEqual(len(self.client.delivered), 20_000)
        other.close()
        self.is_over(0, 20_000)

    def test_both_must_agree(self) -> None:
        """A side that takes nothing is waited for, also when the toll would let more come."""
        self.rate = 100_000
        self.join()
        self.client.room = 0
        self.far(self.server, "sends", bytes(1_000_000))
        self.reactor.pass_time(20.0, STEP)
        self.assertLess(self.server.read, 300_000)
        self.client.room = None
        self.reactor.pass_time(20.0, STEP)
        self.assertEqual(len(self.client.delivered), 1_000_000)

    def test_closed_while_it_waits(self) -> None:
        """When either side goes while octets wait for their turn, all is given back."""
        self.rate = 10_000
        for who in ("client", "server"):
            self.setUp()
            self.join(early=bytes(20_000))
            self.far(self.client, "sends", bytes(50_000))
            self.assertTrue(self.limits[0]._waiting)
            self.far(getattr(self, who), "resets")
            self.reactor.pass_time(FLUSH_TIMEOUT + 1)
            self.assertEqual(len(self.done), 1)
            self.is_over(*self.done[0])
            self.assertEqual(len(self.server.delivered), self.done[0][0])

    def test_end_behind_what_waits(self) -> None:
        """An end comes after everything that was sent before it, however long that takes."""
        self.rate = 10_000
        self.join()
        self.client.far_sends(bytes(60_000))
        self.far(self.client, "ends")
        self.assertFalse(self.server.ended)
        self.reactor.pass_time(10.0, STEP)
        self.assertEqual((len(self.server.delivered), self.server.ended), (60_000, True))
