"""Success rates, and what lies too far below the others."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.values import OutlierSpec
from twisted_relay.health.outliers import Totals, lowest_normal, totals_of

ENVOY = OutlierSpec(margin=0.0)


class TotalsTests(SynchronousTestCase):
    """What is counted."""

    def test_of_counters(self) -> None:
        """Responses and errors; 5xx and errors are failures; a response that broke off is one request."""
        for codes, errors, broken, totals in (
            ({}, {"reset": 0}, 0, Totals(0, 0)),
            ({200: 90, 404: 5, 101: 1, 500: 3, 503: 1}, {"reset": 0}, 0, Totals(100, 4)),
            ({200: 90}, {"reset": 6, "timeout": 4}, 0, Totals(100, 10)),
            ({200: 100}, {"reset": 5}, 5, Totals(100, 5)),
        ):
            self.assertEqual(totals_of(SimpleNamespace(codes=codes, errors=errors, broken=broken)), totals)

    def test_rates(self) -> None:
        """The part that did not fail, of what came since a moment."""
        totals = Totals(300, 60).since(Totals(100, 10))
        self.assertEqual((totals, totals.success_rate), (Totals(200, 50), 0.75))
        self.assertEqual((Totals().success_rate, Totals(2, 3).success_rate), (1.0, 0.0))


class LowestTests(SynchronousTestCase):
    """The rate below which a server is an outlier."""

    def test_envoy(self) -> None:
        """Mean less 1.9 standard deviations: of 1.0 four times and 0.5, that is 0.9 - 1.9 * 0.2."""
        self.assertAlmostEqual(lowest_normal((1.0, 1.0, 1.0, 1.0, 0.5), ENVOY), 0.52)

    def test_too_few(self) -> None:
        """Among too few servers nobody is an outlier, however bad."""
        self.assertEqual(lowest_normal((1.0, 1.0, 1.0, 0.0), ENVOY), 0.0)
        self.assertGreater(lowest_normal((1.0, 1.0, 1.0, 0.0), OutlierSpec(1.0, servers=4)), 0.0)

    def test_margin(self) -> None:
        """Among servers that hardly fail a single error makes no outlier."""
        rates = (1.0, 1.0, 1.0, 1.0, 1.0, 0.99)
        self.assertLess(min(rates), lowest_normal(rates, ENVOY))
        self.assertGreater(min(rates), lowest_normal(rates, OutlierSpec()))

    @given(st.lists(st.floats(0, 1), min_size=5, max_size=50))
    def test_never_all(self, rates: list[float]) -> None:
        """The best server is never an outlier, nor is anybody among equals."""
        self.assertLessEqual(lowest_normal(rates, ENVOY), max(rates) + 1e-9)
        self.assertLessEqual(lowest_normal([rates[0]] * 7, OutlierSpec()), rates[0])
