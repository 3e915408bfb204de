"""A set of names and networks in two flat pieces of memory: a million take 30 MB and one look-up about a microsecond.

The records `\\n.NAME FILE:LINE` stand one after the other in the order of a hash (CRC-32), so that those of one bucket
are neighbours; a table says where each bucket begins. To look a name up is to search one bucket for its text: what is
found was written there, so there are no false positives. A name in the set stands for all names below it too.
"""

from array import array
from collections.abc import Callable
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
_RECORD = 0x0A
"""The octet that begins a record, a newline: none has it inside."""


class Crowded(Exception):
    """Too many names share one hash."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a set lies in memory, and what need not be looked for in it."""

    count: int
    bits: int
    """There are two to this power buckets."""
    table: int
    """The offset of the first octet of the table; a multiple of 4."""
    records: int
    """That of the records, which the table counts from."""
    fewest: int
    """The fewest labels of a name."""
    most: int
    """The most labels of a name."""
    lengths: tuple[tuple[int, int], ...]
    """IP version and prefix length of the networks, the longest first."""


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

    __slots__ = ("_files", "_memory", "_records", "_shape", "_shift", "_table")

    def __init__(self, memory: Memory, shape: Shape, files: tuple[str, ...] = ()) -> None:
        self._memory = memory
        self._shape = shape
        self._files = files
        size = 4 * ((1 << shape.bits) + 1)
        table = memoryview(memory)[shape.table : shape.table + size].cast("I")
        # absolute offsets would need 64 bits or a limit on what stands before
        self._table = table
        self._records = shape.records
        self._shift = 32 - shape.bits

    def __len__(self) -> int:
        return self._shape.count

    @property
    def has_networks(self) -> bool:
        """Whether addresses can be in it at all."""
        return bool(self._shape.lengths)

    def find(self, host: str) -> str | None:
        """The entry that takes a host, the name itself before those above it; None if there is none."""
        found = self._position(host)
        return None if found < 0 else self._text_at(found)

    def entry(self, host: str) -> Entry | None:
        """As `find`, with the place where the entry was written."""
        found = self._position(host)
        if found < 0:
            return None
        start = self._memory.find(b" ", found) + 1
        end = self._memory.find(b"\n", start)
        file, _, line = self._memory[start:end].partition(b":")
        number = int(file)
        return Entry(self._text_at(found), self._files[number] if number < len(self._files) else "", int(line))

    def _position(self, host: str) -> int:
        """Where the key of the record that takes a host begins; -1 if there is none."""
        shape = self._shape
        name = normal_host(host)
        if not name or not shape.count:
            return -1
        if (name[-1] < 0x3A or b":" in name) and (address := _address(name)) is not None:
            return self._position_of_address(*address)
        labels = name.count(b".") + 1
        key = b"." + name + b" "
        while labels > shape.most:
            key = key[key.index(b".", 1) :]
            labels -= 1
        memory, table, records, shift = self._memory, self._table, self._records, self._shift
        while labels >= shape.fewest:
            bucket = crc32(key) >> shift
            end = records + table[bucket + 1]
            found = memory.find(key, records + table[bucket], end)
            while found >= 0:
                if memory[found - 1] == _RECORD:
                    return found + 1
                found = memory.find(key, found + 1, end)  # the end of a longer name
            labels -= 1
            if not labels:
                break
            key = key[key.index(b".", 1) :]
        return -1

    def _position_of_address(self, version: int, number: int) -> int:
        width = 32 if version == 4 else 128
        for of, length in self._shape.lengths:
            if of == version:
                start = number >> (width - length) << (width - length)
                key = b".%d/%d/%x " % (version, length, start)
                bucket = crc32(key) >> self._shift
                first, end = self._records + self._table[bucket], self._records + self._table[bucket + 1]
                found = self._memory.find(key, first, end)
                if found >= 0:
                    return found + 1
        return -1

    def _text_at(self, position: int) -> str:
        return key_text(self._memory[position : self._memory.find(b" ", position)])


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
        self._most = 0
        self.added = 0
        """Keys so far, repeated ones too."""

    def add(self, key: bytes, place: bytes) -> None:
        """Add a name or the key of a network, with its place as `FILE:LINE`, the file by its number."""
        key = b".%b " % key
        self._parts[crc32(key) >> 24] += b"\n%b%b" % (key, place)
        self.added += 1
        labels = key.count(b".")
        if labels > self._most:
            self._most = labels
        if b"/" in key:
            version, length, _ = key[1:].split(b"/")
            self._lengths.add((int(version), int(length)))
        elif labels < self._fewest:
            self._fewest = labels

    def write(self, write: Callable[[bytes], object], offset: int = 0) -> Shape:
        """Hand the octets of the set to `write`, each key once; `offset` is how many were written before.

        Raises `Crowded`.
        """
        bits = max(8, min(28, self.added.bit_length()))
        sizes, chunks, count = array("I", bytes(4 << bits)), list[bytes](), 0
        for number, part in enumerate(self._parts):
            self._parts[number] = bytearray()
            chunk, kept = _in_order(bytes(part), bits, sizes)
            chunks.append(chunk)
            count += kept
        if max(sizes) > MOST_IN_BUCKET:
            raise Crowded(f"{max(sizes)} octets of names share one hash")
        padding = -offset % 4
        table = array("I", accumulate(sizes, initial=0)).tobytes()
        write(bytes(padding) + table)
        for chunk in chunks:
            write(chunk)
        write(b"\n")
        start = offset + padding
        lengths = tuple(sorted(self._lengths, key=lambda pair: (pair[0], -pair[1])))
        return Shape(count, bits, start, start + len(table), self._fewest, self._most, lengths)


LONGEST = 128
"""More labels than a name can have."""


def _in_order(part: bytes, bits: int, sizes: "array[int]") -> tuple[bytes, int]:
    """Records in the order of their hash, each key once (the first), and how many; the octets of each bucket are
    added to `sizes`."""
    shift = 32 - bits
    first: dict[bytes, bytes] = {}
    for record in part.split(b"\n")[1:]:
        key, _, _ = record.partition(b" ")
        first.setdefault(key, record)
    hashed = sorted([(crc32(key + b" ") >> shift, record) for key, record in first.items()])
    for bucket, record in hashed:
        sizes[bucket] += len(record) + 1
    return b"".join([b"\n" + record for _, record in hashed]), len(hashed)


def set_of(keys: "dict[bytes, bytes]", files: tuple[str, ...] = ()) -> NameSet:
    """A small set, made at once: keys, and their places as in `Records.add`."""
    records, memory = Records(), bytearray()
    for key, place in keys.items():
        records.add(key, place)
    shape = records.write(memory.extend)
    return NameSet(bytes(memory), shape, files)
