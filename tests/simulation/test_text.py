"""The results as text: errors by reason, what relay saw, and how much was really simulated."""

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import USUAL, report
from twisted_relay.simulation.report import MOST_SERVERS
from twisted_relay.simulation.text import as_text, clock_time, duration, percent


class TextTests(SynchronousTestCase):
    """One run."""

    def test_text(self) -> None:
        """Errors are told by reason, and so is what relay saw; numbers that are 0 are left out."""
        text = as_text(report(self.mktemp(), retries=0, eject_after=None))
        self.assertRegex(text, r"(?m)^error rate +[\d.]+ %$")
        self.assertRegex(text, r"(?m)^  refused +[\d.]+$")
        self.assertRegex(text, r"(?m)^ +0m1\ds  s2 down: GET /health: .*connection refused \(3 failures in a row\)$")
        self.assertNotIn("queue rejected", text)

    def test_what_was_left_out(self) -> None:
        """A report on a run with quiet time left out says how much was simulated."""
        made = report(self.mktemp())
        made.outcomes[0].requests_simulated = 7
        self.assertRegex(as_text(made), r"round-robin: 7 of 1,\d{3} requests were simulated; quiet time counts as")

    def test_words_for_numbers(self) -> None:
        """Short enough to read, and never 0 for what is not."""
        for shown, expected in (
            (percent(0.0), "0 %"),
            (percent(0.12345), "12.3 %"),
            (percent(0.00001), "0.001 %"),
            (duration(0.0123), "12.3 ms"),
            (duration(12.345), "12.3 s"),
            (clock_time(59.9), "0m59s"),
            (clock_time(3725.0), "1h02m05s"),
        ):
            self.assertEqual(shown, expected)

    def test_many_servers(self) -> None:
        """Of many servers only the busiest is told of; of a few each."""
        many = USUAL.replace("1m", f"10s\ngenerated_servers = {MOST_SERVERS + 1}")
        self.assertNotIn("  s1 ", as_text(report(self.mktemp(), many)))
        self.assertIn("  s1 ", as_text(report(self.mktemp())))
