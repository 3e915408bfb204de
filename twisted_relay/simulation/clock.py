"""Virtual time: a clock for Twisted's timers and for the events of the model, millions of them.

`task.Clock` sorts a list for every timer; this one has a heap. What is due at the same moment happens in the order in
which it was asked for, so that a run can be repeated exactly.
"""

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, TypeAlias

from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock

Event: TypeAlias = tuple[float, int, Callable[[Any], object], Any]
"""When, in which order among those of the same time, what, and with which argument."""

CANCELLED_AT_LEAST = 1000
"""So many cancelled timers are left where they are before they are swept out."""


class VirtualClock(Clock):
    """`IReactorTime` without a reactor: time is where `run_until` has brought it."""

    def __init__(self) -> None:
        super().__init__()
        self.heap: list[Event] = []
        self._serial = 0
        self._cancelled_calls = 0

    def after(self, delay: float, function: Callable[[Any], object], argument: object) -> None:
        """Call `function(argument)` in `delay` seconds. Cheaper than `callLater`, and cannot be cancelled."""
        self._serial = serial = self._serial + 1
        heappush(self.heap, (self.rightNow + delay, serial, function, argument))

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> IDelayedCall:
        """See `IReactorTime`."""
        time = self.rightNow + delay
        call = DelayedCall(time, callable, args, kw, self._cancelled, self._push, self.seconds)
        self._push(call)
        return call

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """See `IReactorTime`: those that are pending, in the order of their times."""
        found = {id(event[3]): event[3] for event in sorted(self.heap, key=lambda each: each[:2])}
        return [call for call in found.values() if isinstance(call, DelayedCall) and call.active()]

    def advance(self, amount: float) -> None:
        """Let `amount` seconds pass."""
        self.run_until(self.rightNow + amount)

    def run_until(self, end: float) -> None:
        """Let everything happen that is due up to this time, each at its own time; then it is that time."""
        heap = self.heap
        while heap and heap[0][0] <= end:
            self.rightNow, _, function, argument = heappop(heap)
            function(argument)
        self.rightNow = end

    def _push(self, call: DelayedCall) -> None:
        self._serial += 1
        heappush(self.heap, (call.getTime(), self._serial, self._fire, call))

    def _fire(self, call: DelayedCall) -> None:
        if call.cancelled:
            self._cancelled_calls -= 1
        elif not call.called:
            if call.getTime() > self.rightNow:
                call.activate_delay()
                self._push(call)
                return
            call.called = 1
            call.func(*call.args, **call.kw)

    def _cancelled(self, call: DelayedCall) -> None:
        """A timer is not wanted any more; now and then all such are swept out."""
        self._cancelled_calls += 1
        if self._cancelled_calls > max(CANCELLED_AT_LEAST, len(self.heap) // 2):
            self._cancelled_calls = 0
            self.heap[:] = [event for event in self.heap if event[3] is not call and not _is_cancelled(event[3])]
            heapify(self.heap)


def _is_cancelled(argument: object) -> bool:
    return isinstance(argument, DelayedCall) and bool(argument.cancelled)
