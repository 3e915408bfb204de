"""Whose turn it is among servers with shares, without asking every server.

`SmoothTurns` gives nginx's order exactly. Servers of one share gain the same at every choice, so among them the order
is settled: whoever is richest stays so until chosen. It is enough to compare the richest of each different share.
Their number is small unless many servers are started slowly or every one has a weight of its own; then
`EvenTurns` takes servers earliest deadline first, which needs no comparison of all shares: each server still gets
exactly its part and its turns are evenly spread, only the order in which different servers alternate is another.
"""

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush, heapreplace
from typing import Protocol

from twisted_relay.balancing.policy import Candidate

MOST_SHARES = 16
"""With more different shares than this, turns are taken by deadlines."""


class Turns(Protocol):
    """The order of turns; a turn that is taken is paid for."""

    def take(self) -> Candidate:
        """The server whose turn it is; there must be one."""

    def take_other(self, met: set[Candidate]) -> Candidate | None:
        """The same among those that are not in `met`, as if these were not there; None if there are no others."""

    def credits(self) -> Mapping[Candidate, float]:
        """What each server is ahead of its average, in parts of a whole round: who has most is next."""


def turns_of(servers: Sequence[Candidate], before: Turns) -> Turns:
    """The turns of these servers, which go on where those before have stopped."""
    shares = {server.share for server in servers}
    if len(shares) > MOST_SHARES:
        return EvenTurns(servers, before.credits())
    if len(shares) <= 1 and before is not NO_SERVERS:
        return SmoothTurns(servers, _rotated(servers, before.credits()))
    if isinstance(before, SmoothTurns):
        return SmoothTurns(servers, before.owned())
    total = sum(server.share for server in servers)
    return SmoothTurns(servers, {server: round(credit * total) for server, credit in before.credits().items()})


def _rotated(servers: Sequence[Candidate], credits: Mapping[Candidate, float]) -> dict[Candidate, int]:
    """Credits of equals, of which only the order counts: they go on as in the middle of a plain rotation."""
    richest_first = sorted(servers, key=lambda server: -credits.get(server, 0.0))
    middle = len(servers) // 2
    return {server: (middle - rank) * server.share for rank, server in enumerate(richest_first)}


class _Class:
    """The servers of one share."""

    __slots__ = ("gained", "queue", "share")

    def __init__(self, share: int) -> None:
        self.share = share
        self.gained = 0
        """What each of them has gained since the beginning."""
        self.queue: list[tuple[int, int, Candidate]] = []
        """(what it has paid, its place in the file, the server): a heap, so the richest comes first. Entries with
        another sum than `SmoothTurns` knows are old."""


class SmoothTurns:
    """nginx's order. The credit of a server is what its class has gained, less what it has paid."""

    def __init__(self, servers: Sequence[Candidate], owned: Mapping[Candidate, int]) -> None:
        """`owned` has the credits to begin with; who is not in it has none."""
        self._paid = {server: -owned.get(server, 0) for server in servers}
        self._places = {server: place for place, server in enumerate(servers)}
        self._total = sum(server.share for server in servers)
        classes = {server.share: _Class(server.share) for server in servers}
        self._class_of = {server: classes[server.share] for server in servers}
        for place, server in enumerate(servers):
            classes[server.share].queue.append((self._paid[server], place, server))
        self._classes = list(classes.values())
        for each in self._classes:
            heapify(each.queue)

    def owned(self) -> dict[Candidate, int]:
        """The credits, in shares."""
        return {server: self._class_of[server].gained - paid for server, paid in self._paid.items()}

    def credits(self) -> dict[Candidate, float]:
        """See `Turns`."""
        return {server: credit / self._total for server, credit in self.owned().items()}

    def take(self) -> Candidate:
        """See `Turns`."""
        best = self._classes[0]
        if len(self._classes) == 1:
            best.gained += best.share
        else:
            most, first = -1 << 62, 0
            for each in self._classes:
                each.gained += each.share
                paid, place, _ = each.queue[0]
                credit = each.gained - paid
                if credit > most or (credit == most and place < first):
                    best, most, first = each, credit, place
        queue = best.queue
        paid, place, server = queue[0]
        self._paid[server] = paid = paid + self._total
        heapreplace(queue, (paid, place, server))
        paid, place, following = queue[0]
        if paid != self._paid[following]:
            self._tidy(best)
        return server

    def _tidy(self, of: _Class) -> None:
        """Drop old entries, so that the first one is true."""
        queue, known = of.queue, self._paid
        while queue[0][0] != known[queue[0][2]]:
            heappop(queue)

    def take_other(self, met: set[Candidate]) -> Candidate | None:
        """See `Turns`."""
        here = [server for server in met if server in self._paid]
        total = self._total - sum(self._class_of[server].share for server in here)
        if not total:
            return None
        for server in here:  # those that are not there gain nothing: they pay what their class gains
            self._charge(server, self._class_of[server].share)
        best: tuple[int, int] | None = None
        chosen: Candidate | None = None
        for each in self._classes:
            each.gained += each.share
            entry = self._richest(each, met)
            if entry is not None and (best is None or (entry[0] - each.gained, entry[1]) < best):
                best, chosen = (entry[0] - each.gained, entry[1]), entry[2]
        assert chosen is not None
        self._charge(chosen, total)
        for each in self._classes:
            self._tidy(each)
        return chosen

    def _charge(self, server: Candidate, sum_: int) -> None:
        self._paid[server] += sum_
        heappush(self._class_of[server].queue, (self._paid[server], self._places[server], server))

    def _richest(self, of: _Class, met: set[Candidate]) -> tuple[int, int, Candidate] | None:
        """The best entry of a class whose server is not in `met`; old entries on the way are dropped."""
        queue, aside = of.queue, []
        while queue and (queue[0][0] != self._paid[queue[0][2]] or queue[0][2] in met):
            entry = heappop(queue)
            if entry[0] == self._paid[entry[2]]:
                aside.append(entry)
        found = queue[0] if queue else None
        for entry in aside:
            heappush(queue, entry)
        return found


class EvenTurns:
    """Earliest deadline first. In its own time, a server of share s has a turn every 1/s."""

    def __init__(self, servers: Sequence[Candidate], credits: Mapping[Candidate, float]) -> None:
        """`credits` say how near each server's turn is to begin with; who is not in it is in the middle."""
        self._time = 0.0
        self._queue = [
            ((0.5 - credits.get(server, 0.0)) / server.share, place, server, server.share)
            for place, server in enumerate(servers)
        ]
        heapify(self._queue)

    def credits(self) -> dict[Candidate, float]:
        """See `Turns`."""
        return {server: 0.5 - (due - self._time) * share for due, _, server, share in self._queue}

    def take(self) -> Candidate:
        """See `Turns`."""
        due, place, server, share = self._queue[0]
        self._time = due
        heapreplace(self._queue, (due + 1.0 / share, place, server, share))
        return server

    def take_other(self, met: set[Candidate]) -> Candidate | None:
        """See `Turns`."""
        queue, aside = self._queue, []
        while queue and queue[0][2] in met:
            aside.append(heappop(queue))
        found = self.take() if queue else None
        for entry in aside:
            heappush(queue, entry)
        return found


NO_SERVERS: Turns = SmoothTurns((), {})
"""Nobody's turn."""
