"""Bandwidth that is shared: who may go on, in turns.

Octets are paid for when they have come: nothing is held back. A direction that has used its turn is stopped at its
source and waits in the queue of the limit until it has paid for that and for more. It buys one turn when it is first in
the queue, and stands at the end again while it owes: so those who share a limit pass about the same, whatever pieces
come from each. One timer serves all who wait.
"""

from collections.abc import Callable, Iterable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_relay.net.bucket import Bucket

BURST_TIME = 0.25
"""Seconds of the rate that may pass at once after a pause."""
TURN_TIME = 0.02
"""Seconds of the rate that one turn is, within these bounds:"""
MIN_TURN = 4096
MAX_TURN = 1 << 20
ROUND_TIME = 0.25
"""Seconds that a round of all who wait should take: turns are shorter for many,"""
SHORT_TURN = 16_384
"""but not below this, for each costs an event."""
MIN_WAIT = 0.001
"""Seconds: a shorter timer would only be run through the loop."""


class Limit:
    """One rate, and the directions that wait for it."""

    __slots__ = ("_bucket", "_clock", "_longest", "_now", "_round", "_serving", "_timer", "_waiting", "tolls")
    _log = Logger()

    def __init__(self, rate: float, clock: IReactorTime, now: Callable[[], float]) -> None:
        """`rate` is octets per second. `now` reads the clock that `clock` runs by."""
        self._longest = min(max(rate * TURN_TIME, MIN_TURN), MAX_TURN)
        self._round = rate * ROUND_TIME
        self.tolls = 0
        """How many directions pay here."""
        self._bucket = Bucket(rate, max(rate * BURST_TIME, self._longest), now())
        self._clock = clock
        self._now = now
        self._waiting: dict[Toll, float] = {}  # balances of those who wait, in their order
        self._timer: IDelayedCall | None = None
        self._serving = False

    @property
    def turn(self) -> int:
        """Octets that whoever asks now may send when it is its turn."""
        return int(min(self._longest, max(self._round / (len(self._waiting) + 1), SHORT_TURN)))

    @property
    def is_at_rest(self) -> bool:
        """Whether nobody pays here, and a new limit would be the same."""
        return not self.tolls and self._bucket.level(self._now()) >= self._bucket.burst

    def ask(self, toll: "Toll", balance: float) -> float:
        """Let somebody whose balance is not above 0 buy another turn. Returns its balance afterwards: if that is still
        not above 0 it waits, and `toll.granted` will be called."""
        now, turn = self._now(), self.turn
        if not self._waiting and turn - balance <= self._bucket.level(now):
            self._bucket.take(turn - balance, now)
            return turn
        self._waiting[toll] = balance
        if self._timer is None and not self._serving:
            self._wait(now)
        return balance

    def owe(self, toll: "Toll", octets: int) -> None:
        """More has come from somebody who waits."""
        self._waiting[toll] -= octets

    def charge(self, octets: float) -> None:
        """Pay for octets that have passed, without waiting; less than 0 gives back."""
        self._bucket.take(octets, self._now())

    def leave(self, toll: "Toll") -> float:
        """Wait no more; the balance until then."""
        balance = self._waiting.pop(toll)
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return balance

    def _wait(self, now: float) -> None:
        self._timer = self._clock.callLater(max(self._bucket.wait(self.turn, now), MIN_WAIT), self._serve)

    def _serve(self) -> None:
        """Let those who wait buy turns, in their order. Who has less than half of one then stands at the end again."""
        self._timer = None
        self._serving = True
        now = self._now()
        while self._waiting:
            turn = self.turn
            if self._bucket.wait(turn, now):
                break
            toll, balance = next(iter(self._waiting.items()))
            del self._waiting[toll]
            self._bucket.take(turn, now)
            balance += turn
            if balance < turn / 2:
                self._waiting[toll] = balance
                continue
            try:
                toll.granted(self, balance)
            except Exception:
                self._log.failure("a transfer could not go on")  # the others wait for their turns
        self._serving = False
        if self._waiting:
            self._wait(now)


class Toll:
    """What one direction of an exchange or tunnel pays for its octets, to all of its limits at the same time."""

    __slots__ = ("_balances", "_waits", "resume")

    def __init__(self, limits: Iterable[Limit]) -> None:
        """At least one limit."""
        self.resume: Callable[[], None] = _nothing
        """Called when more may come."""
        self._balances = dict.fromkeys(limits, 0.0)  # what may still come, by each limit; not of those we wait for
        self._waits: set[Limit] = set()
        for limit in self._balances:
            limit.tolls += 1

    @property
    def held(self) -> bool:
        """Whether nothing more may come until `resume` is called."""
        return bool(self._waits)

    @property
    def room(self) -> int:
        """Octets that should come next at most, above 0."""
        return min((int(balance) or limit.turn for limit, balance in self._balances.items()), default=MIN_TURN)

    def spend(self, octets: int) -> bool:
        """These have come; False if nothing more may come until `resume` is called."""
        for limit, balance in self._balances.items():
            if limit in self._waits:
                limit.owe(self, octets)
                continue
            balance -= octets
            if balance <= 0:
                balance = limit.ask(self, balance)
                if balance <= 0:
                    self._waits.add(limit)
            self._balances[limit] = balance
        return not self._waits

    def granted(self, limit: Limit, balance: float) -> None:
        """A limit that we waited for lets us go on, as far as the balance reaches."""
        self._waits.discard(limit)
        self._balances[limit] = balance
        if not self._waits:
            self.resume()

    def close(self) -> None:
        """Nothing more comes: leave the queues, pay what is owed, give back what was not used. Once is enough."""
        balances, self._balances = self._balances, {}
        waits, self._waits = self._waits, set()
        for limit, balance in balances.items():
            limit.tolls -= 1
            limit.charge(-limit.leave(self) if limit in waits else -balance)
        self.resume = _nothing


def _nothing() -> None:
    """Nobody waits."""
