"""When the requests of one backend are hedged, and how often: response times by route, a budget, and counts. Pure."""

from twisted_relay.config.values import BudgetSpec
from twisted_relay.upstream.budget import Budget
from twisted_relay.upstream.recent_times import RecentTimes

SHARE = 0.95
"""The part of a route's requests that have their answer before a hedge is made."""
LEAST_DELAY = 0.01
"""Seconds that a server has in any case: faster answers are not worth a second request."""


class Hedging:
    """What is known for all hedges of a backend; `ratio` is the part of its requests that may be hedged."""

    def __init__(self, ratio: float) -> None:
        self.budget = Budget(BudgetSpec(ratio, 0.0))
        self.made = self.won = 0
        """Second tries, and those that brought the answer."""
        self._times: dict[str, RecentTimes] = {}

    def delay(self, route: str, now: float) -> float | None:
        """Seconds after which a request of this route gets a second try; None while too little is known."""
        times = self._times.get(route)
        percentile = None if times is None else times.percentile(now)
        return None if percentile is None else max(percentile, LEAST_DELAY)

    def answered(self, route: str, now: float, seconds: float) -> None:
        """A request of this route was answered well, after so many seconds."""
        times = self._times.get(route)
        if times is None:
            times = self._times[route] = RecentTimes(SHARE)
        times.observe(now, seconds)
