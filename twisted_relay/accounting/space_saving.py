"""The most frequent keys of a stream, and about how often each came, in memory for a fixed number of them.

The space-saving sketch of Metwally, Agrawal and El Abbadi, "Efficient Computation of Frequent and Top-k Elements in
Data Streams" (2005), with weights. Known keys are counted exactly. When there is no room for another key it takes the
place of the smallest, and its count: what it may have too much is remembered as its error.

The smallest is found in a heap that is put right only when it is asked: to count a key that is there costs one look-up,
a new one O(log capacity), amortised, for each count makes at most one entry of the heap old.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heapify, heappush, heapreplace


@dataclass(frozen=True, slots=True)
class Counted:
    """A key, and about how much it has."""

    key: str
    estimate: int
    """Never less than what it has."""
    error: int
    """By how much that may be too much."""

    @property
    def least(self) -> int:
        """What it has for sure."""
        return self.estimate - self.error


class SpaceSaving:
    """Counts keys, at most `capacity` of them.

    Of every key that is there, what it truly has is from `estimate - error` to `estimate`. Every key that has more than
    `total / capacity` is there, no error is larger than that, and the estimates together are at most `total`.
    """

    __slots__ = ("_heap", "_sums", "capacity", "total")

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self.capacity = capacity
        self.total = 0
        """The weights of all keys, also of those that are not there."""
        self._sums: dict[str, list[int]] = {}  # [estimate, error]
        self._heap: list[tuple[int, str]] = []  # for every key an estimate that it had once

    def __len__(self) -> int:
        return len(self._sums)

    def add(self, key: str, weight: int = 1) -> None:
        """Count a key; a weight that is not above 0 counts for nothing."""
        if weight <= 0:
            return
        self.total += weight
        sums = self._sums.get(key)
        if sums is not None:
            sums[0] += weight
        elif len(self._sums) < self.capacity:
            self._sums[key] = [weight, 0]
            heappush(self._heap, (weight, key))
        else:
            least, loser = self._smallest()
            del self._sums[loser]
            self._sums[key] = [least + weight, least]
            heapreplace(self._heap, (least + weight, key))

    def find(self, key: str) -> Counted:
        """What is known of a key, whether it is there or not."""
        sums = self._sums.get(key)
        if sums is not None:
            return Counted(key, *sums)
        return Counted(key, self.floor, self.floor)

    @property
    def floor(self) -> int:
        """The most that a key may have that is not there."""
        return self._smallest()[0] if len(self._sums) == self.capacity else 0

    def top(self, count: int) -> list[Counted]:
        """The largest, by what they have for sure; those of one size in the order of their keys."""
        found = (Counted(key, *sums) for key, sums in self._sums.items())
        return sorted(found, key=_surely_largest)[:count]

    def _smallest(self) -> tuple[int, str]:
        """The smallest estimate and its key, on top of the heap afterwards."""
        heap, sums = self._heap, self._sums
        while True:
            then, key = heap[0]
            now = sums[key][0]
            if now == then:
                return then, key
            heapreplace(heap, (now, key))


def _surely_largest(counted: Counted) -> tuple[int, int, str]:
    return -counted.least, -counted.estimate, counted.key


def _maybe_largest(counted: Counted) -> tuple[int, int, str]:
    return -counted.estimate, counted.error, counted.key


def merged(sketches: Iterable[SpaceSaving], capacity: int) -> SpaceSaving:
    """One sketch of what several have seen, one after the other. Estimates and errors add up; of a key that one of them
    does not have it may have seen its `floor`. Of more than `capacity` keys those stay that may have most: of two
    sketches, every key that has more than twice `total / capacity`."""
    parts = list(sketches)
    keys = {key for part in parts for key in part._sums}
    found = [_sum(key, parts) for key in keys]
    made = SpaceSaving(capacity)
    made.total = sum(part.total for part in parts)
    kept = sorted(found, key=_maybe_largest)[:capacity]
    made._sums = {each.key: [each.estimate, each.error] for each in kept}
    made._heap = [(each.estimate, each.key) for each in kept]
    heapify(made._heap)
    return made


def _sum(key: str, parts: Iterable[SpaceSaving]) -> Counted:
    seen = [part.find(key) for part in parts]
    return Counted(key, sum(each.estimate for each in seen), sum(each.error for each in seen))
