"""Parsers of what a backend watches: the request of a check, and how many errors take a server out."""

import re

from twisted_relay.config.option import Parser, one_line
from twisted_relay.config.patterns import TOKEN
from twisted_relay.config.scalars import parse_time, show_time
from twisted_relay.config.values import CheckSpec, EjectSpec
from twisted_relay.config.words import BadValue, Fault, Text, Word, not_valid, quoted

CHECK_HELP = "write off, or a request such as GET /health, with status=200-299,401 after it if need be"
EJECT_HELP = "write off, or how many errors in what time: 5 errors in 10s"

_TARGET = re.compile(r"/[\x21\x22\x24-\x7e]*")
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
    ranges = ",".join(str(low) if low == high else f"{low}-{high}" for low, high in check.statuses)
    return f"{check.method} {check.path} status={ranges}"


CHECK: Parser[CheckSpec | None] = one_line("request, or `off`", _parse_check, show_check)


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
