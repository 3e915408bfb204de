"""`relay check`."""

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.cli import check
from twisted_relay.config import load

ROOT = Path(__file__).resolve().parent.parent.parent

GOOD = "[listener:web]\nbind = :80\nbackend = app\n[backend:app]\nservers = http://a\n"
BAD = GOOD.replace(":80", "80") + "retires = 1\n"
DOUBTFUL = GOOD + "tls_name = a\n"


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class CheckTests(SynchronousTestCase):
    """What it prints and how it ends."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        for name, text in (("good", GOOD), ("bad", BAD), ("doubtful", DOUBTFUL)):
            (self.folder / f"{name}.ini").write_text(text)

    def call(self, *argv: str, out: io.StringIO | None = None) -> tuple[int, str]:
        """Exit status and standard output; names of files are those of `setUp`."""
        parser = argparse.ArgumentParser()
        check.configure(parser)
        output = out or io.StringIO()
        arguments = parser.parse_args([str(self.folder / each) if each.endswith(".ini") else each for each in argv])
        with contextlib.redirect_stdout(output):
            return check.run(arguments), output.getvalue().replace(f"{self.folder}/", "")

    def test_good(self) -> None:
        """Status 0 and one line that says what is in the file."""
        self.assertEqual(self.call("good.ini"), (0, "good.ini: ok (1 listener, 0 routes, 1 backend)\n"))

    def test_bad(self) -> None:
        """Status 1, every error, and how many."""
        status, output = self.call("bad.ini")
        self.assertEqual(status, 1)
        self.assertIn('bad.ini:2:8: error[bad-value]: bind: "80" is not valid\n', output)
        self.assertIn('bad.ini:6:1: error[unknown-option]: unknown option "retires" in [backend:app]\n', output)
        self.assertTrue(output.endswith("\nbad.ini: 2 errors\n"), output)

    def test_warnings(self) -> None:
        """They are printed and counted; the file can be used."""
        status, output = self.call("doubtful.ini")
        self.assertEqual(status, 0)
        self.assertIn("doubtful.ini:6:1: warning[no-effect]", output)
        self.assertTrue(output.endswith("doubtful.ini: ok (1 listener, 0 routes, 1 backend), 1 warning\n"))

    def test_several_files(self) -> None:
        """Each is checked; one bad one makes the status 1."""
        status, output = self.call("good.ini", "bad.ini", "missing.ini")
        self.assertEqual(status, 1)
        for line in ("good.ini: ok", "bad.ini: 2 errors", "missing.ini: error[cannot-read]", "missing.ini: 1 error"):
            self.assertIn(line, output)

    def test_json(self) -> None:
        """One object for all files and nothing else."""
        status, output = self.call("--format", "json", "bad.ini", "doubtful.ini")
        read = json.loads(output)
        self.assertEqual((status, read["errors"], read["warnings"]), (1, 2, 1))
        self.assertEqual([each["line"] for each in read["diagnostics"]], [2, 6, 6])

    def test_github(self) -> None:
        """One annotation for each."""
        _, output = self.call("--format", "github", "bad.ini")
        self.assertEqual(output.count("::error file="), 2)

    def test_colour(self) -> None:
        """On a terminal, unless NO_COLOR is set."""
        self.patch(os, "environ", {})
        self.assertIn("\x1b[", self.call("bad.ini", out=Terminal())[1])
        self.assertNotIn("\x1b[", self.call("bad.ini")[1])
        self.patch(os, "environ", {"NO_COLOR": "1"})
        self.assertNotIn("\x1b[", self.call("bad.ini", out=Terminal())[1])
        self.assertFalse(check.wants_colour(Terminal(), {"TERM": "dumb"}))

    def test_summary(self) -> None:
        """Numbers with their right words."""
        path = self.folder / "two.ini"
        path.write_text(GOOD + "[listener:b]\nbind = :80\nbackend = app\nzebra = 1\n")
        self.assertEqual(check.summary("two.ini", load(str(path), {})), "two.ini: 2 errors")
        path.write_text(GOOD + "[listener:b]\nbind = :81\nbackend = app\n[route:a]\nrespond = 200\n")
        self.assertEqual(check.summary("two.ini", load(str(path), {})), "two.ini: ok (2 listeners, 1 route, 1 backend)")

    def test_other_encodings(self) -> None:
        """A terminal that lacks a letter of the file gets an escape, not a crash."""
        (self.folder / "letters.ini").write_text("[listener:ü]\n")
        terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        arguments = argparse.Namespace(files=[str(self.folder / "letters.ini")], format="text")
        with contextlib.redirect_stdout(terminal):
            self.assertEqual(check.run(arguments), 1)
        terminal.seek(0)
        self.assertIn("[listener:\\xfc]", terminal.read())

    def test_no_reactor(self) -> None:
        """It is quick, and can run beside any daemon: the reactor is not even loaded."""
        program = "import sys, twisted_relay.cli.check; print('twisted.internet' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "False\n")
