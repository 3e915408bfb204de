"""The server with the fewest requests in flight for its share. One process sees all load, so this is exact.

The semantics are HAProxy's `leastconn`: servers are ordered by (a + 1) / share, those without any request come before
all others, and among equals the one that has waited longest is first. Tunnels count until they close.
"""

from collections.abc import Callable, Iterator, Sequence
from heapq import heapify, heappop, heappush

from twisted_relay.balancing.policy import Candidate
from twisted_relay.exchange import Exchange

SEARCHES = 4
"""An exchange that has met so many servers gets the others from a list that is sorted once."""


def load_of(server: Candidate) -> float:
    """What servers are compared by: requests for the share, with the one that is to be given; 0 when idle."""
    active = server.active_requests
    return (active + 1) / server.share if active else 0.0


class LeastConnections:
    """The policy `least-connections`. O(log n) for each change of a load."""

    on_answer: Callable[[Candidate, float], None] | None = None

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Candidate]] = []
        """(load, since when, server). Entries that say another time than `_since` are old."""
        self._since: dict[Candidate, int] = {}
        self._count = 0
        self.on_load: Callable[[Candidate, int], None] | None = self._moved

    def update(self, members: Sequence[Candidate], usable: Sequence[Candidate]) -> None:
        """See `Policy`. Who stays keeps its place among equals; who comes is behind them."""
        for server in usable:
            if server not in self._since:
                self._count += 1
                self._since[server] = self._count
        self._since = {server: self._since[server] for server in usable}
        self._sort()

    def _sort(self) -> None:
        self._heap = [(load_of(server), since, server) for server, since in self._since.items()]
        heapify(self._heap)

    def _moved(self, server: Candidate, change: int) -> None:
        if server not in self._since:
            return
        self._count += 1
        self._since[server] = self._count
        active = server.active_requests
        heappush(self._heap, ((active + 1) / server.share if active else 0.0, self._count, server))
        if len(self._heap) > 2 * len(self._since) + 64:
            self._sort()

    def _best(self) -> Candidate:
        heap, since = self._heap, self._since
        while since.get(heap[0][2]) != heap[0][1]:
            heappop(heap)
        return heap[0][2]

    def candidates(self, exchange: Exchange) -> Iterator[Candidate]:
        """See `Policy`. A retry takes the least loaded of the others."""
        if not self._since:
            return
        server = self._best()
        yield server
        met = {server}
        while len(met) < SEARCHES:
            another = self._best_other(met)
            if another is None:
                return
            met.add(another)
            yield another
        for server in sorted(self._since, key=lambda each: (load_of(each), self._since[each])):
            if server not in met and server in self._since:
                yield server

    def _best_other(self, met: set[Candidate]) -> Candidate | None:
        heap, since, aside = self._heap, self._since, []
        found = None
        while heap and found is None:
            entry = heap[0]
            if since.get(entry[2]) != entry[1]:
                heappop(heap)
            elif entry[2] in met:
                aside.append(heappop(heap))
            else:
                found = entry[2]
        for entry in aside:
            heappush(heap, entry)
        return found
