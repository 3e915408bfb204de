"""What the signals of the operating system mean to the daemon.

| signal | first | again |
|---|---|---|
| TERM, INT | stop: accept nothing new, finish what is running, exit with status 0 | end at once, by the signal |
| USR1 | open the log files again (after they were renamed) | the same |
| HUP | ask for a reload of the configuration | the same |

The reactor's own handlers will not do: they make twistd end by the signal (status 143) after a clean stop, and a
second TERM only raises `ReactorNotRunning`. This module knows nothing of what the actions do.
"""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from twisted.logger import Logger

_log = Logger()

STOPPING = (signal.SIGTERM, signal.SIGINT)

Action = Callable[[], None]


class Reactor(Protocol):
    """What is needed of a reactor: it calls back when it runs, and takes calls from a signal handler."""

    def callWhenRunning(self, callable: Action) -> object: ...

    def callFromThread(self, callable: Action) -> None: ...


@dataclass(frozen=True, slots=True)
class SignalActions:
    """What to do, called in the reactor's thread."""

    stop: Action
    reopen_logs: Action
    reload: Action


def watch_signals(reactor: Reactor, actions: SignalActions) -> None:
    """Take over the signals, from now on; call it when the service starts."""
    _on_signal(reactor, signal.SIGUSR1, _followed_by(signal.getsignal(signal.SIGUSR1), actions.reopen_logs))
    _on_signal(reactor, signal.SIGHUP, actions.reload)
    stop = _StopSignals(reactor, actions.stop)
    stop.install()
    # Again, because the reactor sets its own handlers just before it runs.
    reactor.callWhenRunning(stop.install)


def reload_is_not_available() -> None:
    """Say so: the answer to HUP as long as nothing can be reloaded."""
    _log.warn("SIGHUP: the configuration cannot be reloaded yet; restart to use a changed file")


def _on_signal(reactor: Reactor, number: signal.Signals, action: Action) -> None:
    def received(_number: int, _frame: FrameType | None) -> None:
        reactor.callFromThread(action)

    signal.signal(number, received)


class _StopSignals:
    """TERM and INT: the first one asks for a stop, which happens as soon as the reactor runs."""

    def __init__(self, reactor: Reactor, stop: Action) -> None:
        self._reactor = reactor
        self._stop = stop
        self._asked = False
        # A shell starts a background job with INT ignored; Ctrl-C is then meant for somebody else.
        self._watched = [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]

    def install(self) -> None:
        # The kernel's own way to end a process serves the second signal: it works even when the reactor is stuck.
        for number in self._watched:
            signal.signal(number, signal.SIG_DFL if self._asked else self._received)

    def _received(self, number: int, _frame: FrameType | None) -> None:
        self._asked = True
        self.install()
        name = signal.Signals(number).name
        self._reactor.callFromThread(lambda: _log.info("{name}: stopping; send it again to stop at once", name=name))
        self._reactor.callFromThread(self._stop)


def _followed_by(earlier: object, action: Action) -> Action:
    """`twistd --logfile` rotates its file at USR1; it keeps doing so."""
    if not callable(earlier):
        return action

    def both() -> None:
        earlier(signal.SIGUSR1, None)
        action()

    return both
