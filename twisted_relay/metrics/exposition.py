"""The table as text: Prometheus' format 0.0.4 and OpenMetrics 1.0, rendered here because it blocks the reactor.

prometheus_client needs 25 to 65 ms for 5,000 series; with the names and labels of each series kept as text it is 3.
Metrics of the process and of Python's garbage collector are prometheus_client's own, rendered by it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector as CollectorInterface

from twisted_relay.histogram import Histogram
from twisted_relay.metrics.metric import Labels, Metric, Value
from twisted_relay.metrics.sources import Sources
from twisted_relay.metrics.table import METRICS

MOST_FORGOTTEN = 1000
"""Names of series that are gone which are kept in any case; more, when as many series are there."""


class Format(Enum):
    """A format, with the Content-Type that Prometheus expects to the letter."""

    TEXT = b"text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = b"application/openmetrics-text; version=1.0.0; charset=utf-8"


def choose_format(accept: bytes) -> Format:
    """What a client with this Accept gets (RFC 9110 §12.5.1): OpenMetrics if it asks for that and not less for text."""
    text = openmetrics = 0.0
    for item in accept.lower().split(b","):
        kind, *parameters = (part.strip() for part in item.split(b";"))
        values = dict(parameter.partition(b"=")[::2] for parameter in parameters)
        if kind == b"application/openmetrics-text" and values.get(b"version", b"1.0.0") == b"1.0.0":
            openmetrics = max(openmetrics, _quality(values.get(b"q")))
        elif kind == b"text/plain":
            text = max(text, _quality(values.get(b"q")))
    return Format.OPENMETRICS if openmetrics and openmetrics >= text else Format.TEXT


def _quality(value: bytes | None) -> float:
    try:
        return 1.0 if value is None else float(value)
    except ValueError:
        return 0.0


class Exposition:
    """Renders what is read from the sources. Each series' name and labels are made into text once."""

    def __init__(self, sources: Sources, metrics: Sequence[Metric] = METRICS) -> None:
        self._sources = sources
        self._shown = [_Shown(metric) for metric in metrics]
        self._process = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._process)
        GCCollector(registry=self._process)

    def render(self, format: Format) -> bytes:
        """All metrics, as they are now."""
        out: list[str] = []
        for shown in self._shown:
            out.append(shown.head(format))
            shown.add_samples(self._sources, out)
        generate = generate_openmetrics if format is Format.OPENMETRICS else generate_latest
        return "".join(out).encode("utf-8") + generate(self._process)


class _Shown:
    """One metric on the page."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._names: dict[Labels, str] = {}
        self._histogram_names: dict[Labels, list[str]] = {}

    def head(self, format: Format) -> str:
        metric = self._metric
        if format is Format.OPENMETRICS:
            return f"# HELP {metric.family} {_escaped(metric.help)}\n# TYPE {metric.family} {metric.kind}\n"
        kind = "gauge" if metric.kind == "info" else metric.kind
        return f"# HELP {metric.name} {_escaped_help(metric.help)}\n# TYPE {metric.name} {kind}\n"

    def add_samples(self, sources: Sources, out: list[str]) -> None:
        names, before = self._names, len(out)
        for labels, value in self._metric.read(sources):
            if isinstance(value, Histogram):
                self._add_histogram(labels, value, out)
                continue
            name = names.get(labels)
            if name is None:
                name = names[labels] = _name(self._metric, "", labels)
            out.append(f"{name}{value}\n")
        if len(names) > 2 * (len(out) - before) + MOST_FORGOTTEN:
            names.clear()  # servers come and go: their names must not stay for ever

    def _add_histogram(self, labels: Labels, histogram: Histogram, out: list[str]) -> None:
        names = self._histogram_names.get(labels)
        if names is None:
            bounds = [*map(str, map(float, histogram.bounds)), "+Inf"]
            names = [_name(self._metric, "_bucket", labels, bound) for bound in bounds]
            names += [_name(self._metric, "_sum", labels), _name(self._metric, "_count", labels)]
            self._histogram_names[labels] = names
        so_far = 0
        for name, count in zip(names, histogram.counts, strict=False):
            so_far += count
            out.append(f"{name}{so_far}\n")
        out.append(f"{names[-2]}{histogram.total}\n{names[-1]}{so_far}\n")


def _name(metric: Metric, suffix: str, labels: Labels, bound: str = "") -> str:
    """Name and labels of a sample, with the space before its value."""
    pairs = [f'{label}="{_escaped(value)}"' for label, value in zip(metric.labels, labels, strict=True)]
    if bound:
        pairs.append(f'le="{bound}"')
    return f"{metric.name}{suffix}{{{','.join(pairs)}}} " if pairs else f"{metric.name}{suffix} "


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _escaped_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


class Collector(CollectorInterface):
    """The same metrics for a registry of prometheus_client, in programs that have one."""

    def __init__(self, sources: Sources, metrics: Sequence[Metric] = METRICS) -> None:
        self._sources = sources
        self._metrics = metrics

    def collect(self) -> Iterator[Family]:
        """Every metric, as it is now."""
        for metric in self._metrics:
            family = Family(metric.family, metric.help, metric.kind)
            for labels, value in metric.read(self._sources):
                for sample in _samples(metric, value):
                    names = dict(zip(metric.labels, labels, strict=True))
                    family.add_sample(metric.name + sample.suffix, names | sample.labels, sample.value)
            yield family


@dataclass(frozen=True, slots=True)
class _Sample:
    suffix: str
    labels: dict[str, str]
    value: float


def _samples(metric: Metric, value: Value) -> Iterator[_Sample]:
    if not isinstance(value, Histogram):
        yield _Sample("", {}, value)
        return
    so_far = 0
    for bound, count in zip([*map(str, map(float, value.bounds)), "+Inf"], value.counts, strict=True):
        so_far += count
        yield _Sample("_bucket", {"le": bound}, so_far)
    yield _Sample("_sum", {}, value.total)
    yield _Sample("_count", {}, so_far)
