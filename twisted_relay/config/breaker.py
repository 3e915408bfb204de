"""The parser of `breaker`: what share of failed requests closes a backend to further ones for a while."""

import re

from twisted_relay.config.option import Parser, one_line
from twisted_relay.config.scalars import MOST, parse_time, show_time
from twisted_relay.config.settings import Settings, with_settings
from twisted_relay.config.values import BreakerSpec
from twisted_relay.config.words import Text, not_valid, parse_words

BREAKER_HELP = "write off, or a share of failed requests in a time: 50% errors in 10s, then perhaps min=20"
SETTINGS_HELP = "after the time may stand min=NUMBER, status=500,502-504 and slow=TIME"

_STATUSES = re.compile(r"([45][0-9]{2})(?:-([45][0-9]{2}))?")


def _parse_share(text: str) -> float:
    """A fraction above 0 of `1%` to `100%`."""
    number = text.removesuffix("%")
    if text == number or not re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{1,3})?", number) or not 0 < float(number) <= 100:
        raise not_valid(text, "write a percentage above 0%, up to 100%")
    return float(number) / 100


def _parse_seconds(text: str) -> float:
    """A time that is not 0."""
    seconds = parse_time(text)
    if not seconds:
        raise not_valid(text, "this time must be at least 1ms")
    return seconds


def _parse_least(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= MOST:
        raise not_valid(text, f"write a whole number from 1 to {MOST}")
    return int(text)


def _parse_statuses(text: str) -> tuple[tuple[int, int], ...]:
    matches = [_STATUSES.fullmatch(part) for part in text.split(",")]
    ranges = tuple((int(match[1]), int(match[2] or match[1])) for match in matches if match)
    if len(ranges) < len(matches) or any(low > high for low, high in ranges):
        raise not_valid(text, "write status codes of errors, from 400 on: status=500,502-504")
    return ranges


_SETTINGS: Settings = {
    "min": ("requests", _parse_least),
    "status": ("statuses", _parse_statuses),
    "slow": ("slow", _parse_seconds),
}


def _parse(line: Text) -> BreakerSpec | None:
    if line.text == "off":
        return None
    words = line.words()
    if [word.text for word in words[1:3]] != ["errors", "in"] or len(words) < 4:
        raise not_valid(line.text, BREAKER_HELP)
    share, window = parse_words(words[:1], _parse_share)[0], parse_words(words[3:4], _parse_seconds)[0]
    return with_settings(BreakerSpec(share, window), words[4:], _SETTINGS, SETTINGS_HELP)


def show_breaker(spec: BreakerSpec | None) -> str:
    """A breaker as it is written."""
    if spec is None:
        return "off"
    statuses = ",".join(str(low) if low == high else f"{low}-{high}" for low, high in spec.statuses)
    slow = f" slow={show_time(spec.slow)}" if spec.slow else ""
    window = show_time(spec.window)
    return f"{spec.share * 100:g}% errors in {window} min={spec.requests} status={statuses}{slow}"


BREAKER: Parser[BreakerSpec | None] = one_line("N% errors in TIME, or `off`", _parse, show_breaker)
