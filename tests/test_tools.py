"""tools/test.py: what trial printed becomes `N passed, M failed`, and nothing but success passes."""

import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parent.parent


def load_tool(name: str) -> ModuleType:
    """Import a program of tools/, which is no package."""
    spec = importlib.util.spec_from_file_location(f"relay_tool_{name}", ROOT / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def report(ran: int, verdict: str) -> str:
    return f"some.test ... [OK]\n\n-----\nRan {ran} tests in 1.234s\n\n{verdict}\n"


#: (what trial printed, its exit status, the line we end with)
CASES = (
    (report(12, "PASSED (successes=12)"), 0, "12 passed, 0 failed"),
    ("Ran 1 test in 0.1s\n\nPASSED (successes=1)\n", 0, "1 passed, 0 failed"),
    (report(5, "FAILED (failures=1, errors=2, successes=2)"), 1, "2 passed, 3 failed"),
    (report(3, "FAILED (errors=2, successes=2)"), 1, "2 passed, 2 failed"),
    (report(4, "PASSED (skips=1, successes=3)"), 0, "3 passed, 1 failed"),
    (report(4, "PASSED (expectedFailures=1, successes=3)"), 0, "3 passed, 1 failed"),
    (report(4, "PASSED (successes=3)"), 0, "3 passed, 1 failed"),
    (report(3, "PASSED (successes=3)"), 1, "3 passed, 1 failed"),
    (report(0, "PASSED"), 0, "0 passed, 1 failed"),
    ("Ran 7 tests in 1.0s\n", 1, "0 passed, 1 failed"),
    ("Traceback (most recent call last):\n", 1, "0 passed, 1 failed"),
    ("", 0, "0 passed, 1 failed"),
    ("PASSED (successes=99)\n" + report(2, "FAILED (failures=1, successes=1)"), 1, "1 passed, 1 failed"),
)


class TallyTests(SynchronousTestCase):
    """The last line of `make test`."""

    def test_only_successes_pass(self) -> None:
        """Errors, failures, skips, todos, missing tests and a run that broke off all count as failed."""
        tool = load_tool("test")
        for output, exit_status, expected in CASES:
            self.assertEqual(str(tool.tally_of_trial(output, exit_status)), expected, output)

    def test_the_installed_trial_is_understood(self) -> None:
        """What this Twisted's trial really prints for a missing module and for a passing test is counted."""
        tool = load_tool("test")
        self.patch(sys, "stdout", io.StringIO())
        self.assertEqual(tool.run_tests(("tests.no_such_module",)).passed, 0)
        self.assertEqual(str(tool.run_tests(("tests.test_tools.SmallestTests",))), "1 passed, 0 failed")


class SmallestTests(SynchronousTestCase):
    """One test that passes, for the test above to run."""

    def test_nothing(self) -> None:
        """Nothing is wrong with nothing."""
        self.assertEqual([], [])
