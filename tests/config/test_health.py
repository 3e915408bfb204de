"""Checks and ejection of servers."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.health import CHECK, CHECK_HEADERS, EJECT, EXPRESSION, MAX_OCTETS, OCTETS, WINDOW
from twisted_relay.config.values import CheckSpec, CheckWindow, EjectSpec, FieldLine


class HealthTests(SynchronousTestCase):
    """How they are written."""

    def test_checks(self) -> None:
        """A request, with the statuses that are good."""
        for text, check in (
            ("off", None),
            ("tcp", CheckSpec(kind="tcp")),
            ("tls", CheckSpec(kind="tls")),
            ("GET /health", CheckSpec("GET", "/health", ((200, 399),))),
            ("HEAD /a?b=c status=200-299,401", CheckSpec("HEAD", "/a?b=c", ((200, 299), (401, 401)))),
        ):
            self.assertEqual(parse(CHECK, text), check)
            self.assertEqual(parse(CHECK, CHECK.show(check)), check)

    def test_checks_refused(self) -> None:
        """The word that is wrong is pointed at."""
        for text, column in (
            ("on", 7),
            ("tcp 80", 7),
            ("TLS", 7),
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

    def test_windows(self) -> None:
        """So many of the last so many."""
        for text, window in (("off", None), ("3 of 8", CheckWindow(3, 8)), ("1  of\t64", CheckWindow(1, 64))):
            self.assertEqual(parse(WINDOW, text), window)
            self.assertEqual(parse(WINDOW, WINDOW.show(window)), window)
        for text in ("3", "3/8", "0 of 8", "9 of 8", "3 of 65", "3 of 8 x", "on"):
            self.assertTrue(faults_of(WINDOW, text), text)

    def test_headers(self) -> None:
        """Fields of a check: not those that are computed; for Host there is another option."""
        self.assertEqual(parse(CHECK_HEADERS, "A: b\nC: d"), (FieldLine("A", "b"), FieldLine("C", "d")))
        (fault,) = faults_of(CHECK_HEADERS, "A: b\nhost: x")
        self.assertEqual((fault.message, fault.help), ('"host" cannot be changed', "use check_host"))
        assert fault.span
        self.assertEqual(fault.span.line, 2)
        self.assertTrue(faults_of(CHECK_HEADERS, "Content-Length: 1"))

    def test_expressions(self) -> None:
        """An expression must be one over octets."""
        for text in ('"status": *"ok"', "grün", "^a|b$"):
            self.assertEqual(parse(EXPRESSION, text), text)
        for text in ("(", r"\u00fc", "(?u)a", "a" * 5000):
            self.assertTrue(faults_of(EXPRESSION, text), text)

    def test_octets(self) -> None:
        """Octets that cannot be written are escaped."""
        for text, octets in (
            ("PING\\r\\n", b"PING\r\n"),
            ("a b", b"a b"),
            ("\\x00\\xfF\\0\\t\\\\", b"\0\xff\0\t\\"),
            ('it\'s "so"', b'it\'s "so"'),
            ("a" * MAX_OCTETS, b"a" * MAX_OCTETS),
        ):
            self.assertEqual(parse(OCTETS, text), octets)
            self.assertEqual(parse(OCTETS, OCTETS.show(octets)), octets)
        for text in ("\\", "\\q", "\\x1", "ü", "a" * (MAX_OCTETS + 1)):
            self.assertTrue(faults_of(OCTETS, text), text)

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
