"""The better of two servers drawn at random: nearly as even as asking all, for the cost of asking two.

The semantics are nginx's `random two least_conn`: two different servers are drawn in proportion to their shares, and
the one with fewer requests for its share is taken (a1·w2 < a2·w1). Mitzenmacher's "power of two choices".
"""

from collections.abc import Callable, Iterator, Sequence

from twisted_relay.balancing.draws import Draws
from twisted_relay.balancing.policy import Candidate, Random
from twisted_relay.exchange import Exchange


class RandomTwo:
    """The policy `random-two`."""

    on_load: Callable[[Candidate, int], None] | None = None
    on_answer: Callable[[Candidate, float], None] | None = None

    def __init__(self, random: Random) -> None:
        self._draws = Draws(random)

    def update(self, members: Sequence[Candidate], usable: Sequence[Candidate]) -> None:
        """See `Policy`."""
        self._draws.become(usable)

    def candidates(self, exchange: Exchange) -> Iterator[Candidate]:
        """See `Policy`. A retry takes the other of the two, then others at random."""
        draws = self._draws
        servers = draws.group.servers
        if not servers:
            return
        first = draws.one()
        if len(servers) == 1:
            yield first
            yield from draws.others({first})
            return
        second = draws.another(first)
        if second.active_requests * first.share < first.active_requests * second.share:
            first, second = second, first
        yield first
        met = {first}
        if second in draws.group.places:
            met.add(second)
            yield second
        yield from draws.others(met)
