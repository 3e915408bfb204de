"""The parser of `lockout`: after how many failures in what time nobody may try any more."""

import re

from twisted_relay.config.option import Parser, one_line
from twisted_relay.config.scalars import parse_time, show_time
from twisted_relay.config.values import LockoutSpec
from twisted_relay.config.words import Text, not_valid

LOCKOUT_HELP = "write off, or how many failures in what time: 10 failures in 5m"
MOST_FAILURES = 1000
"""As many times are remembered for each user and address."""

_FAILURES = re.compile(r"([0-9]{1,6})[ \t]+failures?[ \t]+in[ \t]+([^ \t]+)")


def _parse(line: Text) -> LockoutSpec | None:
    if line.text == "off":
        return None
    match = _FAILURES.fullmatch(line.text)
    if match is None:
        raise not_valid(line.text, LOCKOUT_HELP)
    failures, window = int(match[1]), parse_time(match[2])
    if not 1 <= failures <= MOST_FAILURES:
        raise not_valid(match[1], f"write a number of failures from 1 to {MOST_FAILURES}")
    if window < 1.0:
        raise not_valid(match[2], "the time must be at least 1s")
    return LockoutSpec(failures, window)


def show_lockout(spec: LockoutSpec | None) -> str:
    """The lock-out as it is written."""
    return "off" if spec is None else f"{spec.failures} failures in {show_time(spec.window)}"


LOCKOUT: Parser[LockoutSpec | None] = one_line("N failures in TIME, or `off`", _parse, show_lockout)
