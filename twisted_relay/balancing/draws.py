"""Draws of servers at random, in proportion to their shares."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from twisted_relay.balancing.group import Group
from twisted_relay.balancing.policy import Candidate, Random

TRIES = 20
"""Draws after which one that is wanted is no longer hoped for (nginx's number)."""


class Draws:
    """The usable servers, each of which comes with a chance in proportion to its share. O(log n)."""

    __slots__ = ("_random", "_sums", "_total", "group")

    def __init__(self, random: Random) -> None:
        self.group = Group()
        self._random = random
        self._sums: list[int] = []
        self._total = 0

    def become(self, usable: Sequence[Candidate]) -> None:
        """From now on it is these."""
        self.group.become(usable)
        self._sums = list(accumulate(server.share for server in usable))
        self._total = self._sums[-1] if usable else 0

    def one(self) -> Candidate:
        """One of them; there must be one."""
        return self.group.servers[bisect_right(self._sums, int(self._random() * self._total))]

    def another(self, first: Candidate) -> Candidate:
        """One that is not `first`; there must be two."""
        for _ in range(TRIES):
            second = self.one()
            if second is not first:
                return second
        servers = self.group.servers
        return servers[self.group.places[first] - 1]

    def others(self, met: set[Candidate]) -> Iterator[Candidate]:
        """All that are not in `met`, by chance as long as that finds any, the rest in file order from a random place
        on; each is put in `met`."""
        group = self.group
        tries = 0
        while group.servers and tries < TRIES:
            server = self.one()
            tries += 1
            if server not in met:
                met.add(server)
                tries = 0
                yield server
        yield from group.others(met, int(self._random() * len(group.servers)))
