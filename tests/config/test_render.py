"""Diagnostics as text, JSON and annotations."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.diagnostics import Diagnostic
from twisted_relay.config.render import as_github, as_json, as_text, coloured, visible

BAD_TIME = Diagnostic(
    "relay.ini",
    67,
    18,
    "error",
    "bad-value",
    'check_interval: "2" is not valid',
    "write a time with a unit (2s or 2ms?)",
    "check_interval = 2",
)


class TextTests(SynchronousTestCase):
    """For people and editors."""

    def test_whole(self) -> None:
        """The place in the gcc form, the line with a caret, the help."""
        self.assertEqual(
            as_text(BAD_TIME),
            'relay.ini:67:18: error[bad-value]: check_interval: "2" is not valid\n'
            "   |\n"
            "67 | check_interval = 2\n"
            "   |                  ^\n"
            "   = help: write a time with a unit (2s or 2ms?)",
        )

    def test_without_line_and_help(self) -> None:
        """A file that cannot be read has no line to show."""
        missing = Diagnostic("relay.ini", 0, 0, "error", "cannot-read", "cannot read it")
        self.assertEqual(as_text(missing), "relay.ini: error[cannot-read]: cannot read it")

    def test_caret(self) -> None:
        """It is as wide as what is wrong, within the line, and below it after tabs."""
        for source, column, width, caret in (
            ("abc def", 5, 3, "      ^^^"),
            ("abc def", 5, 30, "      ^^^"),
            ("\tabc", 2, 1, "  \t^"),
            ("abc", 4, 1, "     ^"),
        ):
            shown = as_text(Diagnostic("a", 1, column, "error", "x", "y", "", source, width)).splitlines()
            self.assertEqual(shown[3], "  |" + caret[1:])

    def test_long_lines(self) -> None:
        """Of a long line the part around the place is shown."""
        shown = as_text(Diagnostic("a", 1, 5001, "error", "x", "y", "", "-" * 5000 + "X" + "-" * 5000)).splitlines()
        self.assertEqual(shown[2][shown[3].index("^")], "X")
        self.assertTrue(len(shown[2]) < 200)

    def test_colour(self) -> None:
        """Only when asked for; without it the text is the same."""
        text = as_text(BAD_TIME, coloured)
        self.assertIn("\x1b[31merror[bad-value]\x1b[0m", text)
        self.assertNotIn("\x1b", as_text(BAD_TIME))

    @given(st.text(), st.text(), st.integers(1, 300), st.integers(1, 300))
    def test_no_terminal_codes(self, message: str, source: str, column: int, width: int) -> None:
        """Nothing of a file reaches the terminal as a control character."""
        text = as_text(Diagnostic(source, 1, column, "warning", "x", message, message, source, width))
        self.assertTrue(all(char.isprintable() or char in "\n\t" for char in text))

    def test_visible(self) -> None:
        """Escapes, so that one sees what it was."""
        self.assertEqual(visible("a\x1b\n\udcffü"), "a\\x1b\\n\\udcffü")


class MachineTests(SynchronousTestCase):
    """For programs."""

    def test_json(self) -> None:
        """One object with the numbers and every detail."""
        warning = Diagnostic("a.ini", 1, 1, "warning", "x", "y")
        read = json.loads(as_json([BAD_TIME, warning]))
        self.assertEqual((read["errors"], read["warnings"]), (1, 1))
        self.assertEqual(read["diagnostics"][0]["column"], 18)
        self.assertEqual(Diagnostic(**read["diagnostics"][0]), BAD_TIME)

    def test_github(self) -> None:
        """Annotations; what has a meaning in them is escaped."""
        self.assertEqual(
            as_github(Diagnostic("a,b:c.ini", 2, 3, "error", "x", "50%\nmore", "help")),
            "::error file=a%2Cb%3Ac.ini,line=2,col=3,title=x::50%25%0Amore%0Ahelp",
        )
        self.assertEqual(as_github(Diagnostic("a", 0, 0, "error", "x", "y")), "::error file=a,title=x::y")
