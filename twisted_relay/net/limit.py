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
                toll.granted()
            except Exception:
                self._log.failure("a transfer could not go on")  # the others wait for their turns
        self._serving = False
        if self._waiting:
            self._wait(now)


class Toll:
    """What one direction of an exchange or tunnel pays for its octets, to all of its limits."""

    __slots__ = ("_asked", "_at", "_credit", "_limits", "held", "resume", "turn")

    def __init__(self, limits: Sequence[Limit]) -> None:
        """At least one limit, the narrowest first: what waits for a narrow one takes nothing from the wide ones."""
        self.held = False
        """Whether nothing more may come until `resume` is called."""
        self.resume: Callable[[], None] = _nothing
        """Called when more may come."""
        self.turn = min(limit.turn for limit in limits)
        """Octets that may come in one go."""
        self._limits = tuple(limits)
        self._credit = 0.0
        self._asked = 0.0
        self._at = 0
        for limit in limits:
            limit.tolls += 1

    @property
    def room(self) -> int:
        """Octets that should come next at most, above 0."""
        return int(self._credit) or self.turn

    def spend(self, octets: int) -> bool:
        """These have come; False if nothing more may come until `resume` is called."""
        self._credit -= octets
        if self._credit > 0 or self.held or not self._limits:
            return not self.held
        self._asked = self.turn - self._credit
        self._ask(0)
        return not self.held

    def granted(self) -> None:
        """A limit that was asked has let us go on."""
        self._ask(self._at + 1)
        if not self.held:
            self.resume()

    def close(self) -> None:
        """Nothing more comes: leave the queue, pay what is owed, give back what was not used. Once is enough."""
        limits, self._limits = self._limits, ()
        for index, limit in enumerate(limits):
            limit.tolls -= 1
            paid = self._asked if self.held and index <= self._at else 0.0
            if self.held and index == self._at:
                paid -= limit.leave(self)
            limit.charge(-self._credit - paid)
        self.held = False
        self.resume = _nothing

    def _ask(self, start: int) -> None:
        """Ask all limits from this one on, up to the first that makes us wait."""
        while True:
            for index in range(start, len(self._limits)):
                if not self._limits[index].ask(self, self._asked):
                    self._at, self.held = index, True
                    return
            self.held = False
            self._credit += self._asked
            if self._credit > 0:
                return
            start, self._asked = 0, self.turn - self._credit  # more has come while we waited


def _nothing() -> None:
    """Nobody waits."""
