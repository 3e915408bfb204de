"""A field section (RFC 9110 §5): the field lines of a message in their order, case and repetition.

The lines are kept as they came, `Name: value` without the line ending, because most of them are forwarded
untouched: nothing is split, copied or joined for a field that nobody asks about. Only the codec and
`forwarding` build sections from outside text; both make sure that every line is well formed.
"""

import re
from collections.abc import Iterable, Iterator

from twisted_relay.errors import InvalidField

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""RFC 9110 §5.6.2; use with `fullmatch`."""

FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
"""RFC 9110 §5.5 with obs-text: no control character but HTAB; use with `fullmatch`."""


class Fields:
    """An ordered list of field lines. Names compare without regard to case; values come trimmed."""

    __slots__ = ("lines",)

    def __init__(self, lines: list[bytes] | None = None) -> None:
        """`lines` are well-formed `Name: value` lines; the list belongs to the new object."""
        self.lines = [] if lines is None else lines

    @classmethod
    def of(cls, pairs: Iterable[tuple[bytes, bytes]]) -> "Fields":
        """A section of (name, value) pairs; raises `InvalidField` for what could not stand on a line."""
        fields = cls()
        for name, value in pairs:
            fields.add(name, value)
        return fields

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        for line in self.lines:
            name, _, value = line.partition(b":")
            yield name, value.strip(b" \t")

    def __len__(self) -> int:
        return len(self.lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fields) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Fields({list(self)!r})"

    def __contains__(self, name: bytes) -> bool:
        return self.get(name) is not None

    def get(self, name: bytes) -> bytes | None:
        """The first value of this name, or None."""
        size = len(name)
        wanted = name.lower()
        for line in self.lines:
            if line[size : size + 1] == b":" and line[:size].lower() == wanted:
                return line[size + 1 :].strip(b" \t")
        return None

    def get_all(self, name: bytes) -> list[bytes]:
        """Every value of this name, in order."""
        size = len(name)
        wanted = name.lower()
        return [
            line[size + 1 :].strip(b" \t")
            for line in self.lines
            if line[size : size + 1] == b":" and line[:size].lower() == wanted
        ]

    def add(self, name: bytes, value: bytes) -> None:
        """Append a line; raises `InvalidField`."""
        if not TOKEN.fullmatch(name) or not FIELD_VALUE.fullmatch(value):
            raise InvalidField(f"not a field line: {name!r}: {value!r}")
        self.lines.append(b"%b: %b" % (name, value))

    def set(self, name: bytes, value: bytes) -> None:
        """Remove every line of this name and append one; raises `InvalidField`."""
        self.remove(name)
        self.add(name, value)

    def remove(self, name: bytes) -> None:
        """Remove every line of this name."""
        size = len(name)
        wanted = name.lower()
        self.lines = [line for line in self.lines if line[size : size + 1] != b":" or line[:size].lower() != wanted]

    def copy(self) -> "Fields":
        """Another section with the same lines."""
        return Fields(self.lines.copy())
