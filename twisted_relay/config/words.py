"""Text with its place: what the reader hands to the parsers of values, so that every fault can be pointed at.

Knows nothing of options, sections or values. Only space and tab separate words.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from twisted_relay.config.values import Location
from twisted_relay.errors import ConfigurationError

T = TypeVar("T")

_WORD = re.compile(r"[^ \t]+")
_LOOKS_LIKE_OPTION = re.compile(r"[a-z][a-z0-9_]*[ \t]+=(?:[ \t]|$)")
_LOOKS_LIKE_SECTION = re.compile(r"\[[a-z]+(?::[A-Za-z0-9_.-]+)?\]")


@dataclass(frozen=True, slots=True)
class Span:
    """Some characters of one line; line and column count from 1, line 0 means the file as a whole."""

    file: str
    line: int
    column: int
    width: int = 1

    @property
    def location(self) -> Location:
        return Location(self.file, self.line, self.column)


@dataclass(frozen=True, slots=True)
class Word:
    """A word and the place where it, or the variable it came from, stands."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Text:
    """One line of a value. `columns[i]` is the column of character i in the file, with one more entry for the end."""

    text: str
    file: str
    line: int
    columns: Sequence[int]

    @classmethod
    def plain(cls, text: str, start: Span) -> "Text":
        """A text that stands in the file exactly so, from this place on."""
        return cls(text, start.file, start.line, range(start.column, start.column + len(text) + 1))

    def part(self, start: int, end: int) -> Word:
        """The characters from `start` up to `end` as a word."""
        column = self.columns[start]
        return Word(self.text[start:end], Span(self.file, self.line, column, max(1, self.columns[end] - column)))

    @property
    def span(self) -> Span:
        return self.part(0, len(self.text)).span

    def words(self) -> list[Word]:
        return [self.part(*match.span()) for match in _WORD.finditer(self.text)]

    @property
    def looks_like_option(self) -> bool:
        """Whether this would be an option if it began in the first column."""
        return _LOOKS_LIKE_OPTION.match(self.text) is not None

    @property
    def looks_like_section(self) -> bool:
        """Whether this would be a section header if it began in the first column."""
        return _LOOKS_LIKE_SECTION.fullmatch(self.text) is not None


@dataclass(frozen=True, slots=True)
class Value:
    """An option as it is written, variables replaced: the key and the lines of its value."""

    key: Word
    lines: tuple[Text, ...]

    @property
    def file(self) -> str:
        return self.key.span.file

    @property
    def span(self) -> Span:
        """The first line that holds anything, or the key."""
        return next((line.span for line in self.lines if line.text), self.key.span)

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)

    def words(self) -> list[Word]:
        return [word for line in self.lines for word in line.words()]

    def items(self) -> list[Text]:
        """The lines that hold anything."""
        return [line for line in self.lines if line.text]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a value, and what would be right. Without a span it is the whole word or line."""

    message: str
    help: str = ""
    span: Span | None = None
    code: str = "bad-value"


class BadValue(ConfigurationError):
    """A value that its parser refuses, for one reason or several."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = faults

    def at(self, span: Span) -> tuple[Fault, ...]:
        """The faults; those that name no place are put here."""
        return tuple(
            fault if fault.span else Fault(fault.message, fault.help, span, fault.code) for fault in self.faults
        )


def quoted(text: str) -> str:
    """Text of the file as a message shows it: on one line and not too long."""
    shown = text if len(text) <= 60 else text[:57] + "..."
    return '"' + "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in shown) + '"'


def not_valid(text: str, hint: str) -> BadValue:
    """The usual refusal; the hint says how to write it."""
    return BadValue(Fault(f"{quoted(text)} is not valid", hint))


def parse_words(words: Iterable[Word], parse: Callable[[str], T]) -> tuple[T, ...]:
    """Parse every word; raises `BadValue` with the faults of all of them."""
    return _parse_all([(word.text, word.span) for word in words], parse)


def parse_lines(lines: Iterable[Text], parse: Callable[[Text], T]) -> tuple[T, ...]:
    """Parse every line; raises `BadValue` with the faults of all of them."""
    return _parse_all([(line, line.span) for line in lines], parse)


S = TypeVar("S")


def _parse_all(items: Iterable[tuple[S, Span]], parse: Callable[[S], T]) -> tuple[T, ...]:
    parsed: list[T] = []
    faults: list[Fault] = []
    for item, span in items:
        try:
            parsed.append(parse(item))
        except BadValue as bad:
            faults.extend(bad.at(span))
    if faults:
        raise BadValue(*faults)
    return tuple(parsed)
