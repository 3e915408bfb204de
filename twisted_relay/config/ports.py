"""Parsers of ports and ranges of them: `443`, `8000-8999`, and where it makes sense `any`."""

from collections.abc import Iterable
from typing import TypeAlias

from twisted_relay.config.option import Parser, show_list
from twisted_relay.config.scalars import parse_port
from twisted_relay.config.words import Value, not_valid, parse_words

PortRange: TypeAlias = tuple[int, int]
"""The lowest and the highest port that are meant."""
ANY: PortRange = (1, 65535)


def parse_ports(text: str) -> PortRange:
    """`443`, `8000-8999`."""
    low, dash, high = text.partition("-")
    first, last = parse_port(low), parse_port(high if dash else low)
    if first > last:
        raise not_valid(text, f"write the lower port first: {last}-{first}")
    return first, last


def _parse_some(text: str) -> PortRange:
    return ANY if text == "any" else parse_ports(text)


def _show(ports: PortRange) -> str:
    low, high = ports
    if ports == ANY:
        return "any"
    return str(low) if low == high else f"{low}-{high}"


def _read(value: Value) -> tuple[PortRange, ...]:
    return parse_words(value.words(), _parse_some)


_show_all = show_list(_show, " ")
PORTS: Parser[tuple[PortRange, ...]] = Parser("ports", _read, _show_all)
"""Ports, ranges and `any`."""
OWN_PORTS: Parser[tuple[PortRange, ...] | None] = Parser(
    "ports", _read, lambda ports: "" if ports is None else _show_all(ports)
)
"""The same; None where nothing is said."""


def has_port(ranges: Iterable[PortRange], port: int) -> bool:
    """Whether a port is in one of the ranges."""
    return any(low <= port <= high for low, high in ranges)
