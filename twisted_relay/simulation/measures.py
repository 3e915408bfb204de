"""What is measured in a run: a tally of each window of time, and what many of them come to.

Times are counted in steps of 2 %: percentiles are right to 1 %, whatever their size.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

STEP = 1.02
_SHORTEST = 0.0001
_BOUNDS = [_SHORTEST * STEP**step for step in range(round(math.log(1e8) / math.log(STEP)))]
"""The lower bounds of the steps, in seconds: from 0.1 ms to over an hour."""


class Tally:
    """What ended in one window of time."""

    def __init__(self) -> None:
        self.ended = 0
        """Requests that have got their answer, or whose client has left."""
        self.tries = 0
        """How often these were given to a server."""
        self.aborted = 0
        self.errors: dict[str, int] = {}
        """Those answered with an error, by reason."""
        self.latencies: list[float] = []
        """Seconds from the request to the answer, errors too."""

    @cached_property
    def times(self) -> "Times":
        """`latencies` as a histogram; for when all have come."""
        return Times.of(self.latencies)

    def failed(self, reason: str) -> None:
        """Count an error."""
        self.errors[reason] = self.errors.get(reason, 0) + 1


class Times:
    """A histogram of many times."""

    def __init__(self) -> None:
        self.steps: Counter[int] = Counter()
        self.count = 0
        self.total = 0.0
        self.longest = 0.0

    def add(self, times: Sequence[float], weight: int = 1) -> None:
        """Count each of these so many times."""
        self.add_all(Times.of(times), weight)

    @classmethod
    def of(cls, times: Sequence[float]) -> "Times":
        """A histogram of these."""
        made = cls()
        ordered = sorted(times)
        made.count, made.total, made.longest = len(ordered), math.fsum(ordered), max(ordered, default=0.0)
        place, size = 0, len(ordered)
        while place < size:
            step = bisect_right(_BOUNDS, ordered[place])
            end = bisect_right(ordered, _BOUNDS[step], place) if step < len(_BOUNDS) else size
            end = max(end, place + 1)
            made.steps[step] += end - place
            place = end
        return made

    def add_all(self, other: "Times", weight: int) -> None:
        """Count all that the other one has, so many times."""
        self.count += weight * other.count
        self.total += weight * other.total
        self.longest = max(self.longest, other.longest)
        steps = self.steps
        for step, number in other.steps.items():
            steps[step] += weight * number

    def at(self, part: float) -> float:
        """The time that this part of all stay below; 0.0 when there is none."""
        wanted, seen = part * self.count, 0
        for step in sorted(self.steps):
            seen += self.steps[step]
            if seen >= wanted:
                return min(self.longest, _BOUNDS[step - 1] * math.sqrt(STEP) if step else _SHORTEST)
        return 0.0

    @property
    def mean(self) -> float:
        """The mean; 0.0 when there is none."""
        return self.total / self.count if self.count else 0.0


class Measures:
    """What many windows come to. Counts of windows that stand for others are taken so many times."""

    def __init__(self) -> None:
        self.requests = 0
        self.tries = 0
        self.aborted = 0
        self.errors: Counter[str] = Counter()
        self.times = Times()
        self.queue = 0
        """The longest queue in relay at the end of a window."""
        self.load: Counter[str] = Counter()
        """Requests given to each server."""
        self.counted: Counter[str] = Counter()
        """What the relay itself counts: retries, refusals and so on."""

    def add(self, tally: Tally, load: Mapping[str, int], counted: Mapping[str, int], weight: int) -> None:
        """Take in a window, so many times."""
        self.requests += weight * tally.ended
        self.tries += weight * tally.tries
        self.aborted += weight * tally.aborted
        for reason, number in tally.errors.items():
            self.errors[reason] += weight * number
        self.times.add_all(tally.times, weight)
        for name, number in load.items():
            self.load[name] += weight * number
        for name, number in counted.items():
            self.counted[name] += weight * number

    @property
    def failed(self) -> int:
        """Requests answered with an error."""
        return sum(self.errors.values())

    @property
    def error_rate(self) -> float:
        """Errors as a part of all requests, those of clients that left not among the errors."""
        return self.failed / self.requests if self.requests else 0.0

    @property
    def amplification(self) -> float:
        """Tries per request."""
        return self.tries / self.requests if self.requests else 0.0
