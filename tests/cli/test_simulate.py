"""`relay simulate`."""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.cli import main

ROOT = Path(__file__).resolve().parent.parent.parent
RELAY = """
[listener:web]
bind = :80
backend = app
[backend:app]
servers =
    s1 http://10.0.0.1
    s2 http://10.0.0.2
check = GET /health
[backend:other]
servers = http://10.0.0.3
[route:other]
path = /other
backend = other
"""
SCENARIO = """
[scenario]
duration = 30s
[clients:web]
rate = 50/s
[event:boom]
do = crash
servers = s2
at = 10s
lasts = 10s
"""


class SimulateTests(SynchronousTestCase):
    """What it prints and how it ends."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        (self.folder / "relay.ini").write_text(RELAY)
        (self.folder / "boom.ini").write_text(SCENARIO)

    def call(self, *argv: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error of a simulation of `boom.ini`."""
        files = [str(self.folder / "boom.ini"), "--config", str(self.folder / "relay.ini")]
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            try:
                status = main(["simulate", *files, *argv])
            except SystemExit as leaving:
                status = int(leaving.code or 0)
        return status, output.getvalue(), errors.getvalue()

    def test_text(self) -> None:
        """A table of what came of it, and what relay saw; how long it took is not part of the report."""
        status, output, errors = self.call("--backend", "app")
        self.assertEqual(status, 0)
        self.assertIn("requests was simulated", output)
        self.assertRegex(output, r"(?m)^tries per request +1\.\d{4}$")
        self.assertRegex(output, r"(?m)^ +0m10s  s2 ejected: 5 errors in 10 s")
        self.assertRegex(errors, r"^simulated [\d,]+ requests in [\d.]+ s\n$")

    def test_json(self) -> None:
        """All as data."""
        status, output, _ = self.call("--backend", "app", "--format", "json")
        self.assertEqual(status, 0)
        read = json.loads(output)
        (made,) = read["runs"]
        self.assertEqual((read["seed"], made["policy"], made["errors"]), (1, "round-robin", {}))
        self.assertEqual(sum(made["load"]["by_server"].values()) <= made["tries"], True)
        self.assertEqual(sum(made["series"]["requests"]), made["requests"])

    def test_policies(self) -> None:
        """Each policy has a column; one that does not exist is refused with the nearest."""
        status, output, _ = self.call("--backend", "app", "--policy", "round-robin, round-robin")
        self.assertEqual(status, 0)
        self.assertRegex(output, r"(?m)^policy +round-robin +round-robin$")
        status, output, errors = self.call("--backend", "app", "--policy", "round-robbin")
        self.assertEqual((status, output), (2, ""))
        self.assertIn('"round-robbin" is not valid', errors)

    def test_output(self) -> None:
        """The report can go to a file."""
        path = self.folder / "report.txt"
        status, output, _ = self.call("--backend", "app", "--output", str(path))
        self.assertEqual((status, output), (0, ""))
        self.assertIn("tries per request", path.read_text())

    def test_which_backend(self) -> None:
        """With several it must be named, rightly."""
        self.assertIn("which backend? --backend one of: app, other", self.call()[2])
        status, _, errors = self.call("--backend", "apq")
        self.assertEqual(status, 2)
        self.assertIn("no [backend:apq] section; there are: app, other", errors)

    def test_mistakes(self) -> None:
        """Mistakes in either file are shown with their place, and nothing runs."""
        (self.folder / "boom.ini").write_text(SCENARIO.replace("servers = s2", "servers = s3").replace("50/s", "50"))
        status, output, errors = self.call("--backend", "app")
        self.assertEqual((status, output), (1, ""))
        self.assertIn('boom.ini:5:8: error[bad-value]: rate: "50" is not valid', errors)
        self.assertIn('error[no-such-name]: no server of [backend:app] is called "s3"', errors)
        (self.folder / "relay.ini").write_text(RELAY.replace(":80", "80"))
        self.assertEqual(self.call("--backend", "app")[0], 1)

    def test_html(self) -> None:
        """One page that needs nothing else."""
        status, output, _ = self.call("--backend", "app", "--format", "html")
        self.assertEqual(status, 0)
        self.assertTrue(output.startswith("<!DOCTYPE html>") and output.endswith("</html>\n"))
        self.assertIn("boom.ini", output)

    def test_output_that_cannot_be_written(self) -> None:
        """It is said, and the status is 1."""
        status, _, errors = self.call("--backend", "app", "--output", str(self.folder / "no" / "report.txt"))
        self.assertEqual(status, 1)
        self.assertRegex(errors, r"cannot write .*no/report.txt: No such file or directory\n$")

    def test_a_configuration_that_cannot_be_used(self) -> None:
        """What the daemon would refuse at its start is refused here too."""
        (self.folder / "secret").write_text("short")
        sticky = "sticky = cookie relay\nsticky_secret_file = secret\n[backend:other]"
        (self.folder / "relay.ini").write_text(RELAY.replace("[backend:other]", sticky))
        status, _, errors = self.call("--backend", "app")
        self.assertEqual(status, 1)
        self.assertIn("secret", errors)

    def test_the_same_again(self) -> None:
        """Two processes with different hash seeds print the same octets, whatever the policies draw."""
        files = [str(self.folder.absolute() / "boom.ini"), "--config", str(self.folder.absolute() / "relay.ini")]
        policies = (
            "round-robin,random,random-two,least-connections,least-time,ip-hash,hash path ring=ketama,maglev path"
        )
        options = ["--backend", "app", "--policy", policies, "--seed", "5"]
        command = [sys.executable, "-c", "from twisted_relay.cli import main; main()", "simulate", *files, *options]
        for format in ("json", "html", "text"):
            printed = [
                subprocess.run(
                    [*command, "--format", format],
                    cwd=ROOT,
                    env=os.environ | {"PYTHONHASHSEED": seed},
                    capture_output=True,
                    check=True,
                ).stdout
                for seed in ("1", "2")
            ]
            self.assertEqual(*printed)
            self.assertIn(b"maglev path", printed[0])
