"""Smooth weighted round robin: servers in turn, in proportion to their shares and spread as evenly as can be.

The semantics are nginx's (`ngx_http_upstream_round_robin`): at each choice every server gains its share, the richest
is chosen and pays the sum of all shares; the first in the file wins a tie. Weights 5, 1, 1 give a a b a c a a. How
that is found without asking every server is told in `turns`.
"""

from collections.abc import Callable, Iterator, Sequence

from twisted_relay.balancing.group import Group
from twisted_relay.balancing.policy import Candidate
from twisted_relay.balancing.turns import NO_SERVERS, Turns, turns_of
from twisted_relay.exchange import Exchange

TURNS_PER_EXCHANGE = 8
"""An exchange that has taken so many turns is given the others in file order, so that many servers without room cost
little."""


class RoundRobin:
    """The policy `round-robin`."""

    on_load: Callable[[Candidate, int], None] | None = None
    on_answer: Callable[[Candidate, float], None] | None = None

    def __init__(self) -> None:
        self._group = Group()
        self._turns: Turns = NO_SERVERS
        self._shares: list[int] = []

    def update(self, members: Sequence[Candidate], usable: Sequence[Candidate]) -> None:
        """See `Policy`. A server that stays keeps its credit, so a change elsewhere does not disturb the order."""
        shares = [server.share for server in usable]
        if shares == self._shares and list(usable) == self._group.servers:
            return
        self._shares = shares
        self._group.become(usable)
        self._turns = turns_of(usable, self._turns)

    def candidates(self, exchange: Exchange) -> Iterator[Candidate]:
        """See `Policy`. A retry takes the next turn too, so that what a failing server leaves undone is spread over all
        others."""
        if not self._group.servers:
            return
        server = self._turns.take()
        yield server
        met = {server}
        for _ in range(TURNS_PER_EXCHANGE - 1):
            another = self._turns.take_other(met)
            if another is None:
                return
            met.add(another)
            yield another
        yield from self._group.others(met, self._group.places.get(server, 0))
