"""Coarse time limits for many connections: one look at all of them every tick, instead of a timer for each.

A `callLater` and its cancel cost 2 µs, twice for every request; setting an attribute costs nothing, and looking
at ten thousand attributes once a tick about a millisecond. A limit is kept to within one tick.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

NEVER = float("inf")
MAX_TICK = 0.5
MIN_TICK = 0.05


def tick_for(times: Iterable[float]) -> float:
    """Seconds between two looks: a quarter of the shortest of these time limits, within bounds. 0 is no limit."""
    return min(MAX_TICK, max(MIN_TICK, min((time for time in times if time), default=1.0) / 4))


class Limited(Protocol):
    """Something that has until `deadline` (seconds of the clock, or `NEVER`)."""

    deadline: float

    def expired(self, now: float) -> None:
        """The deadline has passed. Must end the thing or set a new deadline."""


class Deadlines:
    """Everything that has a deadline. Runs while it is started; `tick` is seconds; `now` reads the clock."""

    _log = Logger()

    def __init__(self, reactor: IReactorTime, now: Callable[[], float], tick: float = MAX_TICK) -> None:
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
