"""signals.py in a process of its own: which status it ends with, and what still runs afterwards."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parent.parent
#: No child of these tests outlives this many seconds, whatever goes wrong.
LIFETIME = 60

#: A daemon whose stop takes for ever when asked with "drain", and which says what it does, one word a line.
DAEMON = f"""
import signal, sys
from twisted.internet import defer, reactor
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted_relay.signals import SignalActions, reload_is_not_available, watch_signals

def say(word):
    print(word, flush=True)

def drain():
    say("stopping")
    return defer.Deferred() if "drain" in sys.argv else None

signal.alarm({LIFETIME})
if "rotate" in sys.argv:
    signal.signal(signal.SIGUSR1, lambda number, frame: say("rotated"))
globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
reactor.addSystemEventTrigger("before", "shutdown", drain)
watch_signals(reactor, SignalActions(reactor.stop, lambda: say("reopened"), reload_is_not_available))
if "early" in sys.argv:
    signal.raise_signal(signal.SIGTERM)
reactor.callWhenRunning(say, "running")
reactor.run()
say("exit")
sys.exit(0 if reactor._exitSignal is None else 9)  # twistd kills itself with _exitSignal
"""


class SignalTests(SynchronousTestCase):
    """A running daemon is sent signals."""

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return self.start_command(sys.executable, "-c", DAEMON, *arguments)

    def start_command(self, *command: str) -> subprocess.Popen[str]:
        daemon = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.addCleanup(daemon.communicate)
        self.addCleanup(daemon.kill)
        self.read_until(daemon, "running")
        return daemon

    def read_until(self, daemon: subprocess.Popen[str], word: str) -> str:
        """Read lines up to the first one with this word in it, and return them."""
        assert daemon.stdout is not None
        lines = ""
        for line in daemon.stdout:
            lines += line
            if word in line:
                return lines
        raise self.failureException(f"the process ended without saying {word!r}:\n{lines}")

    def test_term_and_int_stop_with_status_0(self) -> None:
        """A stop that was asked for is a success, for an init system and for a person at a terminal."""
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = self.start()
            daemon.send_signal(number)
            self.read_until(daemon, "stopping")
            self.read_until(daemon, "exit")
            self.assertEqual(daemon.wait(), 0)

    def test_term_before_the_reactor_runs(self) -> None:
        """TERM during a start is not lost: the stop follows when there is something to stop, and one more ends it."""
        daemon = self.start("early")
        self.read_until(daemon, "exit")
        self.assertEqual(daemon.wait(), 0)
        daemon = self.start("early", "drain")
        self.read_until(daemon, "stopping")
        daemon.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), -signal.SIGTERM)

    def test_the_second_one_ends_it_at_once(self) -> None:
        """Whoever will not wait for running requests sends TERM or INT again; the status tells of it."""
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)):
            daemon = self.start("drain")
            daemon.send_signal(first)
            self.read_until(daemon, "send it again to stop at once")
            daemon.send_signal(second)
            self.assertEqual(daemon.wait(), -second)

    def test_int_stays_ignored(self) -> None:
        """A job that a shell started in the background does not stop when somebody presses Ctrl-C."""
        daemon = self.start_command("sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable, "-c", DAEMON)
        daemon.send_signal(signal.SIGINT)
        daemon.send_signal(signal.SIGTERM)
        self.assertIn("SIGTERM", self.read_until(daemon, "send it again"))
        self.read_until(daemon, "exit")
        self.assertEqual(daemon.wait(), 0)

    def test_hup_does_not_end_it(self) -> None:
        """HUP is answered with a line in the log and the daemon goes on, also while it stops."""
        daemon = self.start("drain")
        daemon.send_signal(signal.SIGHUP)
        self.read_until(daemon, "cannot be reloaded yet")
        daemon.send_signal(signal.SIGTERM)
        self.read_until(daemon, "stopping")
        daemon.send_signal(signal.SIGHUP)
        self.read_until(daemon, "cannot be reloaded yet")

    def test_usr1_reopens_the_logs(self) -> None:
        """USR1 opens the log files again, as often as it is sent."""
        daemon = self.start()
        for _ in range(2):
            daemon.send_signal(signal.SIGUSR1)
            self.read_until(daemon, "reopened")

    def test_usr1_still_rotates_the_file_of_twistd(self) -> None:
        """With `twistd --logfile` USR1 rotates that file too."""
        daemon = self.start("rotate")
        daemon.send_signal(signal.SIGUSR1)
        self.assertIn("rotated", self.read_until(daemon, "reopened"))
