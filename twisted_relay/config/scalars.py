"""Parsers of values that are one word: times, sizes, counts, booleans, choices, names of sections, paths, texts.

Times need a unit because a bare number means milliseconds to some and seconds to others; sizes are powers of 1024.
"""

import itertools
import os
import re
from collections.abc import Callable
from decimal import Decimal

from twisted_relay.config.option import Parser, one_word, word_list
from twisted_relay.config.words import BadValue, Fault, Value, not_valid, quoted

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
"""Milliseconds, longest first: the order in which they may follow each other."""
_TIME = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,3})?(?:ms|[dhms]))+")
_TIME_PART = re.compile(r"([0-9.]+)(ms|[dhms])")
_BARE_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_LONGEST_TIME = 3650 * 86_400.0
TIME_HELP = "write a time with a unit, such as 500ms, 10s, 5m or 1h30m"

_SIZE = re.compile(r"([0-9]{1,16})(?:([kKmMgG])(?:iB)?)?")
_DECIMAL_SIZE = re.compile(r"([0-9]{1,16})([kKmMgG])[bB]")
_POWERS = {"k": 1024, "m": 1024**2, "g": 1024**3}
_LARGEST_SIZE = 1024**5
SIZE_HELP = "write a size such as 512, 8k, 10M or 1G (powers of 1024)"

_BOOLEANS = {"on": True, "off": False, "yes": True, "no": False, "true": True, "false": False}
_COUNT = re.compile(r"[0-9]{1,10}")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")

MOST = 1_000_000_000
"""The largest count."""


def parse_time(text: str) -> float:
    """Seconds of `500ms`, `10s`, `5m`, `1h30m`, `7d` or `0`."""
    if text == "0":
        return 0.0
    if _BARE_NUMBER.fullmatch(text):
        raise not_valid(text, f"{TIME_HELP} ({text}s or {text}ms?)")
    if not _TIME.fullmatch(text):
        raise not_valid(text, TIME_HELP)
    total, order = Decimal(0), list(_UNITS)
    for number, unit in _TIME_PART.findall(text):
        if unit not in order:
            raise not_valid(text, "write the longer unit first, and each unit once, as in 1h30m")
        del order[: order.index(unit) + 1]
        total += Decimal(number) * _UNITS[unit]
    seconds = float(total / 1000)
    if seconds > _LONGEST_TIME:
        raise not_valid(text, "the longest time is 3650d")
    return seconds


def show_time(seconds: float) -> str:
    """A time as it is written: `1h30m`."""
    left, parts = round(seconds * 1000), []
    for unit, milliseconds in _UNITS.items():
        count, left = divmod(left, milliseconds)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0"


def _parse_positive_time(text: str) -> float:
    seconds = parse_time(text)
    if seconds < 0.001:
        raise not_valid(text, "this time must be at least 1ms")
    return seconds


ANY_TIME = one_word("time", parse_time, show_time)
"""A time that may be 0."""
TIME = one_word("time", _parse_positive_time, show_time)


def parse_size(text: str) -> int:
    """Bytes of `512`, `8k`, `10M`, `1G` or `10MiB`."""
    if match := _DECIMAL_SIZE.fullmatch(text):
        number, unit = match[1], "k" if match[2] in "kK" else match[2].upper()
        raise not_valid(
            text, f"{text} means two things; write {number}{unit} or {number}{unit.upper()}iB (powers of 1024)"
        )
    match = _SIZE.fullmatch(text)
    if not match:
        raise not_valid(text, SIZE_HELP)
    size = int(match[1]) * _POWERS.get((match[2] or "").lower(), 1)
    if size > _LARGEST_SIZE:
        raise not_valid(text, f"the largest size is {show_size(_LARGEST_SIZE)}")
    return size


def show_size(size: int) -> str:
    """A size as it is written: `8k`."""
    for unit, power in (("G", 1024**3), ("M", 1024**2), ("k", 1024)):
        if size and size % power == 0:
            return f"{size // power}{unit}"
    return str(size)


SIZE = one_word("size", parse_size, show_size)


def size_between(least: int, most: int) -> Parser[int]:
    """A size within bounds, both allowed."""

    def parse(text: str) -> int:
        size = parse_size(text)
        if not least <= size <= most:
            raise not_valid(text, f"write a size from {show_size(least)} to {show_size(most)}")
        return size

    return one_word("size", parse, show_size)


def count(least: int = 0, most: int = MOST) -> Parser[int]:
    """A whole number within bounds, both allowed."""

    def parse(text: str) -> int:
        if not _COUNT.fullmatch(text) or not least <= int(text) <= most:
            raise not_valid(text, f"write a whole number from {least} to {most}")
        return int(text)

    return one_word("number", parse)


def _parse_count_or_off(text: str) -> int:
    if text == "off":
        return 0
    if not _COUNT.fullmatch(text) or not 0 < int(text) <= MOST_NAMES:
        raise not_valid(text, f"write a whole number from 1 to {MOST_NAMES}, or off")
    return int(text)


MOST_NAMES = 10_000
COUNT_OR_OFF = one_word("number, or `off`", _parse_count_or_off, lambda number: str(number or "off"))
"""How many names are kept; 0 is `off`."""


def parse_port(text: str) -> int:
    """A port of TCP."""
    if not _COUNT.fullmatch(text) or not 0 < int(text) < 65536:
        raise not_valid(text, "a port is a number from 1 to 65535")
    return int(text)


def _parse_boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise not_valid(text, "write on or off (yes, no, true and false are understood too)") from None


BOOLEAN = one_word("on or off", _parse_boolean, lambda flag: "on" if flag else "off")


def percent(most: int) -> Parser[float]:
    """A percentage up to this one, as a fraction of 1: `10%` is 0.1."""

    def parse(text: str) -> float:
        number = text.removesuffix("%")
        if text == number or not _NUMBER.fullmatch(number) or float(number) > most:
            raise not_valid(text, f"write a percentage from 0% to {most}%")
        return float(number) / 100

    return one_word("percentage", parse, lambda fraction: f"{fraction * 100:g}%")


PERCENT = percent(50)


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            listed = ", ".join(names[:-1]) + " or " + names[-1] if len(names) > 1 else names[0]
            raise not_valid(text, f"write {listed}")
        return text

    return parse


def choice(*names: str) -> Parser[str]:
    """One of these words."""
    return one_word(" or ".join(f"`{name}`" for name in names), _one_of(names))


def words_of(*names: str) -> Parser[tuple[str, ...]]:
    """One or more of these words, each once."""
    listed = word_list(", ".join(f"`{name}`" for name in names), _one_of(names))
    return Parser(listed.kind, lambda value: tuple(dict.fromkeys(listed.read(value))), listed.show)


def _parse_mode(text: str) -> int:
    if not re.fullmatch(r"0?[0-7]{3}", text):
        raise not_valid(text, "write file permissions in octal, such as 0660")
    return int(text, 8)


MODE = one_word("file permissions in octal", _parse_mode, lambda mode: f"{mode:04o}")


def _parse_buckets(value: Value) -> tuple[float, ...]:
    words = value.words()
    for word in words:
        if not _NUMBER.fullmatch(word.text) or not float(word.text):
            raise BadValue(
                Fault(f"{quoted(word.text)} is not valid", "write seconds as plain numbers: 0.005 0.1 1", word.span)
            )
    for one, other in itertools.pairwise(words):
        if float(other.text) <= float(one.text):
            raise BadValue(Fault(f"{quoted(other.text)} does not rise", "write each bound once, rising", other.span))
    return tuple(float(word.text) for word in words)


BUCKETS: Parser[tuple[float, ...]] = Parser(
    "rising numbers of seconds", _parse_buckets, lambda bounds: " ".join(f"{bound:g}" for bound in bounds)
)


def _parse_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise not_valid(text, "a name has letters, digits, dots, dashes and underscores")
    return text


def reference(kind: str) -> Parser[str]:
    """The name of one section."""
    named = one_word(f"name of a [{kind}:] section", _parse_name)
    return Parser(named.kind, named.read, named.show, kind)


def reference_or_off(kind: str) -> Parser[str]:
    """The name of one section, or `off`, which is the empty text."""
    named = one_word(f"name of a [{kind}:] section, or `off`", lambda text: "" if text == "off" else _parse_name(text))
    return Parser(named.kind, named.read, lambda name: name or "off", kind)


def references(kind: str) -> Parser[tuple[str, ...]]:
    """The names of one or more sections."""
    named = word_list(f"names of [{kind}:] sections", _parse_name)
    return Parser(named.kind, named.read, named.show, kind)


WORDS = word_list("words", str)


def absolute(path: str, file: str) -> str:
    """A path as it is meant in a configuration file: relative to the folder that the file stands in."""
    return os.path.abspath(os.path.join(os.path.dirname(file), path))


def _read_path(value: Value) -> str:
    first, *others = value.items()
    if others:
        raise BadValue(Fault(f"takes one path; {quoted(others[0].text)} is too much", span=others[0].span))
    return absolute(first.text, value.file)


PATH: Parser[str] = Parser("path", _read_path, str)


def _read_log_target(value: Value) -> str:
    return value.text if value.text in ("stderr", "stdout", "off") else _read_path(value)


LOG_TARGET: Parser[str] = Parser("path, `stderr`, `stdout` or `off`", _read_log_target, str)


def _read_hosts_file(value: Value) -> str:
    return "" if value.text == "off" else _read_path(value)


HOSTS_FILE: Parser[str] = Parser("path or `off`", _read_hosts_file, lambda path: path or "off")

_ESCAPES = {r"\n": "\n", r"\t": "\t", r"\\": "\\"}


def _read_text(value: Value) -> str:
    return re.sub(r"\\[nt\\]", lambda match: _ESCAPES[match[0]], value.text.strip("\n"))


TEXT: Parser[str] = Parser(
    "text", _read_text, lambda text: text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
)
r"""All lines of the value; `\n`, `\t` and `\\` are understood."""
