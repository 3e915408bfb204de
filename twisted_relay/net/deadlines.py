"""Coarse time limits for many connections: one look at all of them every tick, instead of a timer for each.

A `callLater` and its cancel cost 2 µs, twice for every request; setting an attribute costs nothing, and looking
at ten thousand attributes once a tick about a millisecond. A limit is kept to within one tick.
"""

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

NEVER = float("inf")


class Limited(Protocol):
    """Something that has until `deadline` (seconds of the clock, or `NEVER`)."""

    deadline: float

    def expired(self, now: float) -> None:
        """The deadline has passed. Must end the thing or set a new deadline."""


class Deadlines:
    """Everything that has a deadline. Runs while it is started; `tick` is seconds; `now` reads the clock."""

    _log = Logger()

    def __init__(self, reactor: IReactorTime, now: Callable[[], float], tick: float = 0.5) -> None:
        self.members: set[Limited] = set()
        self.now = now
        self._tick = tick
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor

    def start(self) -> None:
        """Begin to look."""
        if not self._loop.running:
            self._loop.start(self._tick, now=False)

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> None:
        now = self.now()
        late = [member for member in self.members if member.deadline <= now]
        for member in late:
            try:
                if member in self.members:
                    member.expired(now)
            except Exception:
                self._log.failure("a time limit could not be enforced")  # one bad member must not end the looking
