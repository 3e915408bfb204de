"""How late the reactor is: the number that tells that the process is saturated or something blocks it."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_relay.histogram import FAST_BOUNDS, Histogram

INTERVAL = 0.25
"""Seconds between two measurements."""


class Lag:
    """Asks to be called again and again, and notes by how much the call is late. `now` reads a monotonic clock."""

    def __init__(self, clock: IReactorTime, now: Callable[[], float]) -> None:
        self.times = Histogram(FAST_BOUNDS)
        """Seconds."""
        self._clock = clock
        self._now = now
        self._due = 0.0
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._due = self._now() + INTERVAL
        self._call = self._clock.callLater(INTERVAL, self._measure)

    def stop(self) -> None:
        """Measure no more."""
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()

    def _measure(self) -> None:
        late = max(0.0, self._now() - self._due)
        self.times.observe(late)
        # Whoever came in the meantime waited too: without these, a stop of ten seconds would be one value of many.
        while late > INTERVAL:
            late -= INTERVAL
            self.times.observe(late)
        self.start()
