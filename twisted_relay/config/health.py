"""Parsers of what a backend watches: its check, what the check sends and expects, and how many errors are too many."""

import re

from twisted_relay.config.option import Parser, line_list, one_line
from twisted_relay.config.patterns import TOKEN, compiled
from twisted_relay.config.responses import parse_field_line, show_field_line
from twisted_relay.config.scalars import parse_time, show_time
from twisted_relay.config.values import CheckSpec, CheckWindow, EjectSpec, FieldLine
from twisted_relay.config.words import BadValue, Fault, Text, Word, not_valid, quoted

CHECK_HELP = "write off, tcp, tls, or a request such as GET /health, with status=200-299,401 after it if need be"
WINDOW_HELP = "write off, or how many of the last checks must be good: 3 of 8"
LARGEST_WINDOW = 64
MAX_OCTETS = 4096
"""Octets that a check sends, or looks for."""
EJECT_HELP = "write off, or how many errors in what time: 5 errors in 10s"

_TARGET = re.compile(r"/[\x21\x22\x24-\x7e]*")
_WINDOW = re.compile(r"([0-9]{1,3})[ \t]+of[ \t]+([0-9]{1,3})")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.?))", re.DOTALL)
_ESCAPED = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
_ERRORS = re.compile(r"([0-9]{1,6})[ \t]+errors?[ \t]+in[ \t]+([^ \t]+)")


def _parse_statuses(word: Word) -> tuple[tuple[int, int], ...]:
    ranges: list[tuple[int, int]] = []
    for part in word.text.removeprefix("status=").split(","):
        match = re.fullmatch(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last:
            raise BadValue(
                Fault(f"{quoted(word.text)} is not valid", "write status codes: status=200-299,401", word.span)
            )
        ranges.append((first, last))
    return tuple(ranges)


def _parse_check(line: Text) -> CheckSpec | None:
    if line.text == "off":
        return None
    if line.text in ("tcp", "tls"):
        return CheckSpec(kind="tcp" if line.text == "tcp" else "tls")
    words = line.words()
    if len(words) not in (2, 3) or not TOKEN.fullmatch(words[0].text) or words[0].text != words[0].text.upper():
        raise not_valid(line.text, CHECK_HELP)
    if not _TARGET.fullmatch(words[1].text):
        raise BadValue(Fault(f"{quoted(words[1].text)} is not valid", "write a path such as /health", words[1].span))
    if len(words) == 2:
        return CheckSpec(words[0].text, words[1].text)
    if not words[2].text.startswith("status="):
        raise BadValue(Fault(f"{quoted(words[2].text)} is not valid", CHECK_HELP, words[2].span))
    return CheckSpec(words[0].text, words[1].text, _parse_statuses(words[2]))


def show_check(check: CheckSpec | None) -> str:
    """A check as it is written."""
    if check is None:
        return "off"
    if check.kind == "connect":
        return f"connect {check.path}"
    if check.kind != "http":
        return check.kind
    ranges = ",".join(str(low) if low == high else f"{low}-{high}" for low, high in check.statuses)
    return f"{check.method} {check.path} status={ranges}"


CHECK: Parser[CheckSpec | None] = one_line("request, `tcp`, `tls` or `off`", _parse_check, show_check)


def _parse_window(line: Text) -> CheckWindow | None:
    if line.text == "off":
        return None
    match = _WINDOW.fullmatch(line.text)
    if not match:
        raise not_valid(line.text, WINDOW_HELP)
    good, size = int(match[1]), int(match[2])
    if not 1 <= good <= size <= LARGEST_WINDOW:
        raise not_valid(line.text, f"write N of M, where N is 1 to M and M is at most {LARGEST_WINDOW}: 3 of 8")
    return CheckWindow(good, size)


def _show_window(window: CheckWindow | None) -> str:
    return f"{window.good} of {window.size}" if window else "off"


WINDOW: Parser[CheckWindow | None] = one_line("N of M, or `off`", _parse_window, _show_window)


def _parse_check_header(line: Text) -> FieldLine:
    if line.text.partition(":")[0].lower() == "host":
        raise BadValue(Fault(f"{quoted(line.text.partition(':')[0])} cannot be changed", "use check_host"))
    return parse_field_line(line)


CHECK_HEADERS: Parser[tuple[FieldLine, ...]] = line_list("lines of `Name: value`", _parse_check_header, show_field_line)


def _parse_expression(line: Text) -> str:
    compiled(line.text)
    try:
        re.compile(line.text.encode())
    except re.error as error:
        raise BadValue(Fault(f"{quoted(line.text)} is not a regular expression over octets: {error}")) from None
    return line.text


EXPRESSION: Parser[str] = one_line("regular expression", _parse_expression, str)
"""An expression that is matched with octets; text outside ASCII is UTF-8."""


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    if match[2] not in _ESCAPED:
        raise not_valid(match[0], r"known are \r, \n, \t, \0, \\ and \xHH")
    return _ESCAPED[match[2]]


def _parse_octets(line: Text) -> bytes:
    if not line.text.isascii():
        raise not_valid(line.text, r"write octets outside ASCII as \xHH")
    octets = _ESCAPE.sub(_unescaped, line.text).encode("latin-1")
    if len(octets) > MAX_OCTETS:
        raise BadValue(Fault(f"these are {len(octets)} octets", f"write at most {MAX_OCTETS}"))
    return octets


def _show_octets(octets: bytes) -> str:
    return repr(octets)[2:-1].replace("\\'", "'")


OCTETS: Parser[bytes] = one_line("text with `\\r`, `\\n`, `\\xHH`", _parse_octets, _show_octets)
"""Octets as they go over the wire."""


def _parse_eject(line: Text) -> EjectSpec | None:
    if line.text == "off":
        return None
    match = _ERRORS.fullmatch(line.text)
    if not match or not int(match[1]):
        raise not_valid(line.text, EJECT_HELP)
    try:
        window = parse_time(match[2])
    except BadValue as bad:
        raise BadValue(*bad.at(line.part(*match.span(2)).span)) from None
    if not window:
        raise not_valid(line.text, EJECT_HELP)
    return EjectSpec(int(match[1]), window)


def _show_eject(eject: EjectSpec | None) -> str:
    return f"{eject.errors} errors in {show_time(eject.window)}" if eject else "off"


EJECT: Parser[EjectSpec | None] = one_line("N errors in TIME, or `off`", _parse_eject, _show_eject)
