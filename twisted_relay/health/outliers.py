"""Success rates, and which of them lie too far below the others: Envoy's success-rate outliers, as plain decisions.

Rates are 0.0 to 1.0. The margin is ours: among servers that hardly ever fail the deviation is next to nothing, and a
single error would make an outlier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from typing import Protocol

from twisted_relay.config.values import OutlierSpec

FIRST_FAILED = 500
"""Status codes from here on are failures."""


class Counted(Protocol):
    """What is counted of a server since its start."""

    @property
    def codes(self) -> Mapping[int, int]: ...
    @property
    def errors(self) -> Mapping[str, int]: ...
    @property
    def broken(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Totals:
    """How many requests ended at a server, and how many of them failed. What clients gave up is in neither."""

    requests: int = 0
    failures: int = 0

    def since(self, earlier: "Totals") -> "Totals":
        """What came after those."""
        return Totals(self.requests - earlier.requests, self.failures - earlier.failures)

    @property
    def success_rate(self) -> float:
        return max(0.0, 1.0 - self.failures / self.requests) if self.requests else 1.0


def totals_of(counted: Counted) -> Totals:
    """Everything since the start of a server; a broken response has a status code and an error, and is one request."""
    errors = sum(counted.errors.values())
    responses = sum(counted.codes.values())
    failed = sum(count for code, count in counted.codes.items() if code >= FIRST_FAILED)
    return Totals(responses + errors - counted.broken, failed + errors)


def lowest_normal(rates: Sequence[float], spec: OutlierSpec) -> float:
    """The success rate below which a server is an outlier; nobody is among too few servers."""
    if len(rates) < spec.servers:
        return 0.0
    mean = fsum(rates) / len(rates)
    deviation = sqrt(fsum((rate - mean) ** 2 for rate in rates) / len(rates))
    return min(mean - spec.deviations * deviation, mean - spec.margin)
