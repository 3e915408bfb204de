"""Requests of one key to one server: the policies `hash`, `ip-hash` and `maglev`.

A `KeyMap` knows all members, whatever their state, and orders them for a key; what is not usable is passed over at
the choice. So an outage moves only the keys of the servers that are out, they come back when these do, and nothing is
built anew. Shares do not count here: a key must not move because a server is young.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from twisted_relay.balancing.bound import Bound
from twisted_relay.balancing.group import Group
from twisted_relay.balancing.keys import ReadKey, key_hash
from twisted_relay.balancing.policy import Candidate, Policy
from twisted_relay.exchange import Exchange

Weighted = tuple[Candidate, int]
"""A member and its weight."""


class KeyMap(Protocol):
    """Maps keys to servers so that few keys move when a server comes or goes."""

    def become(self, members: Sequence[Weighted]) -> None:
        """From now on it is these: some have come or gone, or have another weight."""

    def ranked(self, key: bytes) -> Iterator[Candidate]:
        """The members for a key, best first. It may end early, and name a member again."""


class ByKey:
    """A policy that maps keys. Requests without a key go where another policy says."""

    def __init__(self, key_map: KeyMap, read: ReadKey, bound: float, fallback: Policy) -> None:
        """`bound` is what `Bound` takes, 0.0 for none."""
        self._map = key_map
        self._read = read
        self._fallback = fallback
        self._bound = Bound(bound) if bound else None
        self._group = Group()
        self._members: list[Weighted] = []
        self.on_load: Callable[[Candidate, int], None] | None = self._moved if bound else fallback.on_load
        self.on_answer: Callable[[Candidate, float], None] | None = fallback.on_answer

    def update(self, members: Sequence[Candidate], usable: Sequence[Candidate]) -> None:
        """See `Policy`."""
        self._group.become(usable)
        self._fallback.update(members, usable)
        if self._bound is not None:
            self._bound.become(usable)
        weighted = [(server, server.weight) for server in members]
        if weighted != self._members:
            self._members = weighted
            self._map.become(weighted)

    def _moved(self, server: Candidate, change: int) -> None:
        if self._bound is not None:
            self._bound.in_flight += change
        if self._fallback.on_load is not None:
            self._fallback.on_load(server, change)

    def candidates(self, exchange: Exchange) -> Iterator[Candidate]:
        """See `Policy`. A retry takes the server that would have the key without those before."""
        key = self._read(exchange)
        if not key:
            return self._fallback.candidates(exchange)
        return self._ranked(key) if self._bound is None else self._bounded(key, self._bound)

    def _ranked(self, key: bytes) -> Iterator[Candidate]:
        group = self._group
        met: set[Candidate] = set()
        for server in self._map.ranked(key):
            if server in group.places and server not in met:
                met.add(server)
                yield server
        if group.servers:
            yield from group.others(met, key_hash(key) % len(group.servers))

    def _bounded(self, key: bytes, bound: Bound) -> Iterator[Candidate]:
        """Those with a free slot first, then the others, each in the order of the map."""
        full: list[Candidate] = []
        for server in self._ranked(key):
            if bound.has_slot(server):
                yield server
            else:
                full.append(server)
        yield from (server for server in full if server in self._group.places)
