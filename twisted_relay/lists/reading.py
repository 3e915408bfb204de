"""Reads the files of a list line by line, counts what is in them, and collects their records."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any

from twisted_relay.lists.formats import BAD, FORMATS, SAMPLE, SKIPPED, recognise
from twisted_relay.lists.name_set import Crowded, Records, Shape
from twisted_relay.lists.unpacking import unpacked

MOST_BAD = 5
"""Bad lines that are remembered."""
LONGEST_LINE = 65536
"""Octets of a line; a longer one is no text."""
_SHOWN = 60
_LOOKED_AT = 20 * SAMPLE
"""Lines in which those are looked for by which a format is known."""


class Unusable(Exception):
    """Files that give no list at all; `reason` is a word for metrics, the text for people."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that its format does not allow."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: cannot be read: {self.text}"


@dataclass(slots=True)
class Read:
    """What stood in the files of a list."""

    lines: int = 0
    bad: int = 0
    skipped: int = 0
    first_bad: list[BadLine] = field(default_factory=list)
    formats: Counter[str] = field(default_factory=Counter)
    """How many files each format was used for."""


class Reader:
    """Reads files into records of what is listed and of what is excepted. `most` is octets of all files together,
    unpacked."""

    def __init__(self, format: str, most: int) -> None:
        self.read = Read()
        self.listed = Records()
        self.excepted = Records()
        self._format = format
        self._left = most
        self._files = 0

    def add(self, path: str) -> None:
        """Read one more file; raises `Unusable`."""
        try:
            with unpacked(path) as file:
                self._add(path, file)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise Unusable("unreadable", f"cannot read {path}: {reason}") from None
        self._files += 1

    def _add(self, path: str, file: IO[bytes]) -> None:
        name = self._format
        if name == "auto":
            name = recognise(islice(_raw(file, self._left), _LOOKED_AT))
            file.seek(0)
        self.read.formats[name] += 1
        parse, number = FORMATS[name], self._files
        for count, line in enumerate(self._lines(path, file), 1):
            text = line.strip().lower()
            if not text:
                continue
            if text[0] == 0xEF and count == 1:
                text = text.removeprefix(b"\xef\xbb\xbf")
            said = parse(text)
            if said.keys:
                records = self.excepted if said.excepted else self.listed
                place = b"%d:%d" % (number, count)
                for key in said.keys:
                    records.add(key, place)
            elif said is BAD:
                self._bad(path, count, text)
            elif said is SKIPPED:
                self.read.skipped += 1

    def _lines(self, path: str, file: IO[bytes]) -> Iterator[bytes]:
        """The lines, as long as they are text and not too many."""
        for line in _raw(file):
            self._left -= len(line)
            if self._left < 0:
                raise Unusable("too_large", f"{path} is longer than max_size allows")
            if b"\0" in line or len(line) == LONGEST_LINE:
                raise Unusable("binary", f"{path} is no text")
            self.read.lines += 1
            yield line

    def _bad(self, path: str, number: int, text: bytes) -> None:
        self.read.bad += 1
        if len(self.read.first_bad) < MOST_BAD:
            self.read.first_bad.append(BadLine(path, number, text[:_SHOWN].decode("utf-8", "replace")))


def _raw(file: IO[bytes], most: int | None = None) -> Iterator[bytes]:
    """Lines, or what is as long as one may be; about `most` octets."""
    while line := file.readline(LONGEST_LINE):
        yield line
        if most is not None:
            most -= len(line)
            if most < 0:
                return


@dataclass(frozen=True, slots=True)
class Report:
    """What a set was made of, and where its two parts lie."""

    listed: Shape
    excepted: Shape
    read: Read
    size: int
    """Octets of the whole."""


def compile_list(files: Sequence[str], format: str, most: int, write: Callable[[bytes], object]) -> Report:
    """Write the sets of what files list and what they except; raises `Unusable`."""
    reader = Reader(format, most)
    for path in files:
        reader.add(path)
    size = 0

    def counted(data: bytes) -> None:
        nonlocal size
        size += len(data)
        write(data)

    try:
        listed = reader.listed.write(counted)
        excepted = reader.excepted.write(counted, size)
    except Crowded as error:
        raise Unusable("crowded", str(error)) from None
    if not listed.count:
        raise Unusable("empty", f"nothing is listed in {', '.join(files)}")
    return Report(listed, excepted, reader.read, size)


def report_as_json(report: Report) -> bytes:
    """A report for `report_of_json`."""
    read = report.read
    shapes = [[getattr(shape, key) for key in Shape.__slots__] for shape in (report.listed, report.excepted)]
    bad = [[each.file, each.line, each.text] for each in read.first_bad]
    return json.dumps([shapes, [read.lines, read.bad, read.skipped, bad, read.formats], report.size]).encode()


def unusable_as_json(error: Unusable) -> bytes:
    """A failure for `report_of_json`."""
    return json.dumps([error.reason, str(error)]).encode()


def report_of_json(data: bytes) -> Report:
    """The report that `report_as_json` wrote; raises `Unusable`, also for what is no report."""
    try:
        return _report(json.loads(data))
    except (ValueError, TypeError):
        raise Unusable("internal", f"the reader of lists ended without a report: {data[:200]!r}") from None


def _report(parts: Sequence[Any]) -> Report:
    if len(parts) == 2:
        raise Unusable(*parts)
    (listed, excepted), (lines, bad, skipped, first_bad, formats), size = parts
    read = Read(lines, bad, skipped, [BadLine(*each) for each in first_bad], Counter(formats))
    return Report(_shape(listed), _shape(excepted), read, size)


def _shape(parts: Sequence[Any]) -> Shape:
    count, bits, filter, table, fewest, lengths = parts
    pairs = tuple((version, length) for version, length in lengths)
    return Shape(count, bits, filter, table, fewest, pairs)
