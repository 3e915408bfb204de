"""What is counted of one kind of name, such as destinations: requests and octets, since the start and of late.

What comes is added up by name first and goes into the sketches a few hundred names at a time: most names come again
soon, and then four sketches hear of them once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from twisted_relay.accounting.space_saving import Counted, SpaceSaving, merged

PENDING = 256
"""Names that may wait to be counted."""
REQUESTS, BYTES = "requests", "bytes"
MEASURES = (REQUESTS, BYTES)
"""By what names are ordered."""


@dataclass(frozen=True, slots=True)
class Row:
    """One name with both of its numbers."""

    name: str
    requests: Counted
    bytes: Counted


@dataclass(frozen=True, slots=True)
class Top:
    """The largest names, and what all together have."""

    rows: Sequence[Row]
    requests: int
    bytes: int
    names: int
    """How many names are known: more may have been."""


class _Pair:
    """A sketch for each measure."""

    __slots__ = ("bytes", "requests")

    def __init__(self, capacity: int) -> None:
        self.requests = SpaceSaving(capacity)
        self.bytes = SpaceSaving(capacity)

    def add(self, name: str, requests: int, octets: int) -> None:
        self.requests.add(name, requests)
        self.bytes.add(name, octets)


class Tally:
    """Counts names of one kind, the largest `capacity` of them by each measure."""

    def __init__(self, capacity: int) -> None:
        self.pending: dict[str, list[int]] = {}
        """[requests, octets] by name, not counted yet; whoever adds here calls `flush` when there are `PENDING`."""
        self._capacity = capacity
        self._ever = _Pair(capacity)
        self._now, self._before = _Pair(capacity), _Pair(capacity)

    def add(self, name: str, requests: int, octets: int) -> None:
        """Count."""
        sums = self.pending.get(name)
        if sums is not None:
            sums[0] += requests
            sums[1] += octets
            return
        self.pending[name] = [requests, octets]
        if len(self.pending) >= PENDING:
            self.flush()

    def flush(self) -> None:
        """Count what waits."""
        for name, (requests, octets) in self.pending.items():
            self._ever.add(name, requests, octets)
            self._now.add(name, requests, octets)
        self.pending.clear()

    def turn(self) -> None:
        """A period ends: what was before it is forgotten, but not in what there was ever."""
        self.flush()
        self._now, self._before = _Pair(self._capacity), self._now

    def ever(self, by: str, limit: int) -> Top:
        """The largest since the start, ordered by a measure of `MEASURES`."""
        self.flush()
        return _top(self._ever, by, limit)

    def recent(self, by: str, limit: int) -> Top:
        """The largest of this period and the one before."""
        self.flush()
        pair = _Pair(self._capacity)
        pair.requests = merged([self._before.requests, self._now.requests], self._capacity)
        pair.bytes = merged([self._before.bytes, self._now.bytes], self._capacity)
        return _top(pair, by, limit)


def _top(pair: _Pair, by: str, limit: int) -> Top:
    sketch = pair.bytes if by == BYTES else pair.requests
    names = [each.key for each in sketch.top(limit)]
    rows = [Row(name, pair.requests.find(name), pair.bytes.find(name)) for name in names]
    return Top(rows, pair.requests.total, pair.bytes.total, len(sketch))
