"""Requests are counted by backend, method and code."""

from twisted.trial.unittest import SynchronousTestCase

from tests.metrics.measured import make_exchange
from twisted_relay import errors
from twisted_relay.metrics.requests import FIRST_CODES, METHODS, RequestMetrics

#: (error, the reason under which it is counted)
REASONS = (
    (errors.ClientAbort(), "client_abort"),
    (errors.RequestTimeout(), "timeout"),
    (errors.ResponseTimeout(), "server_timeout"),
    (errors.IncompleteResponse(), "server_reset"),
    (errors.NoServer(), "no_server"),
    (errors.RelayError(), "internal"),
)


class OddError(errors.RelayError):
    """An error that is not in `errors`, as a filter may have."""

    reason = "odd"


class RequestMetricsTests(SynchronousTestCase):
    """`RequestMetrics`."""

    def setUp(self) -> None:
        self.metrics = RequestMetrics("web", ["app"], (0.01, 0.1))

    def test_counts(self) -> None:
        """Each finished exchange is one more of its kind, and its bytes were sent."""
        for code in (200, 200, 404):
            exchange = make_exchange(code=code)
            exchange.bytes_sent = 100
            self.metrics(exchange)
        self.assertEqual(self.metrics.counts["app", "GET", 200], 2)
        self.assertEqual(self.metrics.counts["app", "GET", 404], 1)
        self.assertEqual(self.metrics.bytes_sent, 300)

    def test_durations(self) -> None:
        """Durations go into the histogram of the backend that was asked."""
        for seconds in (0.001, 0.05, 3.0):
            self.metrics(make_exchange(seconds=seconds))
        self.assertEqual(self.metrics.durations["app"].counts, [1, 1, 1])
        self.assertAlmostEqual(self.metrics.durations["app"].total, 3.051)
        self.assertEqual(self.metrics.durations[""].counts, [0, 0, 0])

    def test_upgraded_connections_have_no_duration(self) -> None:
        """A tunnel that lasted an hour is counted, but says nothing of how quick requests are."""
        self.metrics(make_exchange(code=101, seconds=3600))
        self.assertEqual(self.metrics.counts["app", "GET", 101], 1)
        self.assertEqual(self.metrics.durations["app"].counts, [0, 0, 0])

    def test_first_codes(self) -> None:
        """Successes and server errors are shown as 0 before they happen, for each method from its first request on."""
        before = self.metrics.counts
        self.assertEqual(set(before), {(backend, "GET", code) for backend in ("", "app") for code in FIRST_CODES})
        self.assertEqual(set(before.values()), {0})
        self.metrics(make_exchange(method=b"POST", code=201))
        for code in FIRST_CODES:
            self.assertEqual(self.metrics.counts["app", "POST", code], 0)

    def test_methods(self) -> None:
        """Known methods have their own series; whatever else a client makes up shares one."""
        for method in METHODS:
            self.metrics(make_exchange(method=method))
            self.assertEqual(self.metrics.counts["app", method.decode(), 200], 1)
        series = len(self.metrics.counts)
        for method in (b"BREW", b"get", b"", b"X" * 1000):
            self.metrics(make_exchange(method=method))
        self.assertEqual(self.metrics.counts["app", "OTHER", 200], 4)
        self.assertEqual(len(self.metrics.counts), series + len(FIRST_CODES))

    def test_a_backend_that_nobody_named(self) -> None:
        """An exchange that a filter sent elsewhere is counted like any other."""
        self.metrics(make_exchange(backend="other"))
        self.assertEqual(self.metrics.counts["other", "GET", 200], 1)
        self.assertEqual(sum(self.metrics.durations["other"].counts), 1)

    def test_reasons(self) -> None:
        """A failed exchange is counted by its reason, and a server's failures are told from a client's."""
        for error, reason in REASONS:
            self.assertEqual(self.metrics.errors[reason], 0, reason)
            exchange = make_exchange(code=error.status)
            exchange.error = error
            self.metrics(exchange)
            self.assertEqual(self.metrics.errors[reason], 1, reason)

    def test_unknown_errors_are_internal(self) -> None:
        """An error that has no series of its own is still counted."""
        exchange = make_exchange(code=500)
        exchange.error = OddError()
        self.metrics(exchange)
        self.assertEqual(self.metrics.errors["internal"], 1)
        self.assertNotIn("odd", self.metrics.errors)
