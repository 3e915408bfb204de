"""A token bucket over octets: it fills at a rate, up to a burst, and may be overdrawn by what has come already.

Decides nothing but when; who asks is not its business. Times are seconds of whatever clock the caller has.
"""


class Bucket:
    """Tokens for octets, full at first."""

    __slots__ = ("_level", "_when", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """`rate` is octets per second; `burst`, the octets that may be there at most, is above 0."""
        self.rate = rate
        self.burst = burst
        self._level = burst
        self._when = now

    def level(self, now: float) -> float:
        """The octets that may pass now; less than 0 while it is overdrawn."""
        if now > self._when:
            self._level = min(self.burst, self._level + (now - self._when) * self.rate)
            self._when = now
        return self._level

    def take(self, octets: float, now: float) -> None:
        """These have passed, or will; what is less than 0 is given back."""
        self._level = min(self.burst, self.level(now) - octets)

    def wait(self, octets: float, now: float) -> float:
        """Seconds until so many may pass: 0 if they may now. For more than the burst it is enough that it is full."""
        missing = min(octets, self.burst) - self.level(now)
        return missing / self.rate if missing > 0 else 0.0
