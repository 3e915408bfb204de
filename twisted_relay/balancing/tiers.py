"""Which part of the traffic each priority tier gets, by how many of its servers are usable (Envoy's `priority.rst`).

A tier counts as fully healthy while 1 / 1.4 of its servers (72 %) are; below that, what it cannot take spills over to
the next. Everything is whole percent, rounded down as Envoy does; but one server of a thousand is better than none.
"""

from collections.abc import Iterator, Sequence

OVERPROVISIONING = 140
"""Percent: how much more than its share a server is trusted to take."""

Count = tuple[int, int]
"""Of one tier: (usable servers, all servers)."""


def healths(counts: Sequence[Count]) -> list[int]:
    """How much of the whole traffic each tier could take, in percent up to 100; at least 1 if anything is usable."""
    return [min(100, max(1, OVERPROVISIONING * usable // total)) if usable else 0 for usable, total in counts]


def tier_loads(counts: Sequence[Count]) -> list[int]:
    """Percent of the traffic for each tier, in order of priority: together 100, or all 0 when nothing is usable."""
    health = healths(counts)
    together = min(100, sum(health))
    if not together:
        return [0] * len(counts)
    loads = list(_shares(health, together))
    loads[next(index for index, each in enumerate(health) if each)] += 100 - sum(loads)
    return loads


def _shares(health: Sequence[int], together: int) -> Iterator[int]:
    left = 100
    for each in health:
        share = min(left, each * 100 // together)
        left -= share
        yield share


def in_panic(counts: Sequence[Count], threshold: float) -> list[bool]:
    """Which tiers have so few usable servers that health is not believed any more.

    That is one where fewer than `threshold` (0.0 to 1.0) are usable, if all tiers together cannot take the traffic.
    A threshold of 0.0 never panics.
    """
    if sum(healths(counts)) >= 100:
        return [False] * len(counts)
    return [bool(total) and usable < threshold * total for usable, total in counts]
