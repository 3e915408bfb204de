"""When requests are hedged."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.upstream.hedging import LEAST_DELAY, Hedging


class HedgingTests(SynchronousTestCase):
    """The delay of each route."""

    def test_routes(self) -> None:
        """Each route has its own times; one that is not known has no delay."""
        hedging = Hedging(0.05)
        for _ in range(128):
            hedging.answered("slow", 1000.0, 1.0)
            hedging.answered("fast", 1000.0, 0.002)
        slow = hedging.delay("slow", 1000.0)
        assert slow is not None
        self.assertTrue(1.0 <= slow <= 1.1)
        self.assertEqual(hedging.delay("fast", 1000.0), LEAST_DELAY)
        self.assertIsNone(hedging.delay("other", 1000.0))

    def test_budget(self) -> None:
        """One hedge for twenty requests with 5 %, and none before."""
        hedging = Hedging(0.05)
        for _ in range(20):
            self.assertFalse(hedging.budget.withdraw(1000.0, lambda: 100))
            hedging.budget.deposit(1000.0)
        self.assertTrue(hedging.budget.withdraw(1000.0, lambda: 100))
        self.assertFalse(hedging.budget.withdraw(1000.0, lambda: 100))
