"""Maglev hashing (Eisenbud and others, NSDI 2016, §3.4): a table in which every server has its part, as even as can be.

Every server fills the table by a permutation of its own, one entry at its turn, until no entry is empty. A server that
goes leaves its entries to the others, and a few entries of others change hands, about as many again. With weights, a
server of weight w has its turns w times as often.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from heapq import heapreplace
from itertools import cycle, islice
from typing import Self

from twisted_relay.balancing.by_key import Weighted
from twisted_relay.balancing.keys import key_hash
from twisted_relay.balancing.policy import Candidate

ENTRIES = 65537
"""A prime, the paper's smaller one. It does not depend on how many servers there are: another size moves all keys."""
TRIES = 20
"""Entries that are looked at for one key when their servers are out."""


def permutation_of(name: str, size: int) -> tuple[int, int]:
    """Offset and skip of a server: its i-th choice is the entry (offset + i · skip) modulo the size."""
    digest = blake2b(name.encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big") % size, int.from_bytes(digest[8:], "big") % (size - 1) + 1


def turns_of(weights: Sequence[int]) -> Iterator[int]:
    """The places of the servers in the order of their turns, without end: a server of weight w has its k-th turn at
    k/w."""
    if len(set(weights)) == 1:
        yield from cycle(range(len(weights)))
    turns = [(0.0, place, 0) for place in range(len(weights))]
    while True:
        _, place, count = turns[0]
        yield place
        heapreplace(turns, ((count + 1) / weights[place], place, count + 1))


def fill(permutations: Sequence[tuple[int, int]], turns: Iterator[int], size: int) -> list[int]:
    """The table: the place of the server that has each entry. `size` is a prime."""
    table = [-1] * size
    choices = [offset for offset, _ in permutations]
    skips = [skip for _, skip in permutations]
    for place in islice(turns, size):
        entry, skip = choices[place], skips[place]
        while table[entry] >= 0:
            entry += skip
            if entry >= size:
                entry -= size
        table[entry] = place
        choices[place] = entry
    return table


class Maglev:
    """Map keys by Maglev's table."""

    def __init__(self) -> None:
        self._members: Sequence[Weighted] = ()
        self._servers: list[Candidate] = []
        self._table: list[int] = []

    def __deepcopy__(self, memo: object) -> Self:
        """Itself: to ask changes nothing that anyone could see."""
        return self

    def become(self, members: Sequence[Weighted]) -> None:
        """See `KeyMap`. The table is filled when it is first asked for: a file's servers come one by one."""
        self._members = members
        self._table = []

    def _fill(self) -> None:
        """In the order of names, so that relays agree whose files list the servers in another order."""
        members = sorted(self._members, key=lambda member: member[0].name)
        self._servers = [server for server, _ in members]
        permutations = [permutation_of(server.name, ENTRIES) for server in self._servers]
        self._table = fill(permutations, turns_of([weight for _, weight in members]), ENTRIES)

    def ranked(self, key: bytes) -> Iterator[Candidate]:
        """See `KeyMap`: the server of the key's entry, then those of further entries by hashing again."""
        if not self._members:
            return
        if not self._table:
            self._fill()
        servers, table = self._servers, self._table
        number = key_hash(key)
        for _ in range(TRIES):
            yield servers[table[number % ENTRIES]]
            number = key_hash(number.to_bytes(8, "big"))
