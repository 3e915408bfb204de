"""The state machine of a circuit breaker: closed, open, half-open. Knows neither servers nor the time of day.

The states and the linear recovery are Traefik's. All is lazy: states change when a request asks to be let in or ends,
so that nothing runs while nobody asks. Times are seconds of one clock, passed in.
"""

from collections import deque
from enum import Enum

from twisted_relay.config.values import BreakerSpec

SLICES = 10
"""Parts of the sliding window: what is older than it is forgotten a tenth at a time."""


class State(Enum):
    """How a backend is guarded."""

    CLOSED = "closed"
    """Every request is let in."""
    OPEN = "open"
    """None is."""
    HALF_OPEN = "half-open"
    """A rising part of them is."""


class Event(Enum):
    """What can change a state."""

    TRIPPED = "tripped"
    """Too many requests have failed."""
    WAITED = "waited"
    """The time of the state is over."""


NEXT = {
    (State.CLOSED, Event.TRIPPED): State.OPEN,
    (State.OPEN, Event.WAITED): State.HALF_OPEN,
    (State.HALF_OPEN, Event.TRIPPED): State.OPEN,
    (State.HALF_OPEN, Event.WAITED): State.CLOSED,
}
"""The state after an event; others change nothing."""


class Window:
    """How many requests ended within the last seconds, and how many of them failed."""

    def __init__(self, seconds: float) -> None:
        self.requests = 0
        self.failures = 0
        self._width = seconds / SLICES
        self._slices: deque[list[int]] = deque()  # [number of the slice, requests, failures], oldest first

    def ended(self, now: float, requests: int, failures: int) -> None:
        """So many have ended and failed now."""
        number = int(now / self._width)
        slices = self._slices
        while slices and slices[0][0] <= number - SLICES:
            _, old_requests, old_failures = slices.popleft()
            self.requests -= old_requests
            self.failures -= old_failures
        if not slices or slices[-1][0] != number:
            slices.append([number, 0, 0])
        slices[-1][1] += requests
        slices[-1][2] += failures
        self.requests += requests
        self.failures += failures

    def clear(self) -> None:
        """Forget all."""
        self._slices.clear()
        self.requests = self.failures = 0


class Circuit:
    """The breaker of one backend: whom it lets in, and what it makes of how they ended."""

    def __init__(self, spec: BreakerSpec, open_for: float, recovery: float) -> None:
        self.state = State.CLOSED
        self.since = 0.0
        """When this state began."""
        self.era = 0
        """How often it has opened: what was let in before it last did says nothing of how the backend is now."""
        self.reason = ""
        """Why it has opened last, in words."""
        self.window = Window(spec.window)
        self._spec = spec
        self._durations = {State.CLOSED: float("inf"), State.OPEN: open_for, State.HALF_OPEN: recovery}
        self._opened = 0.0
        self._credit = 0.0  # parts of requests that may be let in while half-open: a whole one is one request

    def admits(self, now: float) -> bool:
        """Whether a request that comes now is let in."""
        if self.state is State.CLOSED:
            return True
        if self.left(now) <= 0.0:
            self._enter(Event.WAITED, now)
        self._credit += self.admission(now)
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        return True

    def ended(self, now: float, *, failed: bool, era: int) -> None:
        """A request that was let in, in this era, has ended."""
        if era != self.era or self.state is State.OPEN:
            return
        self.window.ended(now, 1, int(failed))
        self._judge(now)

    def failed_late(self, now: float, began: float) -> None:
        """A request that had ended well has failed after all; `began`: when it seemed to end well."""
        if began < self._opened or self.state is State.OPEN:
            return
        self.window.ended(now, 0, 1)
        self._judge(now)

    def admission(self, now: float) -> float:
        """The part of the requests that is let in: 0.0 to 1.0."""
        if self.state is State.HALF_OPEN:
            return min(1.0, max(0.0, (now - self.since) / self._durations[State.HALF_OPEN]))
        return 1.0 if self.state is State.CLOSED else 0.0

    def left(self, now: float) -> float:
        """Seconds until this state is over, if nothing happens."""
        return self.since + self._durations[self.state] - now

    def _judge(self, now: float) -> None:
        window, spec = self.window, self._spec
        if window.requests >= spec.requests and window.failures >= spec.share * window.requests:
            self.reason = f"{window.failures} of {window.requests} requests within {spec.window:g} s have failed"
            self._enter(Event.TRIPPED, now)

    def _enter(self, event: Event, now: float) -> None:
        self.state = NEXT[self.state, event]
        self.since = now
        self._credit = 1.0 if self.state is State.HALF_OPEN else 0.0  # the first one is let in: somebody must try
        if self.state is State.OPEN:
            self.era += 1
            self._opened = now
            self.window.clear()
