"""`twistd relay` as a process: what it says and the status it ends with."""

import signal
import socket
from pathlib import Path

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.support.child import TWISTD, Child, start_relay
from twisted_relay.tap import Options

GOOD = """\
[listener:web]
bind = 127.0.0.1:0

[route:hello]
respond = 200
"""
DOUBTFUL = GOOD + "\n[log:nobody]\nto = stderr\n"
BAD = "[listener:web]\nbnid = 127.0.0.1:0\n"


class OptionsTests(SynchronousTestCase):
    """The command line."""

    def test_a_configuration_is_needed(self) -> None:
        """Without --config the use is explained instead of a file being guessed."""
        with self.assertRaisesRegex(UsageError, "--config FILE is needed"):
            Options().parseOptions([])

    def test_a_file_without_its_option(self) -> None:
        """`twistd relay relay.ini` is told what to write."""
        with self.assertRaisesRegex(UsageError, "^write --config relay.ini$"):
            Options().parseOptions(["relay.ini"])

    def test_both_spellings(self) -> None:
        """--config and -c are the same."""
        for argv in (["--config", "relay.ini"], ["--config=relay.ini"], ["-c", "relay.ini"]):
            options = Options()
            options.parseOptions(argv)
            self.assertEqual(options["config"], "relay.ini")


class TwistdTests(SynchronousTestCase):
    """A daemon in the foreground."""

    def written(self, text: str) -> Path:
        """A file with this configuration."""
        path = Path(self.mktemp()).absolute()
        path.write_text(text)
        return path

    def start(self, *arguments: str | Path) -> Child:
        return Child(self, *TWISTD, "-n", "--pidfile=", "relay", *arguments)

    def finished(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Exit status, standard output and standard error of a daemon that does not stay."""
        return self.start(*arguments).finish()

    def test_check(self) -> None:
        """--check prints what `relay check` prints, starts nothing, and ends with 0 or 1."""
        for text, expected, said in (
            (GOOD, 0, "ok (1 listener"),
            (DOUBTFUL, 0, "1 warning"),
            (BAD, 1, ":2:1: error[unknown-option]"),
        ):
            status, output, _ = self.finished("--check", "--config", self.written(text))
            self.assertEqual(status, expected, output)
            self.assertIn(said, output)

    def test_a_bad_configuration_is_status_78(self) -> None:
        """All mistakes go to standard error, and the status tells an init system not to try again."""
        path = self.written(BAD)
        status, _, errors = self.finished("--config", path)
        self.assertEqual(status, 78)
        self.assertIn(f'{path}:2:1: error[unknown-option]: unknown option "bnid"', errors)
        self.assertNotIn("Traceback", errors)
        self.assertEqual(errors.splitlines()[-1], f"{path}: 1 error")

    def test_a_missing_file_is_status_78(self) -> None:
        """A file that is not there is a configuration that cannot be used."""
        status, _, errors = self.finished("--config", "no-such-file.ini")
        self.assertEqual(status, 78)
        self.assertIn("no-such-file.ini", errors)

    def test_warnings_do_not_stop_it(self) -> None:
        """What is only doubtful is said on standard error, and the daemon runs; TERM ends it with status 0."""
        daemon = start_relay(self, DOUBTFUL)
        daemon.signal(signal.SIGTERM)
        status, output, errors = daemon.finish()
        self.assertEqual(status, 0, output)
        self.assertIn("warning[", errors)

    def test_an_address_that_is_taken_is_a_failure_with_its_reason(self) -> None:
        """A listener that cannot bind ends the process, with one line that names the listener, address and reason."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            status, output, _ = self.finished("--config", self.written(GOOD.replace(":0", f":{port}")))
        self.assertEqual(status, 1)
        self.assertRegex(output, rf"cannot start: \[listener:web\] cannot listen on 127\.0\.0\.1:{port}: .*in use")
        self.assertNotIn("Traceback", output)
