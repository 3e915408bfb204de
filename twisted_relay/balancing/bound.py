"""Bounded load: how many requests a server may have while keys are mapped to it.

The arithmetic is HAProxy's (`hash-balance-factor`): with a factor f there are ceil((requests in flight + 1) · f) slots,
shared out by weight, and at least one for each server. A server with a free slot may be chosen; else its keys go to
the next one (Mirrokni, Thorup, Zadimoghaddam: "Consistent Hashing with Bounded Loads").
"""

from collections.abc import Sequence

from twisted_relay.balancing.policy import Candidate


class Bound:
    """The slots of the usable servers, and how many requests are in flight."""

    __slots__ = ("_parts", "_percent", "_total_weight", "in_flight")

    def __init__(self, factor: float) -> None:
        """`factor` is 1.5 for half as much again as the average."""
        self._percent = round(factor * 100)
        self._parts: dict[Candidate, tuple[int, int]] = {}
        self._total_weight = 0
        self.in_flight = 0

    def become(self, usable: Sequence[Candidate]) -> None:
        """Share the slots out among these."""
        self._parts = {}
        before = 0
        for server in usable:
            self._parts[server] = (before, server.weight)
            before += server.weight
        self._total_weight = before

    def slots(self, server: Candidate) -> int:
        """Requests that a usable server may have, with the one that is to be given."""
        total = ((self.in_flight + 1) * self._percent + 99) // 100
        each, rest = divmod(total, self._total_weight)
        before, weight = self._parts[server]
        of_rest = (before + weight) * rest // self._total_weight - before * rest // self._total_weight
        return max(1, weight * each + of_rest)

    def has_slot(self, server: Candidate) -> bool:
        """Whether one more may be given to a usable server."""
        return server.active_requests < self.slots(server)
