"""Checks and ejection of servers."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.health import CHECK, EJECT
from twisted_relay.config.values import CheckSpec, EjectSpec


class HealthTests(SynchronousTestCase):
    """How they are written."""

    def test_checks(self) -> None:
        """A request, with the statuses that are good."""
        for text, check in (
            ("off", None),
            ("GET /health", CheckSpec("GET", "/health", ((200, 399),))),
            ("HEAD /a?b=c status=200-299,401", CheckSpec("HEAD", "/a?b=c", ((200, 299), (401, 401)))),
        ):
            self.assertEqual(parse(CHECK, text), check)
            self.assertEqual(parse(CHECK, CHECK.show(check)), check)

    def test_checks_refused(self) -> None:
        """The word that is wrong is pointed at."""
        for text, column in (
            ("on", 7),
            ("/health", 7),
            ("get /health", 7),
            ("GET health", 11),
            ("GET /a#b", 11),
            ("GET / 200", 13),
            ("GET / status=", 13),
            ("GET / status=299-200", 13),
            ("GET / status=600", 13),
            ("GET / status=200 x", 7),
        ):
            (fault,) = faults_of(CHECK, text)
            assert fault.span
            self.assertEqual(fault.span.column, column, text)

    def test_ejections(self) -> None:
        """So many errors in such a time."""
        for text, eject in (
            ("off", None),
            ("5 errors in 10s", EjectSpec(5, 10.0)),
            ("1 error in 1m", EjectSpec(1, 60.0)),
        ):
            self.assertEqual(parse(EJECT, text), eject)

    def test_ejections_refused(self) -> None:
        """The time needs its unit here too."""
        for text in ("5", "5 errors", "0 errors in 10s", "5 errors in 0", "5 in 10s", "x errors in 10s"):
            self.assertTrue(faults_of(EJECT, text), text)
        (fault,) = faults_of(EJECT, "5 errors in 10")
        assert fault.span
        self.assertEqual((fault.message, fault.span.column), ('"10" is not valid', 19))
