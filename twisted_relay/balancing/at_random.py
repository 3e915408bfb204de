"""Servers at random, in proportion to their shares: no state, so many relays in a row do not fall into step."""

from collections.abc import Callable, Iterator, Sequence

from twisted_relay.balancing.draws import Draws
from twisted_relay.balancing.policy import Candidate, Random
from twisted_relay.exchange import Exchange


class AtRandom:
    """The policy `random`."""

    on_load: Callable[[Candidate, int], None] | None = None
    on_answer: Callable[[Candidate, float], None] | None = None

    def __init__(self, random: Random) -> None:
        self._draws = Draws(random)

    def update(self, members: Sequence[Candidate], usable: Sequence[Candidate]) -> None:
        """See `Policy`."""
        self._draws.become(usable)

    def candidates(self, exchange: Exchange) -> Iterator[Candidate]:
        """See `Policy`."""
        if not self._draws.group.servers:
            return
        server = self._draws.one()
        yield server
        yield from self._draws.others({server})
