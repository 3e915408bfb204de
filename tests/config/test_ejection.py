"""Servers that fail more than the others."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.ejection import OUTLIERS
from twisted_relay.config.values import OutlierSpec


class OutlierTests(SynchronousTestCase):
    """How it is written which of them are taken out."""

    def test_outliers(self) -> None:
        """How far below the mean, and among how many."""
        for text, spec in (
            ("off", None),
            ("on", OutlierSpec(1.9, 100, 5, 0.05)),
            ("on requests=20", OutlierSpec(1.9, 20, 5, 0.05)),
            ("1.9 stdev requests=100 servers=5", OutlierSpec(1.9, 100, 5, 0.05)),
            ("2 stdev margin=0% servers=10", OutlierSpec(2.0, 100, 10, 0.0)),
        ):
            self.assertEqual(parse(OUTLIERS, text), spec, text)
            self.assertEqual(parse(OUTLIERS, OUTLIERS.show(spec)), spec, text)

    def test_refused(self) -> None:
        """The word that is wrong is pointed at."""
        for text, column in (
            ("1.9", 7),
            ("yes", 7),
            ("0 stdev", 7),
            ("x stdev", 7),
            ("11 stdev", 7),
            ("off requests=2", 7),
            ("on stdev", 10),
            ("on requests=0", 10),
            ("on requests=1k", 10),
            ("on requests=100 servers=2", 23),
            ("on margin=5", 10),
            ("on margin=100%", 10),
        ):
            (fault,) = faults_of(OUTLIERS, text)
            assert fault.span
            self.assertEqual(fault.span.column, column, text)
