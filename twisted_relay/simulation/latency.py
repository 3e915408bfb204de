"""How long servers take: distributions of times, and drawing from them.

A sample is one of `VALUES` equally likely times of the distribution: cheaper than computing each, and the same to
beyond the 99.9th percentile.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Literal

VALUES = 8192
_NORMAL = NormalDist()
_P99 = _NORMAL.inv_cdf(0.99)


@dataclass(frozen=True, slots=True)
class Latency:
    """A distribution of times in seconds.

    `constant`: always `low`; `uniform`: from `low` to `high`; `exponential`: with the mean `low`; `lognormal`: with the
    median `low` and the 99th percentile `high`.
    """

    kind: Literal["constant", "uniform", "exponential", "lognormal"]
    low: float
    high: float = 0.0

    def at(self, part: float) -> float:
        """The time that this part (over 0, under 1) of all samples stay below."""
        if self.kind == "uniform":
            return self.low + part * (self.high - self.low)
        if self.kind == "exponential":
            return -self.low * math.log(1.0 - part)
        if self.kind == "lognormal":
            return self.low * math.exp(_NORMAL.inv_cdf(part) / _P99 * math.log(self.high / self.low))
        return self.low


def sampler(latency: Latency, random: Callable[[], float]) -> Callable[[], float]:
    """What draws a time from the distribution at each call."""
    if latency.kind == "constant":
        return lambda: latency.low
    values = _values(latency)
    return lambda: values[int(random() * VALUES)]


@lru_cache(maxsize=64)
def _values(latency: Latency) -> tuple[float, ...]:
    """Many servers are alike: their times are computed once."""
    return tuple(latency.at((index + 0.5) / VALUES) for index in range(VALUES))
