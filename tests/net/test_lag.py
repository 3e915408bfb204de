"""How late the reactor is."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.net.lag import INTERVAL, Lag


class LagTests(SynchronousTestCase):
    """`Lag`, with a clock for the reactor and a time of its own."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.time = 1000.0
        self.lag = Lag(self.clock, lambda: self.time)

    def pass_time(self, late: float) -> None:
        """Let the reactor call what is due, by so much too late."""
        self.time += INTERVAL + late
        self.clock.advance(INTERVAL)

    def test_in_time(self) -> None:
        """A reactor that is in time has no lag."""
        self.lag.start()
        for _ in range(3):
            self.pass_time(0.0)
        self.assertEqual((sum(self.lag.times.counts), self.lag.times.total), (3, 0.0))

    def test_late(self) -> None:
        """What the reactor is late by is noted, and the next measurement begins anew."""
        self.lag.start()
        self.pass_time(0.125)
        self.pass_time(0.0)
        self.assertEqual((sum(self.lag.times.counts), self.lag.times.total), (2, 0.125))

    def test_blocked(self) -> None:
        """A long stop weighs as much as all the measurements that it swallowed."""
        self.lag.start()
        self.pass_time(1.0)
        self.assertEqual(sum(self.lag.times.counts), 4)
        self.assertEqual(self.lag.times.total, 1.0 + 0.75 + 0.5 + 0.25)

    def test_stop(self) -> None:
        """After the stop nothing is left to be called; a second stop does nothing."""
        self.lag.start()
        self.lag.stop()
        self.lag.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
