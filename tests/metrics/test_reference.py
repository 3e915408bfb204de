"""The reference page of metrics is what the table says."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.metrics.reference import reference_page
from twisted_relay.metrics.table import METRICS

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "reference" / "metrics.md"
COMMAND = "python -m twisted_relay.metrics.reference > docs/reference/metrics.md"


class ReferenceTests(SynchronousTestCase):
    """`docs/reference/metrics.md`."""

    def test_current(self) -> None:
        """The page in the repository is the one that the table makes, and says how."""
        if PAGE.read_text() != reference_page():
            self.fail(f"docs/reference/metrics.md is out of date; run: {COMMAND}")
        self.assertIn(COMMAND, reference_page())

    def test_every_metric(self) -> None:
        """Each has a row and a paragraph that says how to read it."""
        for metric in METRICS:
            self.assertIn(f"| [`{metric.name}`](#{metric.name}) |", reference_page())
            self.assertIn(f"### {metric.name}\n\n{metric.help}\n\n{metric.reading}\n", reference_page())
