"""The page that Prometheus scrapes."""

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from twisted.trial.unittest import SynchronousTestCase

from tests.metrics.measured import make_sources
from twisted_relay.histogram import Histogram
from twisted_relay.metrics.exposition import MOST_FORGOTTEN, Collector, Exposition, Format, choose_format
from twisted_relay.metrics.metric import Metric
from twisted_relay.metrics.sources import Sources

PROMETHEUS_2 = (
    b"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    b"text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    b"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    b"application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    b"text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
#: (Accept, the format that its sender gets)
ACCEPTED = (
    (b"", Format.TEXT),
    (b"*/*", Format.TEXT),
    (b"text/html,application/xhtml+xml,*/*;q=0.8", Format.TEXT),
    (b"text/plain", Format.TEXT),
    (PROMETHEUS_2, Format.OPENMETRICS),
    (PROMETHEUS_3, Format.OPENMETRICS),
    (b"application/openmetrics-text", Format.OPENMETRICS),
    (b"Application/OpenMetrics-Text; Version=1.0.0; charset=utf-8", Format.OPENMETRICS),
    (b"application/openmetrics-text;q=0.5,text/plain;q=0.9", Format.TEXT),
    (b"application/openmetrics-text;q=0", Format.TEXT),
    (b"application/openmetrics-text;version=0.0.1", Format.TEXT),
    (b"application/openmetrics-text;version=2.0.0", Format.TEXT),
    (b"application/openmetrics-text;q=high", Format.TEXT),
    (b";;,=,", Format.TEXT),
)


def shown(metric: Metric, format: Format) -> str:
    """The lines of one metric."""
    page = Exposition(Sources(), [metric]).render(format).decode()
    return "".join(line + "\n" for line in page.splitlines() if metric.family in line)


def samples(families: list[Family]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of relay's own families."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        if family.name.startswith("relay_")
        for sample in family.samples
    }


class MemoryTests(SynchronousTestCase):
    """What is kept from one page to the next."""

    def test_series_that_are_gone(self) -> None:
        """Series of servers that have left are not shown, and their names are forgotten when they are many."""
        labels: list[tuple[str, ...]] = []
        metric = Metric("relay_x", "gauge", ("server",), "x", "x", lambda _: [(each, 1) for each in labels])
        page = Exposition(Sources(), [metric])
        for number in range(5 * MOST_FORGOTTEN):
            labels[:] = [(f"s{number}",), ("other",)]
            page.render(Format.TEXT)
        self.assertNotIn(b's4"', page.render(Format.TEXT))
        [shown] = page._shown
        self.assertLess(len(shown._names), 2 * MOST_FORGOTTEN)
        self.assertIn(b'relay_x{server="other"} 1\n', page.render(Format.TEXT))


class FormatTests(SynchronousTestCase):
    """`choose_format` and `Format`."""

    def test_negotiation(self) -> None:
        """Who asks for OpenMetrics 1.0 and does not like text better gets it, everybody else text."""
        for accept, expected in ACCEPTED:
            self.assertIs(choose_format(accept), expected, accept)

    def test_content_types(self) -> None:
        """Prometheus 3 refuses a page whose type it does not know to the letter."""
        self.assertEqual(Format.TEXT.value, b"text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(Format.OPENMETRICS.value, b"application/openmetrics-text; version=1.0.0; charset=utf-8")


class ExpositionTests(SynchronousTestCase):
    """`Exposition`."""

    def test_counter(self) -> None:
        """A counter's family is named with `_total` in text and without it in OpenMetrics."""
        metric = Metric("relay_x_total", "counter", ("a", "b"), "Help.", "", lambda sources: [(("1", "2"), 3)])
        sample = 'relay_x_total{a="1",b="2"} 3\n'
        self.assertEqual(
            shown(metric, Format.TEXT), "# HELP relay_x_total Help.\n# TYPE relay_x_total counter\n" + sample
        )
        self.assertEqual(shown(metric, Format.OPENMETRICS), "# HELP relay_x Help.\n# TYPE relay_x counter\n" + sample)

    def test_histogram(self) -> None:
        """Buckets hold everything at or below their bound; the last one is infinite and equals the count."""
        histogram = Histogram((0.5, 1))
        for value in (0.1, 0.5, 0.75, 5.0):
            histogram.observe(value)
        metric = Metric("relay_x", "histogram", ("a",), "Help.", "", lambda sources: [(("1",), histogram)])
        lines = (
            'relay_x_bucket{a="1",le="0.5"} 2',
            'relay_x_bucket{a="1",le="1.0"} 3',
            'relay_x_bucket{a="1",le="+Inf"} 4',
            'relay_x_sum{a="1"} 6.35',
            'relay_x_count{a="1"} 4',
        )
        self.assertEqual(shown(metric, Format.TEXT).splitlines()[2:], list(lines))

    def test_escaping(self) -> None:
        """Backslash, quote and line feed in a label or a help text cannot break a line."""
        metric = Metric("relay_x", "gauge", ("a",), 'say "\\\n', "", lambda sources: [(('"\\\n',), 1)])
        self.assertEqual(
            shown(metric, Format.TEXT),
            '# HELP relay_x say "\\\\\\n\n# TYPE relay_x gauge\nrelay_x{a="\\"\\\\\\n"} 1\n',
        )
        self.assertIn('# HELP relay_x say \\"\\\\\\n\n', shown(metric, Format.OPENMETRICS))

    def test_same_as_prometheus_client(self) -> None:
        """Both formats, read by prometheus_client's parsers, hold what its own collector interface gives."""
        sources = make_sources(2, 2, 2)
        registry = CollectorRegistry()
        registry.register(Collector(sources))
        expected = samples(list(registry.collect()))
        exposition = Exposition(sources)
        self.assertGreater(len(expected), 200)
        self.assertEqual(samples(list(parse_text(exposition.render(Format.TEXT).decode()))), expected)
        self.assertEqual(samples(list(parse_openmetrics(exposition.render(Format.OPENMETRICS).decode()))), expected)

    def test_process_metrics(self) -> None:
        """Processor time, open files and garbage collections are on the page, in either format."""
        exposition = Exposition(make_sources())
        for format in Format:
            page = exposition.render(format)
            for name in (b"process_cpu_seconds_total ", b"process_open_fds ", b"python_gc_collections_total{"):
                self.assertIn(name, page)
            self.assertEqual(page.endswith(b"\n# EOF\n"), format is Format.OPENMETRICS)

    def test_values_are_read_anew(self) -> None:
        """A second scrape shows what has happened since the first."""
        sources = make_sources()
        exposition = Exposition(sources)
        exposition.render(Format.TEXT)
        sources.requests[0].bytes_sent += 12
        self.assertIn(b'\nrelay_listener_sent_bytes_total{listener="listener0"} 12\n', exposition.render(Format.TEXT))
