"""Slow start: a server that has come back, or is new, gets its part of the load little by little.

Its share grows in `STEPS` even steps from a tenth to the whole within `slow_start` (Envoy's linear form with its
minimum of 10 %), and so does the number of requests that it may have at once (HAProxy). Steps, because each one has
to be told to the policy; one timer for all servers of a backend, and none while nobody is starting.
"""

from collections.abc import Callable
from math import ceil
from typing import Any

from twisted.internet.interfaces import IReactorTime

from twisted_relay.upstream.server import Server

STEPS = 20
LEAST = 0.1
"""The part with which a server begins."""


class SlowStart:
    """The servers of one backend that are being started slowly."""

    def __init__(self, clock: IReactorTime, duration: float, changed: Callable[[], None]) -> None:
        """`duration` is seconds; `changed` is called when shares have."""
        self._clock = clock
        self._duration = duration
        self._changed = changed
        self._begun: dict[Server, float] = {}
        self._timer: Any = None

    def begin(self, server: Server) -> None:
        """A server starts, or starts again; whoever calls tells the policy."""
        self._begun[server] = self._clock.seconds()
        server.set_ramp(LEAST)
        if self._timer is None:
            self._timer = self._clock.callLater(self._duration / STEPS, self._step)

    def forget(self, server: Server) -> None:
        """A server is not starting any more: it is down, or has left."""
        if self._begun.pop(server, None) is not None:
            server.set_ramp(1.0)
        self._rest()

    def stop(self) -> None:
        """Step no more."""
        self._begun = {}
        self._rest()

    def _rest(self) -> None:
        timer = self._timer
        if timer is not None and not self._begun:
            self._timer = None
            timer.cancel()

    def _step(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        for server, begun in list(self._begun.items()):
            part = part_after(now - begun, self._duration)
            server.set_ramp(part)
            if part >= 1.0:
                del self._begun[server]
        if self._begun:
            self._timer = self._clock.callLater(self._duration / STEPS, self._step)
        self._changed()


def part_after(elapsed: float, duration: float) -> float:
    """The part of its load that a server gets so many seconds after it began: `LEAST` to 1.0, in steps."""
    steps = ceil(elapsed / duration * STEPS - 1e-6)
    return min(1.0, max(LEAST, steps / STEPS))
