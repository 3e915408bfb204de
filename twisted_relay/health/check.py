"""The seam between a check and who makes it: what a check is, how it fails, and one of them under way.

What a check asks is the check's business; how long it may take, and that it ends whatever it does, is seen to here.
"""

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from twisted_relay.upstream.server import Server

LONGEST = 300
"""Characters of what is said of a failed check: servers choose some of them."""


class CheckFailed(Exception):
    """A server is not healthy; the text says what happened, for people."""


class CutShort(CancelledError):
    """A check was called off; the text says what it was waiting for: "GET /health: no response"."""


class Check(Protocol):
    """A way to see whether a server is healthy."""

    async def probe(self, server: Server) -> None:
        """Return if it is; raise `CheckFailed` if it is not. May be cancelled at any time."""


Ended = Callable[[str], None]
"""Told what is wrong with the server; nothing if it is healthy."""


class Probe:
    """One check of one server, under way from `start` on. `ended` is called once, unless it is called off before."""

    def __init__(self, check: Check, server: Server, clock: IReactorTime, ended: Ended) -> None:
        self._check = check
        self._server = server
        self._clock = clock
        self._ended: Ended | None = ended
        self._timer: Any = None
        self._timeout = 0.0
        self._is_late = False
        self._work: Deferred[None] | None = None

    def start(self, timeout: float) -> None:
        """Begin; it has failed when it takes longer than `timeout` seconds."""
        self._timeout = timeout
        self._timer = self._clock.callLater(timeout, self._too_late)
        self._work = Deferred.fromCoroutine(self._probe())
        self._work.addCallbacks(self._passed, self._failed)

    def cancel(self) -> None:
        """Call it off: it counts for nothing."""
        self._ended = None
        self._stop_timer()
        if self._work is not None:
            self._work.cancel()

    async def _probe(self) -> None:
        await self._check.probe(self._server)

    def _passed(self, result: None) -> None:
        self._finish("")

    def _failed(self, failure: Failure) -> None:
        """Any failure at all, also of our own: it is a failed check, never the end of checking."""
        if self._is_late:
            self._finish(self._lateness(failure))
        elif failure.check(CheckFailed):
            self._finish(failure.getErrorMessage() or "the check failed")
        else:
            name = getattr(failure.type, "__name__", "failure")
            self._finish(f"the check itself failed: {name}: {failure.getErrorMessage()}")

    def _too_late(self) -> None:
        self._timer = None
        self._is_late = True
        if self._work is not None:
            self._work.cancel()
        self._finish(self._lateness(None))  # a check that does not heed the cancellation ends here too

    def _lateness(self, failure: Failure | None) -> str:
        what = failure.getErrorMessage() if failure is not None and failure.check(CutShort) else "no answer"
        return f"{what} within {self._timeout:g} s"

    def _finish(self, problem: str) -> None:
        self._stop_timer()
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(problem if len(problem) <= LONGEST else problem[:LONGEST] + "…")

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
