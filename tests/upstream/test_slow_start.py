"""Servers that begin with a part of their load."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.upstream.server import Server
from twisted_relay.upstream.slow_start import LEAST, STEPS, SlowStart, part_after


def a_server(weight: int = 1, limit: int = 0) -> Server:
    """A server with nobody around it."""
    spec = ServerSpec("s1", "http", Address("10.0.0.1", 80), weight)
    return Server(spec, BackendOptions(max_requests_per_server=limit), lambda: 0.0)


class SlowStartTests(SynchronousTestCase):
    """The way from a tenth to the whole."""

    def setUp(self) -> None:
        """Slow start of 20 s: a step each second."""
        self.clock = Clock()
        self.changes = 0
        self.slow = SlowStart(self.clock, 20.0, self.changed)

    def changed(self) -> None:
        """Shares have changed."""
        self.changes += 1

    def test_share(self) -> None:
        """The share grows from a tenth to the whole in even steps, and then nothing runs any more."""
        server = a_server(weight=4)
        self.slow.begin(server)
        shares = [server.share]
        for _ in range(STEPS):
            self.clock.advance(1.0)
            shares.append(server.share)
        self.assertEqual(shares, [40, 40, 40, *range(60, 401, 20)])
        self.assertEqual((self.changes, self.clock.getDelayedCalls()), (STEPS, []))

    def test_limit(self) -> None:
        """So does the number of requests at once; it is never 0."""
        server = a_server(limit=5)
        self.slow.begin(server)
        self.assertEqual(server.limit, 1)
        self.clock.advance(10.0)
        self.assertEqual(server.limit, 3)
        self.clock.advance(10.0)
        self.assertEqual(server.limit, 5)

    def test_two(self) -> None:
        """One timer serves all, each from its own beginning."""
        one, two = a_server(), a_server()
        self.slow.begin(one)
        self.clock.advance(5.0)
        self.slow.begin(two)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.pump([1.0] * 15)
        self.assertEqual((one.ramp, two.ramp), (1.0, 0.75))
        self.clock.pump([1.0] * 5)
        self.assertEqual((two.ramp, self.clock.getDelayedCalls()), (1.0, []))

    def test_a_change_of_weight(self) -> None:
        """A weight that is changed meanwhile keeps the part."""
        server = a_server()
        self.slow.begin(server)
        self.clock.pump([1.0] * 10)
        server.set_weight(100, "test")
        self.assertEqual(server.share, 5000)

    def test_down_again(self) -> None:
        """A server that falls while it starts has its whole share and no timer; the next time it begins anew."""
        server = a_server()
        self.slow.begin(server)
        self.clock.advance(10.0)
        self.slow.forget(server)
        self.slow.forget(server)
        self.assertEqual((server.ramp, self.clock.getDelayedCalls()), (1.0, []))
        self.slow.begin(server)
        self.assertEqual(server.ramp, LEAST)
        self.slow.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_parts(self) -> None:
        """The part is at least a tenth and at most the whole, whenever it is asked for."""
        for elapsed, part in ((0.0, 0.1), (0.1, 0.1), (30.0, 0.5), (59.0, 1.0), (60.0, 1.0), (600.0, 1.0)):
            self.assertEqual(part_after(elapsed, 60.0), part)
