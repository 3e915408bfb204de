"""The first server in file order that has room: the load stays on as few servers as can take it.

The semantics are HAProxy's `first`; without a limit of connections or requests everything goes to the first server.
"""

from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush

from twisted_relay.balancing.group import Group
from twisted_relay.balancing.policy import Candidate
from twisted_relay.exchange import Exchange


class First:
    """The policy `first`. O(log n) for each server that fills up or gets room."""

    on_answer: Callable[[Candidate, float], None] | None = None

    def __init__(self) -> None:
        self._group = Group()
        self._open: list[int] = []
        """A heap of places: every server that has room is in it; those that have none any more may be."""
        self._is_open: list[bool] = []
        self.on_load: Callable[[Candidate, int], None] | None = self._moved

    def update(self, members: Sequence[Candidate], usable: Sequence[Candidate]) -> None:
        """See `Policy`."""
        self._group.become(usable)
        self._open = list(range(len(usable)))
        self._is_open = [True] * len(usable)

    def _moved(self, server: Candidate, change: int) -> None:
        if change > 0:
            return
        place = self._group.places.get(server)
        if place is not None and not self._is_open[place]:
            self._is_open[place] = True
            heappush(self._open, place)

    def candidates(self, exchange: Exchange) -> Iterator[Candidate]:
        """See `Policy`. A retry takes the next in file order, those without room at the end."""
        servers, open_ = self._group.servers, self._open
        while open_ and not servers[open_[0]].has_room:
            self._is_open[heappop(open_)] = False
        start = open_[0] if open_ else 0
        yield from self._group.others(set(), start)
