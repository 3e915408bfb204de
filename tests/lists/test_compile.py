"""The program that reads a list for the daemon."""

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.lists.name_set import NameSet
from twisted_relay.lists.reading import Unusable, report_of_json


class CompileTests(SynchronousTestCase):
    """`python -m twisted_relay.lists.compile`."""

    def run_program(self, *arguments: str) -> tuple[int, bytes, bytes]:
        """Exit status, output, and what was written to the descriptor."""
        with open(self.mktemp(), "w+b") as out:
            command = [sys.executable, "-m", "twisted_relay.lists.compile", str(out.fileno()), *arguments]
            done = subprocess.run(command, pass_fds=(out.fileno(),), capture_output=True, timeout=60, check=False)
            return done.returncode, done.stdout, os.pread(out.fileno(), 100_000, 0)

    def test_list(self) -> None:
        """It writes the sets, and the report to its output."""
        path = Path(self.mktemp())
        path.write_text("ads.example\n")
        status, output, memory = self.run_program("", "auto", "1000", str(path))
        report = report_of_json(output)
        self.assertEqual((status, len(memory)), (0, report.size))
        self.assertEqual(NameSet(memory, report.listed).takes("a.ads.example"), True)

    def test_store(self) -> None:
        """With a place to keep it in, the second time nothing is read again, and the result is the same."""
        path, store = Path(self.mktemp()), self.mktemp()
        path.write_text("ads.example\n?\n")
        first = self.run_program(store, "domains", "1000", str(path))
        self.assertTrue(os.path.getsize(store))
        self.assertEqual(self.run_program(store, "domains", "1000", str(path)), first)

    def test_no_list(self) -> None:
        """It says what is wrong with the files."""
        status, output, _ = self.run_program("", "auto", "1000", self.mktemp())
        self.assertEqual(status, 1)
        self.assertEqual(self.assertRaises(Unusable, report_of_json, output).reason, "unreadable")
