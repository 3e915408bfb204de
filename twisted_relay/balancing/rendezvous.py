"""Rendezvous hashing (highest random weight; Thaler and Ravishankar 1998): every server has a score for a key, the
highest wins. A server that comes takes its part of every other's keys and no key moves otherwise; one that goes leaves
its keys to all others, in proportion to their weights. Weighted as by Schindelhauer and Schomaker: −w / ln(u).

Scores of a thousand servers cannot be computed for each request. Keys are hashed into `SLOTS` slots, and what is
remembered is the head of each slot's ranking. It is made when the slot is first asked for, and kept right when servers
come and go: one that has gone is taken out, and one that has come is compared with those remembered, when the slot is
next asked for. So after a change no slot is ranked anew, unless all that was remembered of it has gone.
"""

from array import array
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from math import log
from typing import Self

from twisted_relay.balancing.by_key import Weighted
from twisted_relay.balancing.keys import key_hash
from twisted_relay.balancing.policy import Candidate

SLOTS = 1 << 16
_SHIFT = 64 - 16
_REMEMBERED = 2
"""Servers of a ranking that are computed at first; more when these are not usable."""
_MOST_REMEMBERED = 32
"""Of a slot. Whose first 32 servers are all out finds another one, but not by its score."""
_MOST_CHANGES = 64
"""Changes of the members that are kept; a slot that has missed more is ranked anew."""
_FEW = 32
"""Of so few servers equal rankings are kept once, for a relay with many backends."""
_MASK = (1 << 64) - 1


class _Entry:
    """A member: the number that stands for its name, and its weight."""

    __slots__ = ("number", "server", "weight")

    def __init__(self, server: Candidate, weight: int) -> None:
        self.server = server
        self.weight = weight
        self.number = _odd(server.name.encode())

    def score(self, factor: int) -> float:
        """The score in the slot of this factor, below 0; the highest wins. It is ln(u) / w, which orders as −w / ln(u)
        does; u is 53 bits of a multiplicative hash."""
        return log(((self.number * factor & _MASK) >> 11 | 1) * 2.0**-53) / self.weight


def _odd(name: bytes) -> int:
    """64 bits, the last of them set, so that multiplying by it loses nothing."""
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big") | 1


_Ranking = tuple[_Entry, ...]
"""The best servers of a slot, best first; how many follow is not known."""


class Rendezvous:
    """Map keys by rendezvous hashing."""

    def __init__(self) -> None:
        self._entries: dict[Weighted, _Entry] = {}
        self._classes: list[tuple[list[int], list[_Entry]]] = []
        """The entries of each weight, with their numbers."""
        self._slots: list[_Ranking] = []
        """What is known of each slot; none before the first key comes."""
        self._as_of = array("Q")
        """How many changes of the members each of them has seen."""
        self._shared: dict[_Ranking, _Ranking] = {}
        """Few servers have few rankings: each is kept once."""
        self._changes = 0
        """How many there were."""
        self._last: list[tuple[_Entry | None, _Entry | None]] = []
        """The last of them: (who has gone, who has come)."""

    def __deepcopy__(self, memo: object) -> Self:
        """Itself: to ask changes nothing that anyone could see."""
        return self

    def become(self, members: Sequence[Weighted]) -> None:
        """See `KeyMap`."""
        before = self._entries
        self._entries = {member: before.get(member) or _Entry(*member) for member in members}
        classes: dict[int, list[_Entry]] = {}
        for entry in self._entries.values():
            classes.setdefault(entry.weight, []).append(entry)
        self._classes = [([entry.number for entry in each], each) for each in classes.values()]
        self._shared = {}
        gone = [entry for member, entry in before.items() if member not in self._entries]
        come = [entry for member, entry in self._entries.items() if member not in before]
        self._last += [(entry, None) for entry in gone]
        self._last += [(None, entry) for entry in come]
        self._changes += len(gone) + len(come)
        if len(gone) + len(come) > _MOST_CHANGES:
            self._slots = []  # nearly all of it would be of no use
        del self._last[:-_MOST_CHANGES]

    def ranked(self, key: bytes) -> Iterator[Candidate]:
        """See `KeyMap`."""
        slot = key_hash(key) >> _SHIFT
        if not self._slots:
            self._slots = [()] * SLOTS
            self._as_of = array("Q", [self._changes]) * SLOTS
        if self._as_of[slot] != self._changes:
            self._repair(slot)
        best = self._slots[slot]
        place = 0
        while place < len(best) or len(best := self._rank(slot, place)) > place:
            yield best[place].server
            place += 1

    def _repair(self, slot: int) -> None:
        """Make good for a slot what has changed since it was last asked for."""
        missed = self._changes - self._as_of[slot]
        best: list[_Entry] = []
        if missed <= len(self._last):
            best += self._slots[slot]
            factor = _odd(b"%d" % slot)
            for gone, come in self._last[-missed:]:
                if gone in best:
                    best.remove(gone)
                elif come is not None:
                    _insert(best, come, factor)
        self._keep(slot, best[:_MOST_REMEMBERED])

    def _keep(self, slot: int, best: list[_Entry]) -> _Ranking:
        ranking = tuple(best)
        if len(self._entries) <= _FEW:
            ranking = self._shared.setdefault(ranking, ranking)
        self._slots[slot] = ranking
        self._as_of[slot] = self._changes
        return ranking

    def _rank(self, slot: int, known: int) -> _Ranking:
        """Learn more of a slot's ranking than is known; nothing when that is enough already."""
        if known >= min(_MOST_REMEMBERED, len(self._entries)):
            return ()
        factor = _odd(b"%d" % slot)
        if known:
            entries, count = list(self._entries.values()), 2 * known + _REMEMBERED
        else:
            entries, count = self._best_of_classes(factor), _REMEMBERED
        entries.sort(key=lambda entry: entry.score(factor), reverse=True)
        return self._keep(slot, entries[:count])

    def _best_of_classes(self, factor: int) -> list[_Entry]:
        """The best `_REMEMBERED` of each weight: among equals the numbers can be compared without a logarithm."""
        found = []
        for numbers, entries in self._classes:
            scores = [number * factor & _MASK for number in numbers]
            for _ in range(min(_REMEMBERED, len(scores))):
                place = scores.index(max(scores))
                scores[place] = -1
                found.append(entries[place])
        return found


def _insert(best: list[_Entry], come: _Entry, factor: int) -> None:
    """Put a server where its score belongs, if that is before the last one: what comes after it is not known."""
    score = come.score(factor)
    for place, entry in enumerate(best):
        if score > entry.score(factor):
            best.insert(place, come)
            return
