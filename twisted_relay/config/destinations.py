"""Parser of the exceptions from the guard of a forward proxy: networks and names, with ports or without.

10.20.0.0/16    10.1.2.3:8080    [fd00:1::/32]:443,8000-8099    wiki.example.org:443    .inner.example.org
"""

import re

from twisted_relay.config.addresses import is_host, parse_network, show_network
from twisted_relay.config.option import Parser, word_list
from twisted_relay.config.values import AllowedDestination
from twisted_relay.config.words import not_valid

_IN_BRACKETS = re.compile(r"\[([^\[\]]*)\](?::(.*))?")
_LOOKS_LIKE_NETWORK = re.compile(r"[0-9][0-9./]*|[0-9A-Fa-f:./]*:[0-9A-Fa-f:./]*:[0-9A-Fa-f:./]*")
_ENDS_LIKE_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")

HELP = (
    "write a network such as 10.20.0.0/16, or a name such as wiki.example.org or .example.org, each with :PORT or not"
)
PORTS_HELP = "write ports behind the colon as in :443 or :80,443,8000-8099"


def parse_destination(text: str) -> AllowedDestination:
    """`10.20.0.0/16`, `10.1.2.3:8080`, `[fd00::1]:443`, `wiki.example.org:443`, `.example.org`."""
    if bracketed := _IN_BRACKETS.fullmatch(text):
        place, ports = bracketed[1], bracketed[2]
        if ":" not in place:
            raise not_valid(text, "brackets are for IPv6 addresses with a port, such as [fd00::1]:443")
    elif text.count(":") > 1:
        place, ports = text, None
    else:
        place, colon, rest = text.partition(":")
        ports = rest if colon else None
    given = () if ports is None else _parse_ports(ports, text)
    if _LOOKS_LIKE_NETWORK.fullmatch(place):
        return AllowedDestination(parse_network(place), ports=given)
    return AllowedDestination(None, _parse_name(place, text), given)


def _parse_name(name: str, text: str) -> str:
    name = name.lower().removesuffix(".")
    if name.startswith("*."):
        raise not_valid(text, f"write {name[1:]} for {name[2:]} and all names below it")
    if not name.isascii():
        raise not_valid(text, "write names that are not ASCII as xn--…")
    if not is_host(name.removeprefix(".")) or _ENDS_LIKE_NUMBER.fullmatch(name):
        raise not_valid(text, HELP)
    return name


def _parse_ports(ports: str, text: str) -> tuple[tuple[int, int], ...]:
    found = []
    for part in ports.split(","):
        match = _PORTS.fullmatch(part)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 0 < low <= high < 65536:
            raise not_valid(text, PORTS_HELP)
        found.append((low, high))
    return tuple(found)


def show_destination(allowed: AllowedDestination) -> str:
    """An exception as it is written."""
    place = allowed.name if allowed.network is None else show_network(allowed.network)
    if not allowed.ports:
        return place
    if ":" in place:
        place = f"[{place}]"
    return f"{place}:" + ",".join(str(low) if low == high else f"{low}-{high}" for low, high in allowed.ports)


def allows_everything(allowed: AllowedDestination) -> bool:
    """Whether an exception leaves nothing of the guard for one family of addresses."""
    return allowed.network is not None and allowed.network.prefixlen == 0


DESTINATIONS: Parser[tuple[AllowedDestination, ...]] = word_list(
    "networks and names", parse_destination, show_destination
)
