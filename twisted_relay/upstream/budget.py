"""A budget of further tries: requests pay in, tries take out, so that an outage cannot multiply the load.

The arithmetic is that of Finagle's `RetryBudget` and Tower's `TpsBudget`: all that was paid in and taken out within the
last `TTL` seconds counts, in `SLOTS` slots, and a reserve for times of few requests. Above it stands a cap in the
manner of Envoy's retry budget, on the tries that are under way. Pure: times come from whoever asks.
"""

from collections.abc import Callable

from twisted_relay.config.values import BudgetSpec

TTL = 10.0
"""Seconds for which a payment counts."""
SLOTS = 10
"""Parts of that time: payments of one part are forgotten together."""
LEAST_ACTIVE = 3
"""Further tries that may always be under way at once; with a larger reserve, as many as that is."""
MOST_ACTIVE = 0.5
"""The part of all requests under way that may be further tries."""

REFUSALS = ("rate", "active")
"""Why a try is refused: too many within the last seconds, or too many under way."""

_SLOT = TTL / SLOTS
_ROUNDING = 1e-9


class Budget:
    """What is left of one budget. Times are seconds of one clock that may not go far back."""

    __slots__ = (
        "_paid",
        "_paid_now",
        "_ratio",
        "_reserve",
        "_slots",
        "_spent",
        "_spent_now",
        "_until",
        "active",
        "refused",
    )

    def __init__(self, spec: BudgetSpec) -> None:
        self._ratio = spec.ratio
        self._reserve = spec.reserve * TTL
        self._slots: list[tuple[int, int]] = []  # payments and withdrawals of the slots before this one, oldest first
        self._paid = self._spent = 0  # the sums of these slots
        self._paid_now = self._spent_now = 0
        self._until = float("-inf")
        self.active = 0
        """Further tries that are under way: whoever took one says so when it is over."""
        self.refused = dict.fromkeys(REFUSALS, 0)

    def deposit(self, now: float) -> None:
        """A request has come."""
        if now >= self._until:
            self._turn(now)
        self._paid_now += 1

    def left(self, now: float) -> float:
        """How many tries could be taken out now."""
        if now >= self._until:
            self._turn(now)
        paid, spent = self._paid + self._paid_now, self._spent + self._spent_now
        return max(0.0, self._reserve + self._ratio * paid - spent)

    def withdraw(self, now: float, under_way: Callable[[], int]) -> bool:
        """Take one try out, if there is one. `under_way` counts the requests that are, this one and those that wait
        included; it is only asked when many further tries are."""
        if self.left(now) + _ROUNDING < 1.0:
            self.refused["rate"] += 1
            return False
        if self.active >= max(LEAST_ACTIVE, self._reserve) and self.active >= MOST_ACTIVE * under_way():
            self.refused["active"] += 1
            return False
        self._spent_now += 1
        return True

    def give_back(self) -> None:
        """A try that was taken out was not made after all."""
        if self._spent_now:
            self._spent_now -= 1
            return
        for place in reversed(range(len(self._slots))):
            paid, spent = self._slots[place]
            if spent:
                self._slots[place] = paid, spent - 1
                self._spent -= 1
                return

    def _turn(self, now: float) -> None:
        """Close the current slot and forget what is too old."""
        if now >= self._until + TTL:
            self._slots = []
            self._paid = self._spent = self._paid_now = self._spent_now = 0
            self._until = now + _SLOT
            return
        while now >= self._until:
            self._slots.append((self._paid_now, self._spent_now))
            self._paid += self._paid_now
            self._spent += self._spent_now
            self._paid_now = self._spent_now = 0
            self._until += _SLOT
        while len(self._slots) >= SLOTS:
            paid, spent = self._slots.pop(0)
            self._paid -= paid
            self._spent -= spent
