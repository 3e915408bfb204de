"""Programs that a test runs beside itself: it reads their lines, sends them signals, and none outlives its test."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parent.parent.parent
#: A daemon of a test ends itself after so many seconds, should the test not come to its end.
LIFETIME = 60
#: `twistd`, whose plugins are those of the working copy.
TWISTD = (
    sys.executable,
    "-c",
    f"import signal; signal.alarm({LIFETIME}); from twisted.scripts.twistd import run; run()",
)


class Child:
    """A program that has been started; its standard output can be read while it runs."""

    def __init__(self, case: SynchronousTestCase, *command: str | Path, environment: Mapping[str, str] = os.environ):
        self._case = case
        self._process = subprocess.Popen(
            command,
            env={**environment, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        case.addCleanup(self._process.communicate)
        case.addCleanup(self._process.kill)

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def read_until(self, word: str) -> str:
        """Read lines up to the first one with this word in it, and return them; the test fails if none comes."""
        assert self._process.stdout is not None and self._process.stderr is not None
        lines = ""
        for line in self._process.stdout:
            lines += line
            if word in line:
                return lines
        raise self._case.failureException(f"ended without saying {word!r}:\n{lines}{self._process.stderr.read()}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def finish(self) -> tuple[int, str, str]:
        """Wait for the end; the exit status (negative: the signal), and what was not yet read of output and errors."""
        output, errors = self._process.communicate()
        return self._process.returncode, output, errors


def start_relay(case: SynchronousTestCase, configuration: str, environment: Mapping[str, str] = os.environ) -> Child:
    """Start `twistd relay` with this text as its file, and return when it runs."""
    path = Path(case.mktemp()).absolute()
    path.write_text(configuration)
    child = Child(case, *TWISTD, "-n", "--pidfile=", "relay", "--config", path, environment=environment)
    child.read_until("is running")
    return child


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody uses at this moment, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
