"""What the results of checks amount to."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import OPTIONS
from twisted_relay.config.values import CheckWindow
from twisted_relay.health.verdict import FIRST, GoodOfLast, RiseAndFall, Verdict, verdict_of

#: (rise, fall, initial, results in order: + good, - failed; after each: u up, d down, . no verdict).
ROWS: tuple[tuple[int, int, bool | None, str, str], ...] = (
    (2, 3, True, "+++", "uuu"),
    (2, 3, True, "---", "uud"),
    (2, 3, True, "--+--+--+", "uuuuuuuuu"),
    (2, 3, True, "---+-+-++", "uuddddddu"),
    (2, 3, True, "---++---", "uudduuud"),
    (1, 1, True, "-+-+", "dudu"),
    (3, 1, True, "-++-+++", "ddddddu"),
    (1, 4, True, "----+---+----", "uuuduuuuuuuud"),
    (2, 3, False, "+-++", "dddu"),
    (2, 3, None, "+--", "uuu"),
    (2, 3, None, "--+", "..u"),
    (2, 3, None, "---+", "..dd"),
    (2, 3, None, "---++", "..ddu"),
)
#: (good, size, initial, results, verdicts): the window.
WINDOWS: tuple[tuple[int, int, bool | None, str, str], ...] = (
    (3, 8, None, "+", "u"),
    (3, 8, None, "-----+", ".....u"),
    (3, 8, None, "------", ".....d"),
    (3, 8, None, "+------", "uuuuuud"),
    (3, 8, True, "-----", "uuuuu"),
    (3, 8, True, "------", "uuuuud"),
    (3, 8, True, "+-+-+-+-", "uuuuuuuu"),
    (3, 8, True, "------++", "uuuuuddd"),
    (3, 8, True, "------+++", "uuuuudddu"),
    (3, 8, True, "-----+--+-----+", "uuuuuuddddddddd"),
    (3, 8, False, "+-+-+", "ddddu"),
    (1, 1, True, "-+-", "dud"),
    (2, 2, None, "-+", "dd"),
    (2, 2, None, "+-++", "uddu"),
)


def played(verdict: Verdict, results: str) -> str:
    """The verdict after each result; the reasons must come with the changes, and only with them."""
    seen = ""
    for result in results:
        before = verdict.is_up
        reason = verdict.passed() if result == "+" else verdict.failed()
        assert bool(reason) == (verdict.is_up is not before), (results, reason)
        seen += {None: ".", True: "u", False: "d"}[verdict.is_up]
    return seen


class RiseAndFallTests(SynchronousTestCase):
    """Counting results in a row."""

    def test_tables(self) -> None:
        """A server falls and rises after so many contrary results in a row; the first good one is enough."""
        for rise, fall, initial, results, verdicts in ROWS:
            self.assertEqual(played(RiseAndFall(rise, fall, initial), results), verdicts, (initial, results))

    def test_settled(self) -> None:
        """It is not settled before the first verdict, and while results speak against the last one."""
        verdict = RiseAndFall(2, 3, None)
        seen = [verdict.is_settled]
        for result in "--+-+---++":
            played(verdict, result)
            seen.append(verdict.is_settled)
        self.assertEqual(seen, [False, False, False, True, False, True, False, False, True, False, True])

    def test_reasons(self) -> None:
        """The reason counts."""
        verdict = RiseAndFall(2, 1, None)
        self.assertEqual(
            [verdict.passed(), verdict.failed(), verdict.passed(), verdict.passed()],
            [FIRST, "1 failure", "", "2 good checks in a row"],
        )


class GoodOfLastTests(SynchronousTestCase):
    """Counting good checks among the last ones."""

    def test_tables(self) -> None:
        """A server is up while enough of its last checks were good; the first good one is enough."""
        for good, size, initial, results, verdicts in WINDOWS:
            self.assertEqual(played(GoodOfLast(CheckWindow(good, size), initial), results), verdicts, (good, results))

    def test_settled(self) -> None:
        """It is settled while the last result is as the verdict says."""
        verdict = GoodOfLast(CheckWindow(2, 3), None)
        seen = [verdict.is_settled]
        for result in "+-+--+":
            played(verdict, result)
            seen.append(verdict.is_settled)
        self.assertEqual(seen, [False, True, False, True, True, True, False])

    def test_reasons(self) -> None:
        """The reason counts what is in the window."""
        verdict = GoodOfLast(CheckWindow(2, 3), True)
        played(verdict, "-")
        self.assertEqual(verdict.failed(), "2 of the last 3 checks failed")
        played(verdict, "+")
        self.assertEqual(verdict.passed(), "2 of the last 3 checks were good")


class OptionsTests(SynchronousTestCase):
    """What the options ask for."""

    def test_kinds(self) -> None:
        """Rise and fall, or the window when there is one."""
        self.assertIsInstance(verdict_of(OPTIONS), RiseAndFall)
        self.assertIsInstance(verdict_of(replace(OPTIONS, check_window=CheckWindow(3, 8))), GoodOfLast)

    def test_initial(self) -> None:
        """`check_initial` is the verdict before the first check."""
        for word, verdict in (("checking", None), ("up", True), ("down", False)):
            for window in (None, CheckWindow(3, 8)):
                options = replace(OPTIONS, check_initial=word, check_window=window)
                self.assertIs(verdict_of(options).is_up, verdict)
