"""What is tried again, as it is written."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.retries import RETRY_BUDGET, RETRY_METHODS, RETRY_ON
from twisted_relay.config.values import BudgetSpec, RetryOn


class RetryTests(SynchronousTestCase):
    """Each parser: what it takes, how it is shown, and what it refuses."""

    def test_conditions(self) -> None:
        """Words and status codes in any order; `off` is none."""
        for text, retry_on, shown in (
            ("off", RetryOn(), "off"),
            ("empty connect", RetryOn(("connect", "empty")), "connect empty"),
            ("503 reset 500-502", RetryOn(("reset",), ((503, 503), (500, 502))), "reset 503 500-502"),
            ("timeout\n  connect", RetryOn(("connect", "timeout")), "connect timeout"),
        ):
            self.assertEqual(parse(RETRY_ON, text), retry_on)
            self.assertEqual(RETRY_ON.show(retry_on), shown)
            self.assertEqual(parse(RETRY_ON, shown), retry_on)

    def test_conditions_refused(self) -> None:
        """The word that is wrong is pointed at."""
        for text, column in (
            ("conect", 7),
            ("connect 200", 15),
            ("connect 600", 15),
            ("connect 504-502", 15),
            ("off connect", 7),
            ("connect reset connect", 21),
            ("502 connect 502", 19),
            ("5xx", 7),
        ):
            (fault,) = faults_of(RETRY_ON, text)
            assert fault.span
            self.assertEqual(fault.span.column, column, text)
            self.assertTrue(fault.help)

    def test_methods(self) -> None:
        """A set by its name, or methods."""
        for text, methods in (
            ("safe", ("safe",)),
            ("idempotent", ("idempotent",)),
            ("any", ("any",)),
            ("GET PUT", ("GET", "PUT")),
        ):
            self.assertEqual(parse(RETRY_METHODS, text), methods)
            self.assertEqual(RETRY_METHODS.show(methods), text)

    def test_methods_refused(self) -> None:
        """A set stands alone, and methods are written in capitals."""
        for text, column in (("get", 7), ("GET put", 11), ("GET safe", 11), ("GET,PUT", 7), ("GET PUT GET", 15)):
            (fault,) = faults_of(RETRY_METHODS, text)
            assert fault.span
            self.assertEqual(fault.span.column, column, text)

    def test_budgets(self) -> None:
        """A share of the requests, and so many each second."""
        for text, budget, shown in (
            ("off", None, "off"),
            ("20%", BudgetSpec(0.2, 0.0), "20% min=0/s"),
            ("12.5% min=1.5/s", BudgetSpec(0.125, 1.5), "12.5% min=1.5/s"),
            ("100%  min=10/s", BudgetSpec(1.0, 10.0), "100% min=10/s"),
        ):
            self.assertEqual(parse(RETRY_BUDGET, text), budget)
            self.assertEqual(RETRY_BUDGET.show(budget), shown)

    def test_budgets_refused(self) -> None:
        """A percentage needs its sign, and a rate its unit."""
        for text in ("20", "0.2", "20 %", "101%", "20% min=10", "min=10/s", "20% 10/s", "on"):
            (fault,) = faults_of(RETRY_BUDGET, text)
            self.assertIn("20%", fault.help, text)
