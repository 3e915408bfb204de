"""What a metric is: a name, labels, words, and how its values are read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from twisted_relay.histogram import Histogram
from twisted_relay.metrics.sources import Sources

Kind = Literal["counter", "gauge", "histogram", "info"]
Labels: TypeAlias = tuple[str, ...]
Value: TypeAlias = int | float | Histogram
Read: TypeAlias = Callable[[Sources], Iterable[tuple[Labels, Value]]]


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table; names follow Prometheus' rules (base units, `_total` for counters)."""

    name: str
    kind: Kind
    labels: Labels
    help: str
    """What it counts, in one line."""
    reading: str
    """What to make of it."""
    read: Read
    """Its values now, each with the values of its labels in their order."""

    @property
    def family(self) -> str:
        """The name of the family in OpenMetrics: without the suffix that says what kind it is."""
        return self.name.removesuffix("_total").removesuffix("_info")
