"""A set of names and networks in flat pieces of memory: a million take 40 MB and one look-up one to two microseconds.

The records `\\n.NAME FILE:LINE` stand one after the other in the order of a hash (CRC-32), so that those of one bucket
are neighbours; a table says where each bucket begins. To look a name up is to search one bucket for its text: what is
found was written there, so there are no false positives. A name in the set stands for all names below it too; names are
looked up whole, as most that are listed are written, and then from the last label on. A filter, one octet for each of
four times as many places, says for each part of a name whether it may be in the set, and whether anything below it may
be. So most look-ups end with the second label.
"""

from array import array
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from itertools import accumulate
from mmap import mmap
from typing import TypeAlias
from zlib import crc32

from twisted_relay.lists.normal import key_text, normal_host

Memory: TypeAlias = bytes | mmap

MOST_IN_BUCKET = 16384
"""Octets of one bucket. By chance it has a few hundred; who makes names for one hash on purpose is found out."""
_PARTS = 256
"""The records are put in order in so many parts, one after the other, so that few are objects at a time."""
_FILTER_BITS = 2
"""The filter has two to this power times as many places as there are buckets."""
_HERE = 1
_BELOW = 2
"""What the filter says of a key: it may be in the set, names below it may be."""


class Crowded(Exception):
    """Too many names share one hash."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a set lies in memory, and what need not be looked for in it."""

    count: int
    bits: int
    """There are two to this power buckets."""
    filter: int
    """The offset of the first octet of the filter."""
    table: int
    """That of the table; a multiple of 4."""
    fewest: int
    """The fewest labels of a name."""
    lengths: tuple[tuple[int, int], ...]
    """IP version and prefix length of the networks, the shortest first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What takes a host, and where it was written."""

    text: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.text} ({self.file}:{self.line})"


class NameSet:
    """The set. `files` are the names of the files that records name by their number."""

    __slots__ = ("_files", "_filter", "_further", "_memory", "_shape", "_shift", "_table")

    def __init__(self, memory: Memory, shape: Shape, files: tuple[str, ...] = ()) -> None:
        self._memory = memory
        self._shape = shape
        self._files = files
        view = memoryview(memory)
        self._filter = view[shape.filter : shape.filter + (1 << shape.bits + _FILTER_BITS)]
        self._table = view[shape.table : shape.table + 4 * ((1 << shape.bits) + 1)].cast("I")
        self._shift = 32 - shape.bits - _FILTER_BITS
        self._further = range(shape.fewest - 1)

    def __len__(self) -> int:
        return self._shape.count

    @property
    def has_networks(self) -> bool:
        """Whether addresses can be in it at all."""
        return bool(self._shape.lengths)

    def takes(self, host: str) -> bool:
        """Whether a host is in it, or below a name that is."""
        name = normal_host(host)
        if not name:
            return False
        if name[-1] < 0x3A or b":" in name:
            return self._find(host) is not None
        key = b".%b " % name
        place = crc32(key) >> self._shift
        if self._filter[place] & _HERE and self._has(key, place >> _FILTER_BITS):
            return True
        return self._find_name(key) is not None

    def entry(self, host: str) -> Entry | None:
        """The entry that takes a host, the widest if there are several; None if there is none."""
        key = self._find(host)
        if key is None:
            return None
        bucket = crc32(key) >> self._shift + _FILTER_BITS
        start = self._memory.find(b"\n" + key, self._table[bucket]) + len(key) + 1
        file, _, line = self._memory[start : self._memory.find(b"\n", start)].partition(b":")
        number = int(file)
        return Entry(key_text(key[1:-1]), self._files[number] if number < len(self._files) else "", int(line))

    def _find(self, host: str) -> bytes | None:
        """The key of the record that takes a host, as it stands there."""
        name = normal_host(host)
        if not name:
            return None
        if (name[-1] < 0x3A or b":" in name) and (address := _address(name)) is not None:
            return self._find_address(*address)
        return self._find_name(b".%b " % name)

    def _find_name(self, whole: bytes) -> bytes | None:
        """The same for the key of a name."""
        start = whole.rfind(b".")
        for _ in self._further:
            if not start:
                return None
            start = whole.rfind(b".", 0, start)
        filter, shift = self._filter, self._shift
        while True:
            key = whole[start:]
            place = crc32(key) >> shift
            mark = filter[place]
            if mark & _HERE and self._has(key, place >> _FILTER_BITS):
                return key
            if not mark & _BELOW or not start:
                return None
            start = whole.rfind(b".", 0, start)

    def _has(self, key: bytes, bucket: int) -> bool:
        """Whether a key stands in its bucket: as the beginning of a record, not as the end of a longer name."""
        table = self._table
        return b"\n" + key in self._memory[table[bucket] : table[bucket + 1]]

    def _find_address(self, version: int, number: int) -> bytes | None:
        width = 32 if version == 4 else 128
        for of, length in self._shape.lengths:
            if of == version:
                start = number >> (width - length) << (width - length)
                key = b".%d/%d/%x " % (version, length, start)
                place = crc32(key) >> self._shift
                if self._filter[place] and self._has(key, place >> _FILTER_BITS):
                    return key
        return None


def _address(name: bytes) -> tuple[int, int] | None:
    """IP version and number of an address; None if it is none."""
    try:
        address = ip_address(name.decode("ascii").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return 4, int(address.ipv4_mapped)
    return address.version, int(address)


class Records:
    """Collects the records of a set, and writes it."""

    def __init__(self) -> None:
        self._parts = [bytearray() for _ in range(_PARTS)]
        self._lengths: set[tuple[int, int]] = set()
        self._fewest = LONGEST
        self.added = 0
        """Keys so far, repeated ones too."""

    def add(self, key: bytes, place: bytes) -> None:
        """Add a name or the key of a network, with its place as `FILE:LINE`, the file by its number."""
        key = b".%b " % key
        self._parts[crc32(key) >> 24] += b"\n%b%b" % (key, place)
        self.added += 1
        if b"/" in key:
            version, length, _ = key[1:].split(b"/")
            self._lengths.add((int(version), int(length)))
        elif (labels := key.count(b".")) < self._fewest:
            self._fewest = labels

    def write(self, write: Callable[[bytes], object], offset: int = 0) -> Shape:
        """Hand the octets of the set to `write`, each key once; `offset` is how many were written before.

        Raises `Crowded`.
        """
        bits = max(8, min(28, self.added.bit_length()))
        sizes, chunks, count = array("I", bytes(4 << bits)), list[bytes](), 0
        filter = bytearray(1 << bits + _FILTER_BITS)
        for number, part in enumerate(self._parts):
            self._parts[number] = bytearray()
            chunk, kept = _in_order(bytes(part), sizes)
            chunks.append(chunk)
            count += len(kept)
            self._mark(kept, filter)
        if max(sizes) > MOST_IN_BUCKET:
            raise Crowded(f"{max(sizes)} octets of names share one hash")
        padding = -offset % 4
        start = offset + padding
        at = start + len(filter)
        records = at + 4 * (len(sizes) + 1)
        table = array("I", accumulate(sizes, initial=records)).tobytes()
        write(bytes(padding) + filter + table)
        for chunk in chunks:
            write(chunk)
        write(b"\n")
        lengths = tuple(sorted(self._lengths))
        return Shape(count, bits, start, at, self._fewest, lengths)

    def _mark(self, keys: Iterable[bytes], filter: bytearray) -> None:
        """Enter keys, and what is above them, into the filter."""
        shift = 33 - len(filter).bit_length()
        for name in keys:
            key = name + b" "
            filter[crc32(key) >> shift] |= _HERE
            for _ in range(key.count(b".") - self._fewest):
                key = key[key.index(b".", 1) :]
                filter[crc32(key) >> shift] |= _BELOW


LONGEST = 128
"""More labels than a name can have."""


def _in_order(part: bytes, sizes: "array[int]") -> tuple[bytes, Collection[bytes]]:
    """Records in the order of their hash, each key once (the first), and these keys. The octets of each bucket are
    entered into `sizes`."""
    shift = 33 - len(sizes).bit_length()
    first: dict[bytes, bytes] = {}
    for record in part.split(b"\n")[1:]:
        key, _, _ = record.partition(b" ")
        first.setdefault(key, record)
    hashed = sorted([(crc32(key + b" ") >> shift, record) for key, record in first.items()])
    for bucket, record in hashed:
        sizes[bucket] += len(record) + 1
    return b"".join([b"\n" + record for _, record in hashed]), first.keys()


def set_of(keys: "dict[bytes, bytes]", files: tuple[str, ...] = ()) -> NameSet:
    """A small set, made at once: keys, and their places as in `Records.add`."""
    records, memory = Records(), bytearray()
    for key, place in keys.items():
        records.add(key, place)
    shape = records.write(memory.extend)
    return NameSet(bytes(memory), shape, files)
