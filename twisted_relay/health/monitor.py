"""Active health: one server is checked from time to time, and is up or down by the verdict on the results.

What a check asks is the check's business; when it is asked, and what follows, is decided here. The next check is
timed when the one before has ended, so a server never has two of them.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_relay.health.check import Check, CheckFailed, Probe
from twisted_relay.health.verdict import verdict_of
from twisted_relay.upstream.server import Server

__all__ = ["Check", "CheckFailed", "Monitor", "Random"]

NOT_CHECKED = "not checked yet"
GOOD = "good"

Random = Callable[[], float]
"""Gives numbers from 0 to 1."""


class Monitor:
    """Checks one server, as its backend's options say."""

    _log = Logger(namespace="twisted_relay.health")

    def __init__(self, server: Server, check: Check, clock: IReactorTime, random: Random) -> None:
        self._server = server
        self._options = server.options
        self._check = check
        self._clock = clock
        self._random = random
        self._verdict = verdict_of(server.options)
        self._is_running = False
        self._is_spread = False
        self._started = 0.0
        self._probe: Probe | None = None
        self._timer: Any = None
        self._grace: Any = None

    def start(self, after: float = 0.0) -> None:
        """Make the first check after so many seconds, and then one after the other."""
        if self._is_running:
            return
        self._is_running = True
        self._timer = self._clock.callLater(after, self._begin)
        if self._verdict.is_up is None:
            self._server.set_checking(NOT_CHECKED)
            if self._options.check_grace:
                self._grace = self._clock.callLater(self._options.check_grace, self._serve_anyway)
        elif not self._verdict.is_up:
            self._server.set_down(NOT_CHECKED)

    def stop(self) -> None:
        """Check no more; a check that is under way is called off and counts for nothing."""
        self._is_running = False
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        self._end_grace()
        probe, self._probe = self._probe, None
        if probe is not None:
            probe.cancel()

    def _begin(self) -> None:
        self._timer = None
        self._started = self._clock.seconds()
        self._probe = Probe(self._check, self._server, self._clock, self._ended)
        self._probe.start(self._options.check_timeout)

    def _ended(self, problem: str) -> None:
        self._probe = None
        server = self._server
        server.last_check_duration = max(0.0, self._clock.seconds() - self._started)
        server.last_check = problem or GOOD
        server.counters.checks["failure" if problem else "success"] += 1
        try:
            self._conclude(problem)
        except Exception:
            self._log.failure("the result of a check could not be used")  # a fault of ours must not end the checking
        if self._is_running:
            self._timer = self._clock.callLater(self._pause(), self._begin)

    def _pause(self) -> float:
        """Seconds until the next check.

        The first one in a settled state comes at any moment of the interval: that spreads the checks of servers that
        were all asked at the start.
        """
        options = self._options
        interval = options.check_interval
        if self._verdict.is_up is False and options.check_down_interval:
            interval = options.check_down_interval
        if not self._verdict.is_settled:
            interval = min(interval, options.check_fast_interval)
        elif not self._is_spread:
            self._is_spread = True
            return self._random() * interval
        return interval * (1.0 + options.check_jitter * (2.0 * self._random() - 1.0))

    def _conclude(self, problem: str) -> None:
        if problem:
            reason = self._verdict.failed()
            if reason:
                self._end_grace()
                reason = f"{problem} ({reason})"
                self._server.set_down(reason)
                self._log.warn("server {name} of backend {backend} is down: {reason}", **self._words(reason))
            return
        reason = self._verdict.passed()
        if reason:
            self._end_grace()
            was_checking = self._server.is_checking
            self._server.set_up(reason)
            if not was_checking:
                self._log.info("server {name} of backend {backend} is up: {reason}", **self._words(reason))
        if self._server.on_good_check is not None:
            self._server.on_good_check(self._server)

    def _serve_anyway(self) -> None:
        """No verdict for so long: requests may know better than the check (a panic of one server)."""
        self._grace = None
        last = self._server.last_check
        seen = f"the last check: {last}" if last else "the first check has not ended"
        reason = f"no verdict within {self._options.check_grace:g} s, {seen}"
        self._server.set_up(reason)
        self._log.warn("server {name} of backend {backend} gets requests: {reason}", **self._words(reason))

    def _end_grace(self) -> None:
        grace, self._grace = self._grace, None
        if grace is not None:
            grace.cancel()

    def _words(self, reason: str) -> dict[str, str]:
        return {"name": self._server.name, "backend": self._options.label, "reason": reason}
