"""A consistent ring: every server has points on a circle, and a key belongs to the first point after it.

The construction is nginx's (`hash KEY consistent`), which is that of Cache::Memcached::Fast: `POINTS` points for each
unit of weight; the first is the CRC-32 of host, a zero octet, port and four zero octets; each further one has the point
before it in place of these, least octet first. A key is found by its CRC-32. So keys go to the servers that nginx would
give them to, where a server has no other name than its address.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Self
from zlib import crc32

from twisted_relay.balancing.by_key import Weighted
from twisted_relay.balancing.policy import Candidate

POINTS = 160
"""For each unit of weight."""
MOST_POINTS = 1 << 18
"""On a ring, about. With more units of weight than there is room for, each has fewer points, or several have one; each
server has one at least."""
MOST_STEPS = 1 << 10
"""Points that are passed over for one key; then the servers come in another order."""

_BITS = 20


def points_of(name: str, count: int) -> list[int]:
    """The first points of a server."""
    host, port = _parts(name)
    base = crc32(host + b"\0" + port)
    points = []
    point = 0
    for _ in range(count):
        point = crc32(point.to_bytes(4, "little"), base)
        points.append(point)
    return points


def _parts(name: str) -> tuple[bytes, bytes]:
    """Host and port as nginx takes them from a server's name: without a port, all of it is the host."""
    if name.startswith("unix:"):
        return name.removeprefix("unix:").encode(), b""
    host, colon, port = name.rpartition(":")
    return (host.encode(), port.encode()) if colon and port.isdigit() else (name.encode(), b"")


class Ketama:
    """Map keys by a ring."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[Candidate, int], int] = {}
        """(server, how many points it has): the number that stands for it in `_ring`."""
        self._servers: dict[int, Candidate] = {}
        self._ring: list[int] = []
        """Points in rising order; below each, in `_BITS` bits, the number of its server."""

    def __deepcopy__(self, memo: object) -> Self:
        """Itself: to ask changes nothing that anyone could see."""
        return self

    def become(self, members: Sequence[Weighted]) -> None:
        """See `KeyMap`. Only points of servers that have come or gone are touched."""
        units = sum(weight for _, weight in members)
        each = min(POINTS, MOST_POINTS // units) if units else 0
        wanted = {
            (server, weight * each if each else max(min(1, weight), weight * MOST_POINTS // units)): 0
            for server, weight in members
        }
        gone = {number for owner, number in self._numbers.items() if owner not in wanted}
        mask = (1 << _BITS) - 1
        ring = [point for point in self._ring if point & mask not in gone]  # the old one may still be walked
        free = iter(sorted(set(range(len(wanted) + len(self._numbers))) - (set(self._servers) - gone)))
        for owner in wanted:
            number = self._numbers.get(owner)
            if number is None:
                number = next(free)
                ring += [point << _BITS | number for point in points_of(owner[0].name, owner[1])]
            wanted[owner] = number
        ring.sort()
        self._ring = ring
        self._numbers = wanted
        self._servers = {number: owner[0] for owner, number in wanted.items()}

    def ranked(self, key: bytes) -> Iterator[Candidate]:
        """See `KeyMap`: the servers around the circle."""
        ring, servers = self._ring, self._servers
        mask = (1 << _BITS) - 1
        start = bisect_left(ring, crc32(key) << _BITS)
        size = len(ring)
        for place in range(start, start + min(size, MOST_STEPS)):
            yield servers[ring[place - size if place >= size else place] & mask]
