"""The reference page of all metrics, made from the table: `python -m twisted_relay.metrics.reference`."""

import sys
from collections.abc import Iterator

from twisted_relay.metrics.metric import Metric
from twisted_relay.metrics.requests import ERROR_REASONS, METHODS, OTHER
from twisted_relay.metrics.table import METRICS

_INTRODUCTION = """\
# Metrics reference

<!-- Made from the table in twisted_relay/metrics/table.py. Do not edit; run:
     python -m twisted_relay.metrics.reference > docs/reference/metrics.md -->

`[admin] stats = 127.0.0.1:9180` opens the private listener; `/metrics` there shows everything below to Prometheus and
whoever else reads its format, as `text/plain; version=0.0.4` or, for clients that ask for it, OpenMetrics 1.0, both
with gzip where it is accepted.

* Counters only rise and begin at 0 when the process starts. Series for errors are there from the start, so that the
  first error is seen as an increase.
* Labels are names from the configuration or words of fixed sets; nothing that a client sends can add a series. A relay
  with 3 listeners, 10 backends and 5 servers in each shows about 3,500 series.
* A parent is a backend here, called `parent:NAME`; its proxies are servers.
* `process_*` (processor time, memory, open files, start time) and `python_gc_*` come from Python's Prometheus client.

| name | type | labels | meaning |
|---|---|---|---|
"""


def reference_page() -> str:
    """The whole page as Markdown."""
    rows = "".join(_row(metric) for metric in METRICS)
    return _INTRODUCTION + rows + "\n" + "\n".join(_details()) + "\n".join(_words())


def _row(metric: Metric) -> str:
    kind = "gauge" if metric.kind == "info" else metric.kind
    return f"| [`{metric.name}`](#{metric.name}) | {kind} | {' '.join(metric.labels)} | {metric.help} |\n"


def _details() -> Iterator[str]:
    yield "## How to read them\n"
    for metric in METRICS:
        yield f"### {metric.name}\n\n{metric.help}\n\n{metric.reading}\n"


def _words() -> Iterator[str]:
    yield "\n## Words in labels\n"
    yield "`method`: " + ", ".join(f"`{name}`" for name in (*METHODS.values(), OTHER)) + ".\n"
    yield "`reason` of `relay_http_request_errors_total`: " + ", ".join(f"`{name}`" for name in ERROR_REASONS) + ".\n"


if __name__ == "__main__":
    sys.stdout.write(reference_page())
