"""How long the answers of the last while took, as one percentile: two histograms that take turns.

What is asked for comes from the current one and the one before it, so that nothing is older than two periods (the
rotating histogram of Tower's hedge). Pure: times come from whoever observes.
"""

from bisect import bisect_left

PERIOD = 30.0
"""Seconds after which a histogram is put aside, and the one before it forgotten."""
LEAST = 100
"""Answers below which nothing is said."""

_FIRST, _FACTOR, _NUMBER = 0.001, 1.1, 116
_BOUNDS = tuple(_FIRST * _FACTOR**step for step in range(_NUMBER))
"""Seconds: from 1 ms to a minute, each a tenth more than the one before."""
_AGAIN = 32  # observations after which the percentile is found anew


class RecentTimes:
    """The times of one kind of requests; `share` is the part of them that the percentile is above, such as 0.95."""

    __slots__ = ("_before", "_count", "_count_before", "_counts", "_known", "_share", "_turn")

    def __init__(self, share: float) -> None:
        self._share = share
        self._counts = [0] * (_NUMBER + 1)
        self._before = [0] * (_NUMBER + 1)
        self._count = self._count_before = 0
        self._turn = float("-inf")
        self._known: float | None = None

    def observe(self, now: float, seconds: float) -> None:
        """An answer took so long."""
        if now >= self._turn:
            self._rotate(now)
        self._counts[bisect_left(_BOUNDS, seconds)] += 1
        self._count += 1
        if self._count % _AGAIN == 0 or self._count + self._count_before == LEAST:
            self._known = self._find()

    def percentile(self, now: float) -> float | None:
        """Seconds within which this share of the answers came, at most a tenth too long; None: not known."""
        if now >= self._turn:
            self._rotate(now)
        return self._known

    def _rotate(self, now: float) -> None:
        is_recent = now < self._turn + PERIOD
        self._before, self._count_before = (self._counts, self._count) if is_recent else ([0] * (_NUMBER + 1), 0)
        self._counts, self._count = [0] * (_NUMBER + 1), 0
        self._turn = now + PERIOD
        self._known = self._find()

    def _find(self) -> float | None:
        total = self._count + self._count_before
        if total < LEAST:
            return None
        left = self._share * total
        for bound, count, before in zip(_BOUNDS, self._counts, self._before, strict=False):
            left -= count + before
            if left <= 0:
                return bound
        return _BOUNDS[-1]
