"""Tunnels through which much goes: inside the kernel, and in all else as before."""

import os
from typing import cast

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol
from twisted.trial.unittest import SynchronousTestCase

from tests.net.test_tunnel import STEP
from tests.support.pairs import PairSocket
from tests.support.transports import MemoryReactor, accept
from twisted_relay.net import splice
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.net.limit import Limit, Toll
from twisted_relay.net.tunnel import FLUSH_TIMEOUT, SPLICE_FROM, Tunnel

MEBI = 1 << 20
BOUND = splice.PIPE_SIZE + 2 * MEBI  # one pipe, and what the kernel holds in two pairs of sockets


class SplicedTunnelTests(SynchronousTestCase):
    """A tunnel between two pairs of real sockets."""

    def setUp(self) -> None:
        """Both are connected and tied together."""
        if not splice.AVAILABLE:
            self.skipTest("this platform has no splice")
        self.patch(splice, "_idle_pipes", [])
        self.addCleanup(self.close_pipes)
        self.reactor = MemoryReactor(PairSocket)
        self.deadlines = Deadlines(self.reactor, self.reactor.seconds)
        self.deadlines.start()
        self.addCleanup(self.deadlines.stop)
        self.transports = []
        self.client, self.server = self.connect(), self.connect()
        self.done: list[tuple[int, int]] = []
        self.tunnel = self.make()
        self.tunnel.join(self.transports[0], self.transports[1], b"")

    transports: list[object]

    def make(self) -> Tunnel:
        """The tunnel, not tied yet."""
        return Tunnel(self.deadlines, 40.0, lambda up, down: self.done.append((up, down)))

    def connect(self) -> PairSocket:
        """A connection whose far end is ours."""
        transport = accept(self.reactor, Protocol, "192.0.2.1")
        self.transports.append(transport)
        made = cast(PairSocket, transport.socket)
        self.addCleanup(made._far.close)
        return made

    def close_pipes(self) -> None:
        """Give back the pipes that were kept in reserve."""
        for pipe in splice._idle_pipes:
            for descriptor in pipe:
                os.close(descriptor)

    def pumps(self) -> int:
        """How many directions go through a pipe."""
        return sum(end.pump is not None for end in (self.tunnel._client, self.tunnel._server))

    def settle(self) -> None:
        """Let everything happen that needs no time."""
        self.reactor.settle()

    def is_over(self, up: int, down: int) -> None:
        """Both sides are closed, it was told once, and no pipe is held."""
        self.assertTrue(self.client.closed and self.server.closed)
        self.assertEqual((self.done, self.pumps(), self.deadlines.members), ([(up, down)], 0, set()))
        self.assertEqual(self.reactor.watched, 0)

    def test_both_ways_at_once(self) -> None:
        """Every octet arrives in order, whichever way and however much; all are counted."""
        up, down = os.urandom(5 * MEBI), os.urandom(3 * MEBI)
        self.client.far_sends(up)
        self.server.far_sends(down)
        self.settle()
        self.assertEqual(self.pumps(), 2)
        self.assertEqual((bytes(self.server.delivered), bytes(self.client.delivered)), (up, down))
        self.client.far_ends()
        self.settle()
        self.assertTrue(self.server.ended)
        self.server.far_sends(b"the rest")
        self.server.far_ends()
        self.settle()
        self.assertEqual(bytes(self.client.delivered), down + b"the rest")
        self.is_over(len(up), len(down) + 8)

    def test_little_is_copied(self) -> None:
        """A tunnel that carries little needs no pipe."""
        self.client.far_sends(bytes(SPLICE_FROM - 1))
        self.settle()
        self.assertEqual((self.pumps(), len(self.server.delivered)), (0, SPLICE_FROM - 1))

    def test_a_slow_reader(self) -> None:
        """Who reads nothing stops the other, and an end waits for everything before it."""
        self.client.far_sends(bytes(MEBI))
        self.settle()
        self.server.room = 0
        self.client.far_sends(bytes(50 * MEBI))
        self.client.far_ends()
        self.settle()
        self.assertGreater(self.client.waiting, 50 * MEBI - BOUND)
        self.assertFalse(self.server.ended)
        self.server.room = None
        self.settle()
        self.assertEqual(len(self.server.delivered), 51 * MEBI)
        self.assertTrue(self.server.ended)

    def test_rest_and_idle(self) -> None:
        """A direction that rests gives its pipe back; the tunnel goes on, and ends after the idle time alone."""
        self.client.far_sends(bytes(MEBI))
        self.settle()
        self.assertEqual(self.pumps(), 1)
        self.reactor.pass_time(21.0)
        self.assertEqual((self.pumps(), self.done), (0, []))
        self.client.far_sends(bytes(MEBI))
        self.settle()
        self.assertEqual((self.pumps(), len(self.server.delivered)), (1, 2 * MEBI))
        for _ in range(10):
            self.reactor.pass_time(9.0)
            self.client.far_sends(b"x")
            self.settle()
        self.assertEqual(self.done, [])
        self.reactor.pass_time(38.0)
        self.assertEqual(self.done, [])
        self.reactor.pass_time(15.0)
        self.is_over(2 * MEBI + 10, 0)

    def test_closed_with_something_in_the_pipe(self) -> None:
        """What had been taken from one side is still delivered to the other when the tunnel is closed."""
        self.server.far_sends(bytes(MEBI))
        self.settle()
        self.client.room = 0
        self.server.far_sends(bytes(400_000))
        self.settle()
        pump = self.tunnel._server.pump
        assert pump is not None and pump.waits
        before = self.tunnel._server.received + pump.moved
        self.tunnel.close()
        self.client.room = None
        self.settle()
        self.reactor.pass_time(FLUSH_TIMEOUT + 1)
        self.assertGreater(len(self.client.delivered), before)
        self.is_over(0, len(self.client.delivered))

    def test_idle_with_something_in_the_pipe(self) -> None:
        """A side that takes nothing does not hold the tunnel and its pipe for ever; one that takes a little does."""
        self.server.far_sends(bytes(MEBI))
        self.settle()
        self.client.room = 0
        self.server.far_sends(bytes(20 * MEBI))
        self.settle()
        for _ in range(10):
            self.client.room = MEBI // 2
            self.settle()
            self.reactor.pass_time(35.0)
        self.assertEqual((self.done, self.pumps()), ([], 1))
        self.reactor.pass_time(40.0 + FLUSH_TIMEOUT)
        self.assertEqual((len(self.done), self.pumps(), self.deadlines.members), (1, 0, set()))
        self.assertTrue(self.client.closed and self.server.closed)

    def test_lost(self) -> None:
        """When one side is lost in the middle the other is closed, and nothing is held."""
        self.client.far_sends(bytes(5 * MEBI))
        self.settle()
        self.server.room = 0
        self.client.far_sends(bytes(5 * MEBI))
        self.settle()
        self.server.far_resets()
        self.settle()
        self.reactor.pass_time(FLUSH_TIMEOUT + 1)
        self.assertTrue(self.client.closed and self.server.closed)
        self.assertEqual((len(self.done), self.pumps(), self.deadlines.members), (1, 0, set()))

    def test_age(self) -> None:
        """A tunnel that may only grow so old ends, whatever goes through it."""
        self.tunnel.ends_at = self.deadlines.now() + 30.0
        for _ in range(8):
            self.client.far_sends(bytes(MEBI))
            self.settle()
            self.reactor.pass_time(5.0)
        self.assertEqual(len(self.done), 1)


class PacedSplicedTunnelTests(SplicedTunnelTests):
    """A tunnel that has to pay for its octets; in all else it is as before."""

    rate = 1e12

    def make(self) -> Tunnel:
        tunnel = super().make()
        clock = cast(IReactorTime, self.reactor)
        self.limits = [Limit(self.rate, clock, self.reactor.seconds) for _ in range(2)]
        tunnel.limit(Toll([self.limits[0]]), Toll([self.limits[1]]))
        return tunnel

    def slow(self, rate: float) -> None:
        """Begin again, at this rate."""
        self.rate = rate
        self.setUp()

    def test_pace(self) -> None:
        """Octets pass at the rate inside the kernel, too, and all of them in order."""
        self.slow(4 * MEBI)
        sent = os.urandom(12 * MEBI)
        self.server.far_sends(sent)
        self.settle()
        self.reactor.pass_time(1.0, STEP)
        self.assertEqual(self.pumps(), 1)
        self.assertTrue(3.8 * MEBI <= len(self.client.delivered) <= 5.2 * MEBI, len(self.client.delivered))
        self.reactor.pass_time(5.0, STEP)
        self.assertEqual(bytes(self.client.delivered), sent)
        self.assertEqual(self.tunnel.moved, (0, len(sent)))

    def test_waiting_is_not_idle(self) -> None:
        """A tunnel whose octets wait for their turn inside the kernel is not taken for idle, nor copied again."""
        self.slow(4 * MEBI)
        self.server.far_sends(bytes(2 * MEBI))
        self.settle()
        self.reactor.pass_time(0.2, STEP)
        self.assertEqual(self.pumps(), 1)
        self.limits[1].charge(400 * MEBI)
        self.server.far_sends(bytes(MEBI))
        self.settle()
        self.reactor.pass_time(90.0)
        self.assertEqual((self.done, self.pumps()), ([], 1))
        self.reactor.pass_time(20.0)
        self.assertEqual(len(self.client.delivered), 3 * MEBI)

    def test_closed_while_it_waits(self) -> None:
        """When a side goes while octets wait for their turn, nothing is held."""
        self.slow(2 * MEBI)
        self.server.far_sends(bytes(8 * MEBI))
        self.settle()
        self.reactor.pass_time(0.5, STEP)
        self.assertEqual((self.pumps(), len(self.limits[1]._waiting)), (1, 1))
        self.client.far_resets()
        self.settle()
        self.reactor.pass_time(FLUSH_TIMEOUT + 1)
        self.assertEqual((len(self.done), self.pumps(), self.deadlines.members), (1, 0, set()))
        self.assertEqual((self.limits[1].tolls, len(self.limits[1]._waiting)), (0, 0))
