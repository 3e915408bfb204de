"""The table of metrics keeps Prometheus' rules and shows what was counted."""

import re
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from tests.metrics.measured import (
    MeasuredDiscovery,
    MeasuredLog,
    MeasuredNames,
    MeasuredPeek,
    make_backend,
    make_exchange,
    make_listener,
    make_sources,
)
from twisted_relay.discovery.discovery import RESULTS
from twisted_relay.histogram import Histogram
from twisted_relay.metrics.exposition import Exposition, Format
from twisted_relay.metrics.metric import Labels, Value
from twisted_relay.metrics.requests import RequestMetrics
from twisted_relay.metrics.sources import Sources, build_labels
from twisted_relay.metrics.table import METRICS
from twisted_relay.upstream.circuit import State

ALLOWED_LABELS = {
    *("version", "python", "twisted", "openssl", "listener", "backend", "server", "list"),
    *("method", "code", "reason", "result", "state", "sink", "certificate"),
    *("type", "auth", "rules", "rule"),
}


def read(name: str, sources: Sources) -> dict[Labels, Value]:
    """The values of a metric by its labels."""
    return dict(next(metric for metric in METRICS if metric.name == name).read(sources))


class RowTests(SynchronousTestCase):
    """Each row by itself."""

    def test_names(self) -> None:
        """Names are `relay_` and words; only counters end in `_total`; none stands twice."""
        for metric in METRICS:
            self.assertTrue(re.fullmatch(r"relay_[a-z_]+", metric.name), metric.name)
            self.assertEqual(metric.name.endswith("_total"), metric.kind == "counter", metric.name)
            self.assertEqual(metric.name.endswith("_info"), metric.kind == "info", metric.name)
        self.assertEqual(len({metric.name for metric in METRICS}), len(METRICS))

    def test_labels(self) -> None:
        """Labels are of the known kinds, of which none comes from a client; histograms have few."""
        for metric in METRICS:
            self.assertLessEqual(set(metric.labels), ALLOWED_LABELS, metric.name)
            if metric.kind == "histogram":
                self.assertLessEqual(set(metric.labels), {"listener", "backend"}, metric.name)

    def test_parents(self) -> None:
        """What went past a parent is told; what went through it is told as of a backend."""
        self.assertEqual(read("relay_backend_bypassed_total", make_sources()), {("parent:hq",): 3})

    def test_words(self) -> None:
        """Each says in a sentence what it is, and how to read it."""
        for metric in METRICS:
            self.assertTrue(metric.help.endswith("."), metric.name)
            self.assertTrue(metric.reading.endswith("."), metric.name)

    def test_values_have_the_labels_of_their_row(self) -> None:
        """What is read has as many labels as the row, and is a histogram where the row says so."""
        for metric in METRICS:
            values = list(metric.read(make_sources()))
            self.assertNotEqual(values, [], metric.name)
            for labels, value in values:
                self.assertEqual(len(labels), len(metric.labels), metric.name)
                self.assertEqual(isinstance(value, Histogram), metric.kind == "histogram", metric.name)

    def test_series(self) -> None:
        """A relay of common size has no more series than the reference page says."""
        text = Exposition(make_sources(3, 10, 5)).render(Format.TEXT).decode()
        series = [line for line in text.splitlines() if line.startswith("relay_")]
        self.assertLess(len(series), 3600)

    def test_promtool(self) -> None:
        """Prometheus' own linter finds nothing to say."""
        page = Exposition(make_sources()).render(Format.TEXT)
        found = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False)
        self.assertEqual((found.returncode, found.stdout + found.stderr), (0, b""))


class ValueTests(SynchronousTestCase):
    """What is counted is what is shown."""

    def test_listener(self) -> None:
        """Connections, limits, refusals and handshakes of a listener."""
        listener = make_listener()
        listener.counters.connections = 7
        listener.counters.active_requests = 2
        listener.counters.bytes_received = 900
        listener.counters.rejected["client_limit"] = 3
        listener.counters.handshakes["failure"] = 1
        listener.connections += ["one", "two"]
        sources = Sources([listener])
        for name, labels, value in (
            ("relay_listener_connections_total", (), 7),
            ("relay_listener_active_connections", (), 2),
            ("relay_listener_connection_limit", (), 20000),
            ("relay_listener_connections_rejected_total", ("client_limit",), 3),
            ("relay_listener_received_bytes_total", (), 900),
            ("relay_listener_tls_handshakes_total", ("failure",), 1),
            ("relay_listener_tls_handshakes_total", ("success",), 0),
            ("relay_http_active_requests", (), 2),
        ):
            self.assertEqual(read(name, sources)["web", *labels], value, name)

    def test_requests(self) -> None:
        """Finished exchanges by backend, method and code; their bytes and errors."""
        requests = RequestMetrics("web", ["app"], (1.0,))
        exchange = make_exchange()
        exchange.bytes_sent = 50
        requests(exchange)
        sources = Sources(requests=[requests])
        self.assertEqual(read("relay_http_requests_total", sources)["web", "app", "GET", "200"], 1)
        self.assertEqual(read("relay_http_requests_total", sources)["web", "", "GET", "502"], 0)
        self.assertEqual(read("relay_listener_sent_bytes_total", sources)["web",], 50)
        self.assertEqual(read("relay_http_request_errors_total", sources)["web", "client_abort"], 0)
        self.assertIs(read("relay_http_request_duration_seconds", sources)["web", "app"], requests.durations["app"])

    def test_breakers(self) -> None:
        """The state of a backend's breaker and what it did; backends without one have no series."""
        backend, other = make_backend(), make_backend("other")
        assert backend.breaker is not None
        backend.breaker.rejected, backend.breaker.opened = 5, 2
        other.breaker = None
        sources = Sources(backends=[backend, other])
        states = {("app", "closed"): 1, ("app", "open"): 0, ("app", "half-open"): 0}
        self.assertEqual(read("relay_backend_breaker_state", sources), states)
        self.assertEqual(set(states), {("app", state.value) for state in State})
        self.assertEqual(read("relay_backend_breaker_opened_total", sources), {("app",): 2})
        self.assertEqual(read("relay_backend_breaker_rejected_total", sources), {("app",): 5})

    def test_budgets(self) -> None:
        """What is left of a backend's budget and what it refused; backends without one have no series."""
        backend, other = make_backend(), make_backend("other")
        assert backend.budget is not None
        for _ in range(5):
            backend.budget.deposit(backend.now())
        backend.budget.active, backend.budget.refused["rate"] = 2, 3
        other.budget = None
        sources = Sources(backends=[backend, other])
        self.assertEqual(read("relay_backend_retry_budget_remaining", sources), {("app",): 101.0})
        refused = {("app", "rate"): 3, ("app", "active"): 0}
        self.assertEqual(read("relay_backend_retry_budget_refused_total", sources), refused)
        self.assertEqual(read("relay_backend_active_retries", sources), {("app",): 2})

    def test_hedges(self) -> None:
        """Second tries that were made, that won and that were refused; backends without them have no series."""
        backend, other = make_backend(), make_backend("other")
        assert backend.hedging is not None
        backend.hedging.made, backend.hedging.won = 5, 2
        backend.hedging.budget.refused.update(rate=3, active=1)
        other.hedging = None
        sources = Sources(backends=[backend, other])
        for name, value in (("hedges_total", 5), ("hedges_won_total", 2), ("hedges_refused_total", 4)):
            self.assertEqual(read(f"relay_backend_{name}", sources), {("app",): value})

    def test_discovery(self) -> None:
        """Looks by result, the last good one, and what was found; backends that look for nobody have no series."""
        discovery = MeasuredDiscovery("app")
        discovery.servers += ["one", "two"]
        discovery.counters.looks["timeout"] = 4
        discovery.counters.changes["joined"] = 3
        discovery.counters.last_success = 1.7e9
        sources = Sources(backends=[make_backend("other")], discoveries=[discovery])
        looks = read("relay_backend_discovery_looks_total", sources)
        self.assertEqual((looks["app", "timeout"], looks["app", "success"], len(looks)), (4, 0, len(RESULTS)))
        changed = {("app", "joined"): 3, ("app", "left"): 0, ("app", "reweighted"): 0}
        self.assertEqual(read("relay_backend_discovery_changes_total", sources), changed)
        self.assertEqual(read("relay_backend_discovery_servers", sources), {("app",): 2})
        self.assertEqual(read("relay_backend_discovery_last_success_timestamp_seconds", sources), {("app",): 1.7e9})

    def test_names(self) -> None:
        """What was known of names, and what was asked of name servers; nothing where no names are looked up."""
        names = MeasuredNames()
        names.lookups["hit"] = 7
        names.observed.count("AAAA", "timeout", 2.0)
        sources = Sources(names=names)
        self.assertEqual(read("relay_dns_lookups_total", sources), {("hit",): 7})
        self.assertEqual(read("relay_dns_queries_total", sources), {("AAAA", "timeout"): 1})
        self.assertEqual(read("relay_dns_cache_entries", sources), {(): 3})
        self.assertEqual(read("relay_dns_query_duration_seconds", sources), {(): names.observed.times})
        self.assertEqual(read("relay_dns_lookups_total", Sources()), {})

    def test_peeks(self) -> None:
        """Looks into tunnels, by what was found and what became of them."""
        values = read("relay_tunnel_peeks_total", Sources(peeked=[MeasuredPeek()]))
        self.assertEqual(values, {("proxy", "name", "allowed"): 5, ("proxy", "name", "refused"): 1})

    def test_backend(self) -> None:
        """Retries, the queue, and servers by state."""
        backend = make_backend(servers=3)
        backend.counters.retries["connect"] = 4
        backend.counters.redispatches = 3
        backend.counters.queue_rejected["full"] = 2
        backend.queue.append("one")
        backend.servers[0].set_down("refused")
        sources = Sources(backends=[backend])
        for name, labels, value in (
            ("relay_backend_retries_total", ("connect",), 4),
            ("relay_backend_redispatches_total", (), 3),
            ("relay_backend_queue_rejected_total", ("full",), 2),
            ("relay_backend_queue_length", (), 1),
            ("relay_backend_servers", ("up",), 2),
            ("relay_backend_servers", ("down",), 1),
            ("relay_backend_servers", ("maint",), 0),
        ):
            self.assertEqual(read(name, sources)["app", *labels], value, name)

    def test_server(self) -> None:
        """State, answers, connections and errors of a server."""
        backend = make_backend()
        server = backend.servers[0]
        server.count_response(204)
        server.counters.errors["refused"] = 5
        server.counters.reuses = 6
        server.active_requests = 2
        server.eject("too many errors")
        backend.pools[server.name].open = 3
        backend.pools[server.name].idle.append("one")
        sources = Sources(backends=[backend])
        for name, labels, value in (
            ("relay_server_up", (), 0),
            ("relay_server_state", ("ejected",), 1),
            ("relay_server_state", ("up",), 0),
            ("relay_server_weight", (), 1),
            ("relay_server_requests_total", ("204",), 1),
            ("relay_server_requests_total", ("500",), 0),
            ("relay_server_errors_total", ("refused",), 5),
            ("relay_server_connection_reuses_total", (), 6),
            ("relay_server_active_requests", (), 2),
            ("relay_server_active_connections", (), 2),
            ("relay_server_idle_connections", (), 1),
            ("relay_server_state_changes_total", ("ejected",), 1),
            ("relay_server_checks_total", ("failure",), 0),
        ):
            self.assertEqual(read(name, sources)["app", server.name, *labels], value, name)

    def test_process(self) -> None:
        """What runs, since when, with which certificates, and what the logs lost."""
        sources = Sources(logs=[MeasuredLog("main", 9)], certificates={"site": 2e9}, loaded_at=1e9, timers=lambda: 7)
        self.assertEqual(read("relay_reactor_timers", sources), {(): 7})
        self.assertEqual(read("relay_build_info", sources), {build_labels(): 1})
        self.assertEqual(read("relay_config_last_reload_success_timestamp_seconds", sources), {(): 1e9})
        self.assertEqual(read("relay_config_last_reload_successful", sources), {(): 1})
        self.assertEqual(read("relay_tls_certificate_not_after_timestamp_seconds", sources), {("site",): 2e9})
        self.assertEqual(read("relay_log_messages_dropped_total", sources), {("main",): 9})
