"""All that must hold before a change is taken: formatting, linters, types, then every test. `make test` runs this.

Usage: python tools/test.py [TEST ...]; without names, all tests. The last line is `N passed, M failed`: each check
of the code counts as one, each test as one. Whatever is not a plain success counts as failed, skipped tests too, and
so does a test run that ended without saying how many tests it ran, or that ran none.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKS = (
    ("formatting", ("ruff", "format", "--check")),
    ("linters", ("ruff", "check")),
    ("types", ("mypy",)),
)
ALL_TESTS = ("tests",)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many passed and how many did not."""

    passed: int
    failed: int

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.passed + other.passed, self.failed + other.failed)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed"


def tally_of_trial(output: str, exit_status: int) -> Tally:
    """Count the tests in what trial printed, from its last two lines: `Ran N tests in …` and `PASSED (successes=N)`.

    Everything but a success is a failure: an error or a failure in the tests, a skip, a todo, and a test that
    reported nothing at all. An error outside a test (an import, a clean-up) may come on top of the tests that ran.
    """
    ran = re.findall(r"^Ran (\d+) tests? in ", output, re.MULTILINE)
    verdicts = re.findall(r"^(?:PASSED|FAILED)(?: \((.*)\))?$", output, re.MULTILINE)
    if not ran or not verdicts:
        return Tally(0, 1)
    counts = {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", verdicts[-1])}
    passed = counts.pop("successes", 0)
    failed = max(sum(counts.values()), int(ran[-1]) - passed)
    if failed == 0 and (exit_status != 0 or passed == 0):
        failed = 1
    return Tally(passed, failed)


def run_check(title: str, command: tuple[str, ...]) -> Tally:
    """Run one check of the code; its own words are shown, and only the exit status counts."""
    print(f"== {title}: {' '.join(command)}", flush=True)
    finished = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
    return Tally(1, 0) if finished.returncode == 0 else Tally(0, 1)


def run_tests(names: tuple[str, ...]) -> Tally:
    """Run trial, showing what it prints while it prints it."""
    print(f"== tests: trial {' '.join(names)}", flush=True)
    command = [sys.executable, "-m", "twisted.trial", *names]
    lines = []
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as trial:
        assert trial.stdout is not None
        for line in trial.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return tally_of_trial("".join(lines), trial.returncode)


def main(names: tuple[str, ...]) -> int:
    """Run everything, even after a failure; 0 when all of it passed."""
    tally = Tally(0, 0)
    for title, command in CHECKS:
        tally += run_check(title, command)
    tally += run_tests(names or ALL_TESTS)
    print(tally)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:])))
