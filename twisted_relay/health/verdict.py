"""What the results of one server's checks amount to: up, down, or nothing yet. Decides; knows no clock and no server.

The semantics of rise and fall are HAProxy's, those of the window Varnish's; for a server that was never judged the
first good check is enough (Envoy).
"""

from collections import deque
from typing import Protocol

from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import CheckWindow

FIRST = "the first check was good"


class Verdict(Protocol):
    """Counts results."""

    is_up: bool | None
    """None: there is no verdict yet."""

    @property
    def is_settled(self) -> bool:
        """Whether there is a verdict, and the last results do not speak against it."""

    def passed(self) -> str:
        """Count a good check; why the server is up from now on, or nothing if the verdict is as before."""

    def failed(self) -> str:
        """Count a failed check; why the server is down from now on, or nothing."""


def verdict_of(options: BackendOptions) -> Verdict:
    """What counts the results of a server as its backend's options say, before the first of them."""
    initial = {"up": True, "down": False}.get(options.check_initial)
    if options.check_window is not None:
        return GoodOfLast(options.check_window, initial)
    return RiseAndFall(options.check_rise, options.check_fall, initial)


class RiseAndFall:
    """Counts results in a row. A server that is up falls after `fall` failures, one that is down rises likewise.

    One that was never judged is up with its first good check, and down after `fall` failures.
    """

    def __init__(self, rise: int, fall: int, initial: bool | None) -> None:
        self.is_up = initial
        self._rise = rise
        self._fall = fall
        self._against = 0  # results in a row that speak against the present verdict

    @property
    def is_settled(self) -> bool:
        """See `Verdict`."""
        return self.is_up is not None and not self._against

    def passed(self) -> str:
        """See `Verdict`."""
        if self.is_up is None:
            self.is_up, self._against = True, 0
            return FIRST
        return in_a_row(self._rise, "good check") if self._count(says=True, needed=self._rise) else ""

    def failed(self) -> str:
        """See `Verdict`."""
        return in_a_row(self._fall, "failure") if self._count(says=False, needed=self._fall) else ""

    def _count(self, *, says: bool, needed: int) -> bool:
        if says is self.is_up:
            self._against = 0
            return False
        self._against += 1
        if self._against < needed:
            return False
        self.is_up, self._against = says, 0
        return True


class GoodOfLast:
    """A server is up while enough of its last checks were good.

    Without a verdict the window begins one good check short of enough, as Varnish's does; else it begins full of
    what the server is said to be.
    """

    def __init__(self, window: CheckWindow, initial: bool | None) -> None:
        self.is_up = initial
        self._window = window
        first = [True] * (window.good - 1) if initial is None else [initial] * window.size
        self._results = deque(first, window.size)

    @property
    def is_settled(self) -> bool:
        """See `Verdict`."""
        return self.is_up is not None and self._results[-1] is self.is_up

    def passed(self) -> str:
        """See `Verdict`."""
        self._results.append(True)
        good = self._results.count(True)
        if self.is_up or good < self._window.good:
            return ""
        first, self.is_up = self.is_up is None, True
        return FIRST if first else f"{good} of the last {self._window.size} checks were good"

    def failed(self) -> str:
        """See `Verdict`."""
        self._results.append(False)
        bad, size = self._results.count(False), self._window.size
        if self.is_up is False or bad <= size - self._window.good:
            return ""
        self.is_up = False
        return f"{bad} of the last {size} checks failed"


def in_a_row(count: int, word: str) -> str:
    """`1 failure`, `3 failures in a row`."""
    return f"1 {word}" if count == 1 else f"{count} {word}s in a row"
