"""signals.py in a process of its own: which status it ends with, and what still runs afterwards."""

import signal
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.support.child import LIFETIME, Child

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
    reactor.addSystemEventTrigger(sys.argv[1], "startup", signal.raise_signal, signal.SIGTERM)
reactor.callWhenRunning(say, "running")
reactor.run()
say("exit")
sys.exit(0 if reactor._exitSignal is None else 9)  # twistd kills itself with _exitSignal
"""


class SignalTests(SynchronousTestCase):
    """A running daemon is sent signals."""

    def start(self, *arguments: str) -> Child:
        daemon = Child(self, sys.executable, "-c", DAEMON, *arguments)
        daemon.read_until("running")
        return daemon

    def test_term_and_int_stop_with_status_0(self) -> None:
        """A stop that was asked for is a success, for an init system and for a person at a terminal."""
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = self.start()
            daemon.signal(number)
            daemon.read_until("stopping")
            daemon.read_until("exit")
            self.assertEqual(daemon.finish()[0], 0)

    def test_term_during_the_start(self) -> None:
        """TERM before, while and after the reactor sets its handlers is not lost, and a second one ends the stop."""
        for phase in ("before", "during", "after"):
            daemon = Child(self, sys.executable, "-c", DAEMON, phase, "early")
            daemon.read_until("exit")
            self.assertEqual(daemon.finish()[0], 0, phase)
        daemon = Child(self, sys.executable, "-c", DAEMON, "before", "early", "drain")
        daemon.read_until("stopping")
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.finish()[0], -signal.SIGTERM)

    def test_the_second_one_ends_it_at_once(self) -> None:
        """Whoever will not wait for running requests sends TERM or INT again; the status tells of it."""
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)):
            daemon = self.start("drain")
            daemon.signal(first)
            daemon.read_until("send it again to stop at once")
            daemon.signal(second)
            self.assertEqual(daemon.finish()[0], -second)

    def test_int_stays_ignored(self) -> None:
        """A job that a shell started in the background does not stop when somebody presses Ctrl-C."""
        daemon = Child(self, "sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable, "-c", DAEMON)
        daemon.read_until("running")
        daemon.signal(signal.SIGINT)
        daemon.signal(signal.SIGTERM)
        self.assertIn("SIGTERM", daemon.read_until("send it again"))
        daemon.read_until("exit")
        self.assertEqual(daemon.finish()[0], 0)

    def test_hup_does_not_end_it(self) -> None:
        """HUP is answered with a line in the log and the daemon goes on, also while it stops."""
        daemon = self.start("drain")
        daemon.signal(signal.SIGHUP)
        daemon.read_until("cannot be reloaded yet")
        daemon.signal(signal.SIGTERM)
        daemon.read_until("stopping")
        daemon.signal(signal.SIGHUP)
        daemon.read_until("cannot be reloaded yet")

    def test_usr1_reopens_the_logs(self) -> None:
        """USR1 opens the log files again, as often as it is sent."""
        daemon = self.start()
        for _ in range(2):
            daemon.signal(signal.SIGUSR1)
            daemon.read_until("reopened")

    def test_usr1_still_rotates_the_file_of_twistd(self) -> None:
        """With `twistd --logfile` USR1 rotates that file too."""
        daemon = self.start("rotate")
        daemon.signal(signal.SIGUSR1)
        self.assertIn("rotated", daemon.read_until("reopened"))
