"""The server that is expected to answer soonest: peak EWMA of response times, times the requests in flight.

After Finagle's and Tower's `PeakEwma` and Envoy's `peak_ewma`: a slow answer counts at once and whole, quick ones bring
the estimate down only by and by, and without answers it fades, so that a server that was slow is asked again. The cost
of a server is estimate · (a + 1) / share. Up to `FEW` servers are all compared; of more, the better of two that are
drawn at random in proportion to their shares.
"""

from collections.abc import Callable, Iterator, Sequence
from math import exp

from twisted_relay.balancing.draws import Draws
from twisted_relay.balancing.policy import Candidate, Now, Random
from twisted_relay.exchange import Exchange

FADING = 10.0
"""Seconds after which an estimate has fallen to 1/e without answers (Envoy's decay time)."""
UNKNOWN = 0.01
"""Seconds that a server is taken to need when no server of the group has answered yet (Envoy's default)."""
FEW = 4
"""With so few servers two draws would often miss the best one."""


class _Estimate:
    """What is known of a server's response time."""

    __slots__ = ("at", "seconds")

    def __init__(self, seconds: float, at: float) -> None:
        self.seconds = seconds
        self.at = at


class LeastTime:
    """The policy `least-time`."""

    on_load: Callable[[Candidate, int], None] | None = None

    def __init__(self, random: Random, now: Now) -> None:
        self._draws = Draws(random)
        self._now = now
        self._estimates: dict[Candidate, _Estimate] = {}
        self._next = 0
        self.on_answer: Callable[[Candidate, float], None] | None = self._answered

    def update(self, members: Sequence[Candidate], usable: Sequence[Candidate]) -> None:
        """See `Policy`. Of a new server the average of the others is expected; one that is out keeps its estimate."""
        self._draws.become(usable)
        kept = {server: self._estimates[server] for server in members if server in self._estimates}
        if len(kept) < len(members):
            now = self._now()
            known = [self.estimate(server, now) for server in kept]
            expected = sum(known) / len(known) if known else UNKNOWN
            for server in members:
                if server not in kept:
                    kept[server] = _Estimate(expected, now)
        self._estimates = kept

    def _answered(self, server: Candidate, seconds: float) -> None:
        estimate = self._estimates.get(server)
        if estimate is None:
            return
        now = self._now()
        if seconds > estimate.seconds:
            estimate.seconds = seconds
        else:
            kept = exp((estimate.at - now) / FADING)
            estimate.seconds = estimate.seconds * kept + seconds * (1.0 - kept)
        estimate.at = now

    def estimate(self, server: Candidate, now: float) -> float:
        """Seconds that a server of this group is expected to need for an answer."""
        estimate = self._estimates[server]
        return estimate.seconds * exp((estimate.at - now) / FADING)

    def cost(self, server: Candidate, now: float) -> float:
        """What servers are compared by."""
        return self.estimate(server, now) * (server.active_requests + 1) / server.share

    def candidates(self, exchange: Exchange) -> Iterator[Candidate]:
        """See `Policy`. A retry takes the better of two others, a small group's in the order of their costs."""
        group = self._draws.group
        if not group.servers:
            return
        server = self._best_of_all() if len(group.servers) <= FEW else self._better_of_two()
        yield server
        met = {server}
        if len(group.servers) <= FEW:
            now = self._now()
            for server in sorted(group.servers, key=lambda each: self.cost(each, now)):
                if server not in met and server in group.places:
                    met.add(server)
                    yield server
        yield from self._draws.others(met)

    def _best_of_all(self) -> Candidate:
        """Equal ones take turns."""
        servers = self._draws.group.servers
        now = self._now()
        count = len(servers)
        self._next = start = (self._next + 1) % count
        best = servers[start]
        least = self.cost(best, now)
        for number in range(start + 1, start + count):
            server = servers[number % count]
            cost = self.cost(server, now)
            if cost < least:
                best, least = server, cost
        return best

    def _better_of_two(self) -> Candidate:
        first = self._draws.one()
        second = self._draws.another(first)
        now = self._now()
        return second if self.cost(second, now) < self.cost(first, now) else first
