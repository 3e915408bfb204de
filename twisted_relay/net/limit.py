"""Bandwidth that is shared: who may go on, in turns.

Octets are paid for when they have come: nothing is held back. A direction that has used its turn is stopped at its
source and waits in the queue of the limit until it has paid for that and for its next turn. Whoever owes more than a
turn costs pays a part of it, and stands at the end of the queue again: so those who share a limit pass about the same,
whatever pieces come from each. One timer serves all who wait.
"""

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_relay.net.bucket import Bucket

BURST_TIME = 0.1
"""Seconds of the rate that may pass at once after a pause."""
TURN_TIME = 0.02
"""Seconds of the rate that one turn is, within these bounds:"""
MIN_TURN = 4096
MAX_TURN = 1 << 20
MIN_WAIT = 0.001
"""Seconds: a shorter timer would only be run through the loop."""


class Limit:
    """One rate, and the directions that wait for it."""

    __slots__ = ("_bucket", "_clock", "_now", "_serving", "_timer", "_waiting", "tolls", "turn")
    _log = Logger()

    def __init__(self, rate: float, clock: IReactorTime, now: Callable[[], float]) -> None:
        """`rate` is octets per second. `now` reads the clock that `clock` runs by."""
        self.turn = int(min(max(rate * TURN_TIME, MIN_TURN), MAX_TURN))
        self.tolls = 0
        """How many directions pay here."""
        self._bucket = Bucket(rate, max(rate * BURST_TIME, self.turn), now())
        self._clock = clock
        self._now = now
        self._waiting: dict[Toll, float] = {}  # the octets that each waits for, in the order of their coming
        self._timer: IDelayedCall | None = None
        self._serving = False

    @property
    def is_at_rest(self) -> bool:
        """Whether nobody pays here, and a new limit would be the same."""
        return not self.tolls and self._bucket.level(self._now()) >= self._bucket.burst

    def ask(self, toll: "Toll", octets: float) -> bool:
        """Pay for octets: True if that is done, False if `toll.granted` will be called when it is."""
        now = self._now()
        if not self._waiting and octets <= self._bucket.level(now):
            self._bucket.take(octets, now)
            return True
        self._waiting[toll] = octets
        if self._timer is None and not self._serving:
            self._wait(now)
        return False

    def charge(self, octets: float) -> None:
        """Pay for octets that have passed, without waiting; less than 0 gives back."""
        self._bucket.take(octets, self._now())

    def leave(self, toll: "Toll") -> float:
        """Wait no more; what has not been paid yet."""
        octets = self._waiting.pop(toll)
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return octets

    def _next(self) -> tuple["Toll", float, float]:
        """Whose turn it is, what it owes, and the part of it that it pays now."""
        toll, octets = next(iter(self._waiting.items()))
        return toll, octets, min(octets, self._bucket.burst if len(self._waiting) == 1 else self.turn)

    def _wait(self, now: float) -> None:
        _, _, part = self._next()
        self._timer = self._clock.callLater(max(self._bucket.wait(part, now), MIN_WAIT), self._serve)

    def _serve(self) -> None:
        """Let those go on whose turn it is, in their order."""
        self._timer = None
        self._serving = True
        now = self._now()
        while self._waiting:
            toll, octets, part = self._next()
            if self._bucket.wait(part, now):
                break
            del self._waiting[toll]
            self._bucket.take(part, now)
            if part < octets:
                self._waiting[toll] = octets - part
                continue
            try:
                toll.granted(self)
            except Exception:
                self._log.failure("a transfer could not go on")  # the others wait for their turns
        self._serving = False
        if self._waiting:
            self._wait(now)


class Toll:
    """What one direction of an exchange or tunnel pays for its octets, to all of its limits at the same time."""

    __slots__ = ("_asked", "_credit", "_limits", "_unpaid", "resume", "turn")

    def __init__(self, limits: Sequence[Limit]) -> None:
        """At least one limit."""
        self.resume: Callable[[], None] = _nothing
        """Called when more may come."""
        self.turn = min(limit.turn for limit in limits)
        """Octets that may come in one go."""
        self._limits = tuple(limits)
        self._unpaid: set[Limit] = set()  # the limits that we wait for
        self._credit = 0.0
        self._asked = 0.0
        for limit in limits:
            limit.tolls += 1

    @property
    def held(self) -> bool:
        """Whether nothing more may come until `resume` is called."""
        return bool(self._unpaid)

    @property
    def room(self) -> int:
        """Octets that should come next at most, above 0."""
        return int(self._credit) or self.turn

    def spend(self, octets: int) -> bool:
        """These have come; False if nothing more may come until `resume` is called."""
        self._credit -= octets
        if self._credit <= 0 and not self._unpaid and self._limits:
            self._ask()
        return not self._unpaid

    def granted(self, limit: Limit) -> None:
        """A limit that we waited for has been paid."""
        self._unpaid.discard(limit)
        if self._unpaid:
            return
        self._credit += self._asked
        if self._credit <= 0:
            self._ask()  # more has come while we waited
        if not self._unpaid:
            self.resume()

    def close(self) -> None:
        """Nothing more comes: leave the queues, pay what is owed, give back what was not used. Once is enough."""
        limits, self._limits = self._limits, ()
        paid = self._asked if self._unpaid else 0.0
        for limit in limits:
            limit.tolls -= 1
            left = limit.leave(self) if limit in self._unpaid else 0.0
            limit.charge(left - paid - self._credit)
        self._unpaid = set()
        self.resume = _nothing

    def _ask(self) -> None:
        """Ask all limits for what is owed, and for a turn."""
        self._asked = self.turn - self._credit
        self._unpaid = {limit for limit in self._limits if not limit.ask(self, self._asked)}
        if not self._unpaid:
            self._credit += self._asked


def _nothing() -> None:
    """Nobody waits."""
