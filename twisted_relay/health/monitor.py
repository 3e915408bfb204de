"""Active health: one server is checked from time to time, and is up or down by the results in a row.

What a check asks is the check's business; when it is asked, how long it may take and what follows is decided here.
The semantics of rise and fall are HAProxy's.
"""

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_relay.upstream.server import Server

FIRST_WITHIN = 1.0
"""Seconds after the start in which every server is checked for the first time."""

Random = Callable[[], float]
"""Gives numbers from 0 to 1."""


class CheckFailed(Exception):
    """A server is not healthy; the text says what happened, for people."""


class Check(Protocol):
    """A way to see whether a server is healthy."""

    async def probe(self, server: Server) -> None:
        """Return if it is; raise `CheckFailed` if it is not. May be cancelled at any time."""


class RiseAndFall:
    """Counts results in a row. A server that is up falls after `fall` failures, one that is down rises likewise."""

    def __init__(self, rise: int, fall: int) -> None:
        self.is_up = True
        self._rise = rise
        self._fall = fall
        self._against = 0  # results in a row that speak against the present state

    def passed(self) -> bool:
        """Count a good check; whether the server has risen with it."""
        return self._count(speaks_for=True, needed=self._rise)

    def failed(self) -> bool:
        """Count a failed check; whether the server has fallen with it."""
        return self._count(speaks_for=False, needed=self._fall)

    def _count(self, *, speaks_for: bool, needed: int) -> bool:
        if speaks_for == self.is_up:
            self._against = 0
            return False
        self._against += 1
        if self._against < needed:
            return False
        self.is_up, self._against = speaks_for, 0
        return True


class Monitor:
    """Checks one server, as its backend's options say."""

    _log = Logger(namespace="twisted_relay.health")

    def __init__(self, server: Server, check: Check, clock: IReactorTime, random: Random) -> None:
        self._server = server
        self._options = server.options
        self._check = check
        self._clock = clock
        self._random = random
        self._results = RiseAndFall(self._options.check_rise, self._options.check_fall)
        self._is_running = False
        self._timer: Any = None
        self._current: Deferred[None] | None = None
        self._loop = LoopingCall(self._in_turn)
        self._loop.clock = clock

    def start(self) -> None:
        """Check soon, then once in every interval; each server at its own moment of the interval."""
        self._is_running = True
        within = min(FIRST_WITHIN, self._options.check_interval)
        self._timer = self._clock.callLater(self._random() * within, self._first)

    def stop(self) -> None:
        """Check no more; a check that is under way is called off and counts for nothing."""
        self._is_running = False
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        if self._loop.running:
            self._loop.stop()
        if self._current is not None:
            self._current.cancel()

    def _first(self) -> None:
        self._timer = None
        self._begin(self._examine()).addCallback(lambda _: self._wait_for_turn())

    def _wait_for_turn(self) -> None:
        if self._is_running:
            self._timer = self._clock.callLater(self._random() * self._options.check_interval, self._take_turns)

    def _take_turns(self) -> None:
        self._timer = None
        self._loop.start(self._options.check_interval)

    def _in_turn(self) -> Deferred[None]:
        """One check of the loop. Waiting in each turn, not between two, keeps the turns of all servers apart."""
        return self._begin(self._examine_after(self._random() * self._options.check_jitter))

    def _begin(self, work: Any) -> Deferred[None]:
        self._current = Deferred.fromCoroutine(work)
        return self._current.addErrback(self._survive).addBoth(self._ended)

    def _ended(self, result: object) -> None:
        self._current = None

    def _survive(self, failure: Failure) -> None:
        """A fault of ours must not end the checking."""
        if self._is_running:
            self._log.failure("the result of a check could not be used", failure)

    async def _examine_after(self, part: float) -> None:
        """Check after this part of an interval."""
        if part:
            await deferLater(self._clock, part * self._options.check_interval)
        await self._examine()

    async def _examine(self) -> None:
        """Check once and draw the conclusion."""
        started = self._clock.seconds()
        problem = await self._probe()
        if not self._is_running:
            return
        self._server.last_check_duration = max(0.0, self._clock.seconds() - started)
        if problem:
            self._failed(problem)
        else:
            self._passed()

    async def _probe(self) -> str:
        """What is wrong with the server; nothing if it is healthy."""
        probe = Deferred.fromCoroutine(self._check.probe(self._server))
        probe.addTimeout(self._options.check_timeout, self._clock, _too_late)
        try:
            await probe
        except CheckFailed as failed:
            return str(failed)
        except Exception as error:
            return f"the check itself failed: {type(error).__name__}: {error}"
        return ""

    def _passed(self) -> None:
        server = self._server
        server.counters.checks["success"] += 1
        if self._results.passed():
            reason = in_a_row(self._options.check_rise, "good check")
            server.set_up(reason)
            self._log.info("server {name} of backend {backend} is up: {reason}", **self._words(reason))
        if server.on_good_check is not None:
            server.on_good_check(server)

    def _failed(self, problem: str) -> None:
        server = self._server
        server.counters.checks["failure"] += 1
        if self._results.failed():
            reason = f"{problem} ({in_a_row(self._options.check_fall, 'failure')})"
            server.set_down(reason)
            self._log.warn("server {name} of backend {backend} is down: {reason}", **self._words(reason))

    def _words(self, reason: str) -> dict[str, str]:
        return {"name": self._server.name, "backend": self._options.name, "reason": reason}


def _too_late(result: object, timeout: float) -> None:
    raise CheckFailed(f"no answer within {timeout:g} s")


def in_a_row(count: int, word: str) -> str:
    """`1 failure`, `3 failures in a row`."""
    return f"1 {word}" if count == 1 else f"{count} {word}s in a row"
