"""Leaving out quiet time: when nothing changes, one window stands for the next ones, which never run.

The backend does not notice: for it time goes on without a jump, only the scenario's events come sooner. What was
measured in the window is counted once for each window that it stands for; a report says how much really ran.

Time is quiet when no event is near, every server is up and takes what is its share, nobody waits in the queue, no
server has changed its state lately, the rate of requests stays nearly the same, and two windows in a row were alike.
"""

from twisted_relay.balancing.policy import FULL_SHARE
from twisted_relay.simulation.measures import Tally
from twisted_relay.simulation.scenario import Scenario
from twisted_relay.simulation.values import rate_at
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.server import UP

MOST = 19
"""Windows that one stands for at most, besides itself: a twentieth of quiet time is simulated."""
CALM = 60.0
"""Seconds without any event or change of state before quiet time, and so many simulated before the next event."""
RATE_CHANGE = 0.05
"""By this part the rate may change over what is left out."""
LIKENESS = 0.25
"""By this part the mean times of two windows in a row may differ."""
SMALL = 500_000
"""Runs of so many requests, about, leave nothing out: they do not take long."""
FEWEST = 30
"""With fewer requests in a window nothing can be said of it."""


class Quiet:
    """Decides how much may be left out of one run."""

    def __init__(self, backend: Backend, scenario: Scenario, *, exact: bool) -> None:
        self._backend = backend
        self._scenario = scenario
        self._exact = exact or expected_requests(scenario) <= SMALL
        self._times = sorted({change.time for change in scenario.changes})
        self._next = 0
        self._mean = 0.0

    def windows_to_skip(self, tally: Tally, place: int, window: float) -> int:
        """How many windows from the one at `place` on this window, the one before, may stand for."""
        mean, self._mean = self._mean, sum(tally.latencies) / max(1, len(tally.latencies))
        if self._exact or len(tally.latencies) < FEWEST:
            return 0
        if abs(self._mean - mean) > LIKENESS * mean:
            return 0
        now = place * window
        while self._next < len(self._times) and self._times[self._next] <= now:
            self._next += 1
        last = self._times[self._next - 1] if self._next else 0.0
        coming = self._times[self._next] if self._next < len(self._times) else self._scenario.options.duration
        if now - last < CALM or not self._is_calm():
            return 0
        most = min(MOST, int((coming - CALM - now) / window))
        while most > 0 and not self._is_steady(now - window, now + most * window):
            most //= 2
        return max(0, most)

    def _is_calm(self) -> bool:
        """Whether the backend is as it always is."""
        backend = self._backend
        now = backend.now()
        if backend.queue:
            return False
        return all(
            server.state == UP and server.share == server.weight * FULL_SHARE and now - server.since >= CALM
            for server in backend.servers
        )

    def _is_steady(self, start: float, end: float) -> bool:
        """Whether clients ask as often at the end as at the start."""
        for clients in self._scenario.clients:
            one, other = rate_at(clients.rate, start), rate_at(clients.rate, end)
            if abs(one - other) > RATE_CHANGE * max(one, other):
                return False
        return True


def expected_requests(scenario: Scenario) -> float:
    """About how many requests clients will make, events apart."""
    duration, parts = scenario.options.duration, 1000
    middles = [(part + 0.5) / parts * duration for part in range(parts)]
    return sum(rate_at(clients.rate, time) for clients in scenario.clients for time in middles) * duration / parts
