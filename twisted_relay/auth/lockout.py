"""Who has guessed wrong too often, by a window that slides: whoever has `failures` of them in it is locked out.

The keys are what clients write, so there is a limit to them: when it is reached, those go that failed longest ago.
"""

from collections import OrderedDict, deque

from twisted_relay.config.values import LockoutSpec

MOST_KEYS = 10_000


class Lockout:
    """Failures by key; times are seconds of one monotonic clock."""

    def __init__(self, spec: LockoutSpec, most_keys: int = MOST_KEYS) -> None:
        self._spec = spec
        self._most = most_keys
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    def add(self, key: str, now: float) -> bool:
        """Count a failure; True if it is the one that locks the key out."""
        times = self._failures.get(key)
        if times is None:
            times = self._failures[key] = deque(maxlen=self._spec.failures)
            if len(self._failures) > self._most:
                self._failures.popitem(last=False)
        else:
            self._failures.move_to_end(key)
        was_locked = self.left(key, now) > 0
        times.append(now)
        return not was_locked and self.left(key, now) > 0

    def forgive(self, key: str) -> None:
        """Forget the failures of a key."""
        self._failures.pop(key, None)

    def left(self, key: str, now: float) -> float:
        """For how many seconds the key is locked out, if it does not fail again; 0.0 if it is not."""
        times = self._failures.get(key)
        if times is None or len(times) < self._spec.failures:
            return 0.0
        return max(0.0, times[0] + self._spec.window - now)

    def room(self, key: str, now: float) -> int:
        """How many more failures the key may have before it is locked out."""
        times = self._failures.get(key)
        if times is None:
            return self._spec.failures
        return self._spec.failures - sum(1 for each in times if each + self._spec.window > now)
