"""Smooth weighted round robin: servers in turn, in proportion to their weights and spread as evenly as can be.

The semantics are nginx's (`ngx_http_upstream_round_robin`): at each choice every server gains its weight, the
richest is chosen and pays the sum of all weights. Weights 5, 1, 1 give a a b a c a a. With equal weights that is
plain rotation, which is done as such.
"""

from collections.abc import Callable, Iterator, Sequence

from twisted_relay.balancing.policy import Candidate
from twisted_relay.exchange import Exchange


class RoundRobin:
    """The policy `round-robin`."""

    on_load: Callable[[Candidate, int], None] | None = None
    on_answer: Callable[[Candidate, float], None] | None = None

    def __init__(self) -> None:
        self._servers: list[Candidate] = []
        self._equal = True
        self._next = 0
        self._credit: dict[str, int] = {}

    def update(self, members: Sequence[Candidate], usable: Sequence[Candidate]) -> None:
        """See `Policy`. A server that stays keeps its credit, so a change elsewhere does not disturb the order."""
        self._servers = list(usable)
        self._equal = len({server.share for server in usable}) <= 1
        self._credit = {server.name: self._credit.get(server.name, 0) for server in usable}

    def candidates(self, exchange: Exchange) -> Iterator[Candidate]:
        """See `Policy`."""
        if self._equal:
            return self._rotation()
        return self._smooth()

    def _rotation(self) -> Iterator[Candidate]:
        """A retry takes the next turn too, so that what a failing server leaves undone is spread over all others."""
        servers = self._servers
        met: list[Candidate] = []  # between two tries other exchanges have their turns
        while len(met) < len(servers):
            place = self._next
            if place >= len(servers):
                place = 0
            self._next = place + 1
            server = servers[place]
            if server not in met:
                met.append(server)
                yield server

    def _smooth(self) -> Iterator[Candidate]:
        left = list(self._servers)
        credit = self._credit
        while left:
            total = 0
            best = left[0]
            for server in left:
                total += server.share
                credit[server.name] += server.share
                if credit[server.name] > credit[best.name]:
                    best = server
            credit[best.name] -= total
            left.remove(best)
            yield best
