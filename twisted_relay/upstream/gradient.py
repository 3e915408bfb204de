"""How many requests a server may have at once, found from how long it takes for them (Envoy's gradient controller).

From time to time the server gets few requests only, and what it takes for these is its time without load. In every
window after that the limit follows the gradient: it grows while answers take hardly longer than that, and shrinks when
they do, because then requests wait inside the server. Pure: times come with the answers.
"""

from math import ceil, sqrt

from twisted_relay.balancing.policy import Random

LEAST, MOST = 3, 1000
"""The limit is never outside of these; the lower one also holds while the time without load is measured."""
SHARE = 0.9
"""The part of the answers of a window that its time is above."""
BUFFER = 0.25
"""How much longer than without load answers may take, as a part of that, without the limit shrinking."""
SLOWEST, FASTEST = 0.5, 2.0
"""The bounds of the gradient in one window."""
WINDOW = 0.1
"""Seconds of a window."""
FEWEST = 10
"""Answers that a window lasts for at least."""
MANY = 500
"""Answers of a window that are looked at."""
MEASURED = 50
"""Answers from which the time without load is found."""
INTERVAL, JITTER = 60.0, 0.1
"""Seconds after which it is measured again, and up to how much later, as a part of that: not all servers at once."""
STUCK = 5
"""Windows at the lowest limit after which it is measured again: the server may have become slower for good."""


class Gradient:
    """The limit of one server. It begins with measuring."""

    __slots__ = (
        "_before",
        "_epoch",
        "_next",
        "_random",
        "_stuck",
        "_times",
        "_window",
        "is_measuring",
        "least_time",
        "limit",
    )

    def __init__(self, random: Random) -> None:
        self.limit = LEAST
        self.least_time = 0.0
        """Seconds that answers take without load; 0.0 while nothing is known."""
        self.is_measuring = True
        self._random = random
        self._before = LEAST  # the limit before measuring
        self._epoch = float("-inf")  # when the limit was lowered: requests sent before it tell nothing
        self._next = 0.0
        self._window = 0.0
        self._times: list[float] = []
        self._stuck = 0

    def answered(self, now: float, seconds: float) -> int:
        """An answer has begun after so many seconds; the limit from now on."""
        if self.is_measuring:
            if now - seconds >= self._epoch:
                self._times.append(seconds)
                if len(self._times) >= MEASURED:
                    self._end_measuring(now)
        elif now >= self._next:
            self._measure(now)
        else:
            if len(self._times) < MANY:
                self._times.append(seconds)
            if now >= self._window and len(self._times) >= FEWEST:
                self._adjust(now)
        return self.limit

    def _measure(self, now: float) -> None:
        self.is_measuring = True
        self._before, self.limit = self.limit, LEAST
        self._epoch = now
        self._times = []

    def _end_measuring(self, now: float) -> None:
        self.is_measuring = False
        self.least_time = _percentile(self._times)
        self.limit = self._before
        self._next = now + INTERVAL * (1 + JITTER * self._random())
        self._begin_window(now)
        self._stuck = 0

    def _begin_window(self, now: float) -> None:
        self._times = []
        self._window = now + WINDOW

    def _adjust(self, now: float) -> None:
        """The end of a window."""
        self.limit = next_limit(self.limit, self.least_time, _percentile(self._times))
        self._begin_window(now)
        self._stuck = self._stuck + 1 if self.limit == LEAST else 0
        if self._stuck >= STUCK:
            self._measure(now)


def next_limit(limit: int, least_time: float, time: float) -> int:
    """The limit after a window whose answers took `time`; both times in seconds."""
    gradient = least_time * (1 + BUFFER) / time if time else FASTEST
    wanted = limit * min(FASTEST, max(SLOWEST, gradient))
    return min(MOST, max(LEAST, int(wanted + sqrt(wanted))))


def _percentile(times: list[float]) -> float:
    ordered = sorted(times)
    return ordered[max(0, ceil(SHARE * len(ordered)) - 1)]
