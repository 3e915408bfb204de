"""The declaration of an option: a dataclass field that knows how it is written and what it is for.

From these declarations come the parsing, the did-you-mean lists and the reference page. Knows no single option.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Generic, Protocol, TypeVar

from twisted_relay.config.words import BadValue, Fault, Text, Value, Word, parse_lines, parse_words, quoted

T = TypeVar("T")

_AMOUNT = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:[A-Za-z]+|%))+")


@dataclass(frozen=True, slots=True)
class Parser(Generic[T]):
    """How a value is read, how it is written again, and the words for it on the reference page."""

    kind: str
    read: Callable[[Value], T]
    """Raises `BadValue`."""
    show: Callable[[T], str]
    refers_to: str = ""
    """The kind of section that a value names, if it names one."""


class AnyParser(Protocol):
    """A parser of whatever type."""

    @property
    def kind(self) -> str: ...
    @property
    def refers_to(self) -> str: ...
    @property
    def read(self) -> Callable[[Value], object]: ...


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a section."""

    key: str
    parser: AnyParser
    doc: str
    example: str
    """A value as it may stand in a file, or the same without its continuation lines' indentation."""
    default: str
    """As it would be written; empty when there is none."""
    required: bool


def option(parser: Parser[T], default: T, doc: str, example: str) -> T:
    """A dataclass field for an option that may be left out."""
    shown = parser.show(default)
    made: T = field(default=default, metadata={"option": Option("", parser, doc, example, shown, False)})
    return made


def required(parser: Parser[T], empty: T, doc: str, example: str) -> T:
    """A dataclass field for an option that must be given; `empty` only serves objects that no file made."""
    made: T = field(default=empty, metadata={"option": Option("", parser, doc, example, "", True)})
    return made


def options_of(section: type) -> dict[str, Option]:
    """The options that a section's dataclass declares, in their order; that of the field `for_` is called `for`."""
    found: dict[str, Option] = {}
    for each in fields(section):
        declared = each.metadata.get("option")
        if isinstance(declared, Option):
            key = each.name.removesuffix("_")
            found[key] = Option(
                key, declared.parser, declared.doc, declared.example, declared.default, declared.required
            )
    return found


def one_word(kind: str, parse: Callable[[str], T], show: Callable[[T], str] = str) -> Parser[T]:
    """A value of exactly one word."""

    def read(value: Value) -> T:
        words = value.words()
        if len(words) > 1 and (whole := _without_spaces(words, parse)):
            raise BadValue(
                Fault(f"takes one word; {quoted(words[1].text)} is too much", f"write {whole}", words[1].span)
            )
        return parse_words([the_word(value)], parse)[0]

    return Parser(kind, read, show)


def _without_spaces(words: list[Word], parse: Callable[[str], T]) -> str:
    """`2s` for a number and its unit that stand apart, if that is valid; else an empty text."""
    whole = "".join(word.text for word in words)
    if not _AMOUNT.fullmatch(whole):
        return ""
    try:
        parse(whole)
    except BadValue:
        return ""
    return whole


def one_line(kind: str, parse: Callable[[Text], T], show: Callable[[T], str]) -> Parser[T]:
    """A value of several words on one line."""

    def read(value: Value) -> T:
        first, *others = value.items()
        if others:
            raise BadValue(Fault(f"takes one line; {quoted(others[0].text)} is too much", span=others[0].span))
        return parse_lines([first], parse)[0]

    return Parser(kind, read, show)


def word_list(kind: str, parse: Callable[[str], T], show: Callable[[T], str] = str) -> Parser[tuple[T, ...]]:
    """A value of one or more words, on any number of lines."""
    return Parser(kind, lambda value: parse_words(value.words(), parse), show_list(show, " "))


def line_list(kind: str, parse: Callable[[Text], T], show: Callable[[T], str]) -> Parser[tuple[T, ...]]:
    """A value of one or more lines, each an item."""
    return Parser(kind, lambda value: parse_lines(value.items(), parse), show_list(show, "\n"))


def show_list(show: Callable[[T], str], separator: str) -> Callable[[tuple[T, ...]], str]:
    """How a list is written."""
    return lambda items: separator.join(show(item) for item in items)


def the_word(value: Value) -> Word:
    """The only word of a value; raises `BadValue` when there are more."""
    first, *others = value.words()
    if others:
        raise BadValue(Fault(f"takes one word; {quoted(others[0].text)} is too much", span=others[0].span))
    return first
