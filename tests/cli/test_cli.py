"""The frame of the `relay` command: its table, its help and its exit statuses."""

import contextlib
import io
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay import __version__
from twisted_relay.cli import COMMANDS, command_named, main

ROOT = Path(__file__).resolve().parent.parent.parent


class CommandTests(SynchronousTestCase):
    """`relay` in general."""

    def call(self, *argv: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            try:
                status = main(argv)
            except SystemExit as leaving:
                status = int(leaving.code or 0)
        return status, output.getvalue(), errors.getvalue()

    def test_help_names_every_command(self) -> None:
        """`relay --help` lists what there is, with a line about each."""
        status, output, _ = self.call("--help")
        self.assertEqual(status, 0)
        for name, summary in COMMANDS.items():
            self.assertRegex(output, rf"\b{name}\b\s+{summary}")

    def test_each_command_has_help(self) -> None:
        """`relay COMMAND --help` works for each and says the same as the list."""
        for name, summary in COMMANDS.items():
            status, output, _ = self.call(name, "--help")
            self.assertEqual(status, 0)
            self.assertIn(summary.capitalize(), " ".join(output.split()))

    def test_wrong_use_is_status_2(self) -> None:
        """No command, an unknown one, or a missing option: the use is shown and the status is 2."""
        for argv in ((), ("serve",), ("run",), ("run", "a", "-c", "b"), ("version", "--verbose")):
            status, _, errors = self.call(*argv)
            self.assertEqual((status, errors[:6]), (2, "usage:"), argv)

    def test_a_misspelled_command(self) -> None:
        """The nearest command is offered, or all of them."""
        for name, expected in (("chek", 'did you mean "check"?'), ("launch", "there are: run, check, simulate, ")):
            self.assertIn(f'no command "{name}"; {expected}', self.call(name)[2])

    def test_version(self) -> None:
        """`relay --version` prints the first line of `relay version`."""
        self.assertEqual(self.call("--version"), (0, f"relay {__version__}\n", ""))

    def test_an_interrupt(self) -> None:
        """Ctrl-C ends a command with the status that shells know for it, and no traceback."""

        def interrupted(arguments: object) -> int:
            raise KeyboardInterrupt

        self.patch(command_named("version"), "run", interrupted)
        self.assertEqual(self.call("version"), (130, "", ""))

    def test_no_command_loads_the_reactor(self) -> None:
        """Loading all commands leaves the reactor alone: only a daemon needs one."""
        program = (
            "import sys; from twisted_relay.cli import COMMANDS, command_named;"
            "[command_named(name) for name in COMMANDS]; print('twisted.internet.reactor' in sys.modules)"
        )
        printed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        self.assertEqual(printed.stdout, "False\n")

    def test_a_reader_that_has_enough_is_no_crash(self) -> None:
        """`relay demo --print-config | head -1` ends quietly."""
        program = (
            "import sys, twisted_relay.cli as cli; sys.stdin.read(); sys.exit(cli.main(['demo', '--print-config']))"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as command:
            assert command.stdin and command.stdout and command.stderr
            command.stdout.close()
            command.stdin.close()
            self.assertEqual(command.stderr.read(), b"")
        self.assertEqual(command.returncode, 1)
