"""A modelled server: how long it takes, how much it does at a time, and what is wrong with it.

It knows connections only as `Caller`s: who asks on one and is answered, or is cut off.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from twisted_relay.simulation.clock import VirtualClock
from twisted_relay.simulation.latency import sampler
from twisted_relay.simulation.sections import ServersOptions
from twisted_relay.simulation.values import Mix

Random = Callable[[], float]


class Caller(Protocol):
    """The server's end of a connection."""

    life: int
    """Which life of the server works on what was asked, from 1; 0 when none does: what a server has begun before it
    crashed it never ends."""
    is_check: bool
    is_open: bool
    is_asking: bool

    def answer(self, status: int) -> None:
        """The answer to a request is there."""

    def answer_check(self, *, healthy: bool) -> None:
        """The answer to a check is there."""

    def close(self) -> None:
        """The server closes the connection, on which nothing is asked."""

    def reset(self) -> None:
        """The server ends the connection at once."""


class ModelServer:
    """One server. `random` decides of its times and answers."""

    def __init__(self, name: str, options: ServersOptions, clock: VirtualClock, random: Random) -> None:
        self.name = name
        self.options = options
        self.is_refusing = False
        self.is_unreachable = False
        self.is_hung = False
        self.is_unhealthy = False
        self.is_closing = False
        """Answers end their connections."""
        self.slowness = 1 / options.speed
        self.errors: tuple[float, int] = (0.0, 500)
        """The share of answers that are errors, and their status code."""
        self.callers: dict[Caller, None] = {}
        """The connections that exist."""
        self.asked = 0
        """Requests that reached it, checks not among them."""
        self.busy = 0
        self.waiting: deque[Caller] = deque()
        self._clock = clock
        self._random = random
        self._latency = sampler(options.latency, random)
        self._after = clock.after
        self._capacity = options.capacity
        self._life = 1
        self._held: list[Caller] = []  # asked while it hangs
        self._late: list[Caller] = []  # due while it hangs
        self._only_status = int(options.answers[0][0]) if len(options.answers) == 1 else 0

    def ask(self, caller: Caller) -> None:
        """A request, or a check, has come over this connection."""
        if not caller.is_check:
            self.asked += 1
        if self._capacity and self.busy >= self._capacity:
            caller.life = 0
            self.waiting.append(caller)
        else:
            self._begin(caller)

    def left(self, caller: Caller) -> None:
        """Whoever asked has closed the connection."""
        self.callers.pop(caller, None)
        if self.options.stops_when_left and caller.life == self._life:
            caller.life = 0
            self.busy -= 1
            self._next()

    def _begin(self, caller: Caller) -> None:
        self.busy += 1
        caller.life = self._life
        if self.is_hung:
            self._held.append(caller)
        else:
            self._after(self._latency() * self.slowness, self._done, caller)

    def _done(self, caller: Caller) -> None:
        """The time for an answer is over."""
        if caller.life != self._life:
            return
        if self.is_hung:
            self._late.append(caller)
            return
        caller.life = 0
        self.busy -= 1
        if self.waiting:
            self._next()
        if not caller.is_open:
            return
        if caller.is_check:
            caller.answer_check(healthy=not self.is_unhealthy)
        else:
            caller.answer(self._status())

    def _next(self) -> None:
        """Begin with what has waited longest."""
        while self.waiting:
            caller = self.waiting.popleft()
            if caller.is_open or not self.options.stops_when_left:
                self._begin(caller)
                return

    def _status(self) -> int:
        share, status = self.errors
        if share and self._random() < share:
            return status
        return self._only_status or drawn(self.options.answers, self._random())

    # -- what happens to it ---------------------------------------------------------------------------------------

    def crash(self) -> None:
        """Everything is cut off, and nobody listens any more."""
        self.is_refusing = True
        self._life += 1
        self.busy = 0
        self.waiting.clear()
        self._held.clear()
        self._late.clear()
        callers, self.callers = self.callers, {}
        for caller in callers:
            caller.reset()

    def come_back(self) -> None:
        """It listens again."""
        self.is_refusing = self.is_closing = False

    def retire(self) -> None:
        """No new connections; those that are idle are closed, the others after their answer."""
        self.is_refusing = self.is_closing = True
        for caller in list(self.callers):
            if not caller.is_asking:
                caller.close()

    def stop(self) -> None:
        """Nothing moves until `go_on`."""
        self.is_hung = True

    def go_on(self) -> None:
        """What should have been done while it hung is done now."""
        self.is_hung = False
        held, self._held = self._held, []
        late, self._late = self._late, []
        for caller in held:
            if caller.life == self._life:
                self._after(self._latency() * self.slowness, self._done, caller)
        for caller in late:
            self._done(caller)


def drawn(mix: Mix, part: float) -> int:
    """The status code that this part (from 0 to 1) of a mix falls on."""
    for word, share in mix:
        part -= share
        if part < 0:
            return int(word)
    return int(mix[-1][0])
