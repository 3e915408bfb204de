"""The collection of what is wrong."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.diagnostics import Report
from twisted_relay.config.words import Span


class ReportTests(SynchronousTestCase):
    """What a report keeps."""

    def test_order(self) -> None:
        """By file as they were read, then line, then column; what belongs to no file that was read comes first."""
        report = Report()
        report.add_source("b.ini", ["one", "two"])
        report.add_source("a.ini", ["one"])
        for span in (Span("a.ini", 1, 1), Span("b.ini", 2, 5), Span("b.ini", 2, 1), Span("c.ini", 0, 0)):
            report.error(span, "x", "y")
        self.assertEqual(
            [(each.file, each.line, each.column) for each in report.diagnostics()],
            [("c.ini", 0, 0), ("b.ini", 2, 1), ("b.ini", 2, 5), ("a.ini", 1, 1)],
        )

    def test_source(self) -> None:
        """Each carries its line of the file."""
        report = Report()
        report.add_source("a.ini", ["one", "two"])
        report.warning(Span("a.ini", 2, 1), "x", "y")
        report.warning(Span("a.ini", 9, 1), "x", "y")
        self.assertEqual([each.source for each in report.diagnostics()], ["two", ""])

    def test_each_once(self) -> None:
        """The same thing said twice is said once."""
        report = Report()
        for _ in range(2):
            report.error(Span("a.ini", 1, 1), "x", "y")
        self.assertEqual(len(report.diagnostics()), 1)

    def test_errors_count(self) -> None:
        """Warnings alone leave a configuration usable."""
        report = Report()
        report.warning(Span("a.ini", 1, 1), "x", "y")
        self.assertFalse(report.has_errors())
        report.error(Span("a.ini", 1, 1), "x", "y")
        self.assertTrue(report.has_errors())

    def test_one_mistake_is_said_once(self) -> None:
        """A line that looks like an option and is refused as well needs only the error."""
        report = Report()
        report.warning(Span("a.ini", 1, 3), "looks-like-option", "y")
        report.warning(Span("a.ini", 2, 3), "looks-like-option", "y")
        report.error(Span("a.ini", 1, 5), "bad-value", "y")
        self.assertEqual(
            [(each.line, each.code) for each in report.diagnostics()], [(1, "bad-value"), (2, "looks-like-option")]
        )
