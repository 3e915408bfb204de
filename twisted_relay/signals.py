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
    """Take over the signals, from now on; call it when the service starts.

    The reactor sets its own handlers for TERM and INT just before it runs, and ours replace them just after. What
    arrives in the meantime waits in the kernel, so that it is ours in any case.
    """
    _on_signal(reactor, signal.SIGUSR1, _followed_by(signal.getsignal(signal.SIGUSR1), actions.reopen_logs))
    _on_signal(reactor, signal.SIGHUP, actions.reload)
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    reactor.callWhenRunning(lambda: _watch_stopping(reactor, actions.stop))


def reload_is_not_available() -> None:
    """Say so: the answer to HUP as long as nothing can be reloaded."""
    _log.warn("SIGHUP: the configuration cannot be reloaded yet; restart to use a changed file")


def _on_signal(reactor: Reactor, number: signal.Signals, action: Action) -> None:
    def received(_number: int, _frame: FrameType | None) -> None:
        reactor.callFromThread(action)

    signal.signal(number, received)


def _watch_stopping(reactor: Reactor, stop: Action) -> None:
    # A shell starts a background job with INT ignored; Ctrl-C is then meant for somebody else.
    watched = [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]

    def received(number: int, _frame: FrameType | None) -> None:
        # The kernel's own way to end a process serves the second signal: it works even when the reactor is stuck.
        for each in watched:
            signal.signal(each, signal.SIG_DFL)
        name = signal.Signals(number).name
        reactor.callFromThread(lambda: _log.info("{name}: stopping; send it again to stop at once", name=name))
        reactor.callFromThread(stop)

    for number in watched:
        signal.signal(number, received)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)


def _followed_by(earlier: object, action: Action) -> Action:
    """`twistd --logfile` rotates its file at USR1; it keeps doing so."""
    if not callable(earlier):
        return action

    def both() -> None:
        earlier(signal.SIGUSR1, None)
        action()

    return both
