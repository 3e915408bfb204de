"""`relay demo`: the introduction, and the configuration that it prints."""

import contextlib
import io
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.cli import demo, main

ROOT = Path(__file__).resolve().parent.parent.parent


class DemoTests(SynchronousTestCase):
    """What can be seen without starting it."""

    def test_the_introduction_is_the_head_of_the_file(self) -> None:
        """The first comment becomes plain text, its indented commands stay indented, the rest is left out."""
        text = "# What it is.\n#\n#   curl localhost\n\n# Not this.\n[listener:web]\n"
        self.assertEqual(demo.introduction(text), "What it is.\n\n  curl localhost\n")

    def test_make_run_prints_the_same(self) -> None:
        """`make run` shows its user what `relay demo` shows."""
        dry_run = subprocess.run(["make", "-n", "run"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        command = next(line for line in dry_run.splitlines() if "sed" in line)
        printed = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        expected = demo.introduction(demo.quickstart_path().read_text())
        self.assertIn("curl localhost:3000", expected)
        self.assertEqual(printed.rstrip(), expected.rstrip())

    def test_print_config(self) -> None:
        """`relay demo --print-config` prints the file, to start one's own from."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            self.assertEqual(main(["demo", "--print-config"]), 0)
        self.assertEqual(output.getvalue(), (ROOT / "etc" / "quickstart.ini").read_text())
