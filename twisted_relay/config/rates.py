"""How fast octets may go, as it is written: `10MB/s` or `80Mbit/s`.

Both are in use, and a bare `10M` means either: so bytes or bits must be said. Prefixes are powers of 1000, as networks
count; `MiB` is a power of 1024.
"""

import re

from twisted_relay.config.option import one_word
from twisted_relay.config.words import not_valid

_RATE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,3})?)([kKMGT]?)(i?)(B|bit)/s")
_AMBIGUOUS = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kKmMgGtT]?)(?:[bB]|bps|Bps|b/s|bits?)?(?:/s)?")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}
LEAST = 1000
MOST = 10**12
RATE_HELP = "write bytes or bits per second, such as 500kB/s, 10MB/s or 80Mbit/s"


def parse_rate(text: str) -> int:
    """Octets per second of `10MB/s`, `80Mbit/s`, `8MiB/s`."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise not_valid(text, _meant(text))
    number, prefix, binary, unit = match.groups()
    if binary and not prefix:
        raise not_valid(text, RATE_HELP)
    rate = round(float(number) * float((1024 if binary else 1000) ** _POWERS[prefix]) / (8 if unit == "bit" else 1))
    if not LEAST <= rate <= MOST:
        raise not_valid(text, f"write a rate from {show_rate(LEAST)} to {show_rate(MOST)}")
    return rate


def _meant(text: str) -> str:
    """What is asked back where bytes or bits are not said."""
    match = _AMBIGUOUS.fullmatch(text)
    if match is None:
        return RATE_HELP
    number, prefix = match[1], "k" if match[2] in ("k", "K") else match[2].upper()
    return f"bytes or bits? write {number}{prefix}B/s or {number}{prefix}bit/s"


def show_rate(rate: int) -> str:
    """A rate as it is written: `10MB/s`."""
    for prefix, power in (("T", 4), ("G", 3), ("M", 2), ("k", 1)):
        if rate and rate % 1000**power == 0:
            return f"{rate // 1000**power}{prefix}B/s"
    return f"{rate}B/s"


def _parse_rate_or_off(text: str) -> int:
    return 0 if text == "off" else parse_rate(text)


RATE_OR_OFF = one_word("rate, or `off`", _parse_rate_or_off, lambda rate: show_rate(rate) if rate else "off")
"""Octets per second; 0 is `off`."""
