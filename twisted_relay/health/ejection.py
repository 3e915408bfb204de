"""The rules of ejection, as plain decisions: when failures are too many, whether a server may go, and for how long.

Times are seconds of one clock, passed in. Growth and decay of the time are Envoy's outlier detection.
"""

from collections import deque

from twisted_relay.config.values import EjectSpec

INTERVAL = 10.0
"""Seconds between two looks at success rates, and of good conduct for which one ejection is forgiven."""


class Window:
    """The times of the last failures of one server, as many as eject it."""

    def __init__(self, spec: EjectSpec) -> None:
        self._times: deque[float] = deque(maxlen=spec.errors)
        self._seconds = spec.window

    def failed(self, now: float) -> bool:
        """Note a failure; whether there are now too many in the window."""
        times = self._times
        times.append(now)
        return len(times) == times.maxlen and now - times[0] <= self._seconds

    def clear(self) -> None:
        """Forget all."""
        self._times.clear()


class Record:
    """The ejections of one server that are not forgiven: one more each time, one less for each interval without."""

    def __init__(self) -> None:
        self._number = 0
        self._free_since = 0.0

    def ejected(self, now: float) -> int:
        """It is ejected now; the number of ejections, this one included."""
        forgiven = int((now - self._free_since) / INTERVAL) if self._number else 0
        self._number = max(0, self._number - forgiven) + 1
        return self._number

    def freed(self, now: float) -> None:
        """It is no longer ejected."""
        self._free_since = now


def ejection_time(number: int, base: float, most: float) -> float:
    """Seconds for which a server is taken out the `number`th time."""
    return min(base * number, most)


def may_eject(ejected: int, usable: int, share: float) -> bool:
    """Whether one more of the usable servers may go.

    Out of those that are usable or ejected no more than `share` are ejected at once, but one always may be; and one
    must be left.
    """
    return usable > 1 and ejected < max(1, int((usable + ejected) * share + 1e-9))
