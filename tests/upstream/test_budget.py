"""The budget of further tries: its arithmetic, and that nothing gets past it."""

from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.values import BudgetSpec
from twisted_relay.upstream.budget import LEAST_ACTIVE, SLOTS, TTL, Budget

PUBLISHED = BudgetSpec(0.2, 10.0)
START = 1000.0


def spend(budget: Budget, now: float, most: int = 10_000) -> int:
    """Take out all that there is; how much it was."""
    return next(taken for taken in range(most) if not budget.withdraw(now, lambda: 10**9))


class RateTests(SynchronousTestCase):
    """What is paid in and taken out within ten seconds."""

    def test_published_example(self) -> None:
        """With a ratio of 20 % and a reserve of 10/s, 100 requests allow 20 tries besides the 100 of the reserve."""
        budget = Budget(PUBLISHED)
        for _ in range(100):
            budget.deposit(START)
        self.assertEqual(budget.left(START), 120.0)
        self.assertEqual(spend(budget, START), 120)
        self.assertEqual((budget.left(START), budget.refused), (0.0, {"rate": 1, "active": 0}))

    def test_without_a_reserve(self) -> None:
        """Five requests pay for one try, and no fewer do."""
        budget = Budget(BudgetSpec(0.2, 0.0))
        for _ in range(4):
            budget.deposit(START)
        self.assertEqual(spend(budget, START), 0)
        budget.deposit(START)
        self.assertEqual(spend(budget, START), 1)

    def test_given_back(self) -> None:
        """A try that was not made can be made later, also when some seconds have passed, and never more of them."""
        for later in (0.0, 2.5, 12.0):
            budget = Budget(BudgetSpec(0.0, 0.5))
            self.assertEqual(spend(budget, START), 5)
            budget.left(START + later)
            for _ in range(7 if later > TTL else 2):
                budget.give_back()
            self.assertEqual(budget.left(START + later), 5.0 if later > TTL else 2.0)

    def test_only_a_reserve(self) -> None:
        """A ratio of 0 leaves so many tries a second, whatever comes."""
        budget = Budget(BudgetSpec(0.0, 2.0))
        for _ in range(1000):
            budget.deposit(START)
        self.assertEqual(spend(budget, START), 20)

    def test_payments_are_forgotten(self) -> None:
        """What was paid in counts for ten seconds, slot by slot."""
        budget = Budget(BudgetSpec(0.5, 0.0))
        for second in range(10):
            for _ in range(10):
                budget.deposit(START + second)
        self.assertEqual(budget.left(START + 9.5), 50.0)
        self.assertEqual([budget.left(START + second) for second in (10, 11, 15, 18, 19)], [45.0, 40.0, 20.0, 5.0, 0.0])

    def test_withdrawals_are_forgotten_too(self) -> None:
        """The reserve is there again ten seconds after it was used up, and not before."""
        budget = Budget(BudgetSpec(0.0, 1.0))
        self.assertEqual(spend(budget, START), 10)
        self.assertEqual(budget.left(START + TTL - 0.01), 0.0)
        self.assertEqual(budget.left(START + TTL), 10.0)

    def test_a_long_silence(self) -> None:
        """After more than ten seconds without anything the budget is as new."""
        budget = Budget(PUBLISHED)
        for _ in range(1000):
            budget.deposit(START)
        spend(budget, START)
        self.assertEqual(budget.left(START + 86400.0), 100.0)

    def test_time_that_goes_back(self) -> None:
        """A request that began before others were counted is counted with them."""
        budget = Budget(BudgetSpec(0.5, 0.0))
        budget.deposit(START)
        budget.deposit(START - 30.0)
        self.assertEqual(budget.left(START), 1.0)

    @given(
        st.floats(0.0, 1.0),
        st.floats(0.0, 5.0),
        st.lists(st.tuples(st.sampled_from(("deposit", "withdraw")), st.floats(0.0, 3.0)), max_size=200),
    )
    def test_never_more_than_allowed(self, ratio: float, reserve: float, events: list[tuple[str, float]]) -> None:
        """Whatever comes when, no ten seconds see more tries than the requests of that time and the reserve pay for."""
        budget = Budget(BudgetSpec(ratio, reserve))
        now, paid, spent = START, [], []
        for what, pause in events:
            now += pause
            if what == "deposit":
                budget.deposit(now)
                paid.append(now)
            elif budget.withdraw(now, lambda: 10**9):
                spent.append(now)
                # A slot ends up to one slot late, so payments count up to one slot longer.
                recent = sum(time > now - TTL - TTL / SLOTS for time in paid)
                within = sum(time > now - TTL + TTL / SLOTS for time in spent)
                self.assertLessEqual(within, reserve * TTL + ratio * recent + 1e-6)


class ActiveTests(SynchronousTestCase):
    """Tries that are under way."""

    def test_share_of_what_is_under_way(self) -> None:
        """At most half of the requests under way may be further tries, but the reserve may always be, and three."""
        for reserve, under_way, allowed in (
            (0.1, 1, LEAST_ACTIVE),
            (0.1, 6, 3),
            (0.1, 7, 4),
            (0.1, 8, 4),
            (0.1, 100, 50),
            (1.0, 8, 10),
            (1.0, 30, 15),
        ):
            budget = Budget(BudgetSpec(10.0, reserve))
            for _ in range(10):
                budget.deposit(START)
            while budget.withdraw(START, partial(int, under_way)):
                budget.active += 1
            self.assertEqual(budget.active, allowed, under_way)
            self.assertEqual(budget.refused, {"rate": 0, "active": 1})
