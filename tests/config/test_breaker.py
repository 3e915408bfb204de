"""The circuit breaker of a backend."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.breaker import BREAKER
from twisted_relay.config.values import BreakerSpec

USUAL = ((500, 500), (502, 504))


class BreakerTests(SynchronousTestCase):
    """How it is written."""

    def test_breakers(self) -> None:
        """A share of failed requests in a time, and what else may be said of it."""
        for text, spec in (
            ("off", None),
            ("50% errors in 10s", BreakerSpec(0.5, 10.0, 20, USUAL, 0.0)),
            ("12.5% errors in 1m min=100", BreakerSpec(0.125, 60.0, 100, USUAL, 0.0)),
            ("100% errors in 1s slow=250ms status=503", BreakerSpec(1.0, 1.0, 20, ((503, 503),), 0.25)),
            ("5% errors in 10s status=429,500-599", BreakerSpec(0.05, 10.0, 20, ((429, 429), (500, 599)), 0.0)),
        ):
            self.assertEqual(parse(BREAKER, text), spec, text)
            self.assertEqual(parse(BREAKER, BREAKER.show(spec)), spec, text)

    def test_refused(self) -> None:
        """The word that is wrong is pointed at."""
        for text, column in (
            ("on", 7),
            ("50%", 7),
            ("50% errors in", 7),
            ("50% failures in 10s", 7),
            ("50 errors in 10s", 7),
            ("0% errors in 10s", 7),
            ("101% errors in 10s", 7),
            ("50% errors in 10", 21),
            ("50% errors in 0", 21),
            ("50% errors in 10s min=0", 25),
            ("50% errors in 10s min=x", 25),
            ("50% errors in 10s max=1", 25),
            ("50% errors in 10s slow=2", 25),
            ("50% errors in 10s slow=0", 25),
            ("50% errors in 10s status=", 25),
            ("50% errors in 10s status=600", 25),
            ("50% errors in 10s status=200", 25),
            ("50% errors in 10s status=302-599", 25),
            ("50% errors in 10s min=5 status=504-500", 31),
        ):
            (fault,) = faults_of(BREAKER, text)
            assert fault.span
            self.assertEqual(fault.span.column, column, text)
