"""Rendezvous hashing (highest random weight; Thaler and Ravishankar 1998): every server has a score for a key, the
highest wins. A server that comes takes its part of every other's keys and no key moves otherwise; one that goes leaves
its keys to all others, in proportion to their weights. Weighted as by Schindelhauer and Schomaker: −w / ln(u).

Scores of a thousand servers cannot be computed for each request. Keys are hashed into `SLOTS` slots, and what is
remembered is the head of each slot's ranking. It is made when the slot is first asked for, and kept right when servers
come and go: one that has gone is taken out, and one that has come is compared with those remembered, when the slot is
next asked for. So after a change no slot is ranked anew, unless all that was remembered of it has gone.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from math import log

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
_MASK = (1 << 64) - 1


class _Entry:
    """A member: the number that stands for its name, and its weight."""

    __slots__ = ("number", "server", "weight")

    def __init__(self, server: Candidate, weight: int) -> None:
        self.server = server
        self.weight = weight
        self.number = _odd(server.name.encode())

    def score(self, factor: int) -> float:
        """The score in the slot of this factor, below 0; the highest wins. 53 bits of a multiplicative hash are the
        u of −w / ln(u), of which the reciprocal is taken."""
        return log(((self.number * factor & _MASK) >> 11 | 1) * 2.0**-53) / self.weight


def _odd(name: bytes) -> int:
    """64 bits, the last of them set, so that multiplying by it loses nothing."""
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big") | 1


class _Slot:
    """The best servers of a slot, best first, as of a number of changes."""

    __slots__ = ("best", "changes")

    def __init__(self, best: list[_Entry], changes: int) -> None:
        self.best = best
        self.changes = changes


class Rendezvous:
    """Map keys by rendezvous hashing."""

    def __init__(self) -> None:
        self._entries: dict[Weighted, _Entry] = {}
        self._slots: dict[int, _Slot] = {}
        self._changes = 0
        """How many there were."""
        self._classes: list[tuple[list[int], list[_Entry]]] = []
        """The entries of each weight, with their numbers."""
        self._last: list[tuple[_Entry | None, _Entry | None]] = []
        """The last of them: (who has gone, who has come)."""

    def become(self, members: Sequence[Weighted]) -> None:
        """See `KeyMap`."""
        before = self._entries
        self._entries = {member: before.get(member) or _Entry(*member) for member in members}
        classes: dict[int, list[_Entry]] = {}
        for entry in self._entries.values():
            classes.setdefault(entry.weight, []).append(entry)
        self._classes = [([entry.number for entry in each], each) for each in classes.values()]
        gone = [entry for member, entry in before.items() if member not in self._entries]
        come = [entry for member, entry in self._entries.items() if member not in before]
        for entry in gone:
            self._last.append((entry, None))
        for entry in come:
            self._last.append((None, entry))
        self._changes += len(gone) + len(come)
        del self._last[:-_MOST_CHANGES]
        if len(gone) + len(come) > _MOST_CHANGES:
            self._slots.clear()

    def ranked(self, key: bytes) -> Iterator[Candidate]:
        """See `KeyMap`."""
        number = key_hash(key) >> _SHIFT
        slot = self._slots.get(number)
        if slot is None or slot.changes != self._changes:
            slot = self._repaired(number, slot)
        best = slot.best
        place = 0
        while place < len(best) or len(best := self._rank(number, place)) > place:
            yield best[place].server
            place += 1

    def _repaired(self, number: int, slot: _Slot | None) -> _Slot:
        """A slot as it is after all changes; the old one may still be read by an exchange."""
        missed = self._changes - slot.changes if slot is not None else 0
        best: list[_Entry] = []
        if slot is not None and missed <= len(self._last):
            best = slot.best.copy()
            factor = _odd(b"%d" % number)
            for gone, come in self._last[-missed:]:
                if gone in best:
                    best.remove(gone)
                elif come is not None:
                    _insert(best, come, factor)
        slot = self._slots[number] = _Slot(best[:_MOST_REMEMBERED], self._changes)
        return slot

    def _rank(self, number: int, known: int) -> list[_Entry]:
        """Remember more of a slot's ranking than is known; nothing when that is enough already."""
        if known >= _MOST_REMEMBERED:
            return []
        factor = _odd(b"%d" % number)
        if known:
            entries, count = list(self._entries.values()), 2 * known + _REMEMBERED
        else:
            entries, count = self._best_of_classes(factor), _REMEMBERED
        entries.sort(key=lambda entry: entry.score(factor), reverse=True)
        best = entries[:count]
        self._slots[number] = _Slot(best, self._changes)
        return best

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
