"""The parser of `discover`: where the servers of a backend are looked for.

Names are complete, as if a dot followed them: no search domain is added. Nothing is looked up here.
"""

import re
from dataclasses import replace
from functools import partial
from typing import Literal

from twisted_relay.config.addresses import is_host, unbracketed
from twisted_relay.config.option import Parser, one_line
from twisted_relay.config.scalars import absolute, parse_time, show_time
from twisted_relay.config.suggest import did_you_mean
from twisted_relay.config.values import DiscoverSpec
from twisted_relay.config.words import BadValue, Fault, Text, Word, not_valid, quoted

DISCOVER_HELP = "write dns+a://NAME:PORT, dns+srv://_http._tcp.NAME or file:PATH"
EVERY_DNS = 30.0
EVERY_FILE = 2.0
"""Seconds between two looks when nothing else is said: the longest for DNS, where answers say how long they hold."""
SHORTEST_EVERY = {"dns+a": 1.0, "dns+srv": 1.0, "file": 0.1}
MOST_SERVERS = 1000
LARGEST_MOST = 10_000
_LONGEST_LABEL = 63
_NUMBERS = re.compile(r"[0-9.]+")
_COUNT = re.compile(r"[0-9]{1,5}")

Schemes = dict[str, Literal["http", "https", "socks5"]]
_SCHEMES: Schemes = {"scheme=http": "http", "scheme=https": "https"}
_OF_PROXIES: Schemes = {**_SCHEMES, "scheme=socks5": "socks5"}
_FAMILIES: dict[str, Literal["any", "ipv4", "ipv6"]] = {
    "family=any": "any",
    "family=ipv4": "ipv4",
    "family=ipv6": "ipv6",
}
PARAMETERS = {
    "dns+a": ("every", "max", "scheme", "family"),
    "dns+srv": ("every", "max", "scheme", "family"),
    "file": ("every", "max"),
}
"""What may follow each kind of place."""


def _parse_name(text: str) -> str:
    """A name of the DNS in lower case, without the dot at its end."""
    name = text.removesuffix(".")
    if unbracketed(name) or (_NUMBERS.fullmatch(name) and is_host(name)):
        raise not_valid(text, "an address needs no looking up: write it in servers")
    if not is_host(name) or any(len(label) > _LONGEST_LABEL for label in name.split(".")):
        raise not_valid(text, f"write a name such as api.internal; {DISCOVER_HELP}")
    return name.lower()


def _parse_place(word: Word, file: str) -> DiscoverSpec:
    """The first word, with the defaults of its kind."""
    text = word.text
    if text.startswith("file:"):
        path = text.removeprefix("file:")
        if not path or path.endswith("/"):
            raise not_valid(text, "write the path of a file, such as file:/etc/relay/servers.txt")
        return DiscoverSpec("file", absolute(path, file), every=EVERY_FILE)
    kind, _, rest = text.partition("://")
    if kind not in ("dns+a", "dns+srv") or not rest:
        raise not_valid(text, (rest and did_you_mean(kind, PARAMETERS)) or DISCOVER_HELP)
    name, colon, port = rest.rpartition(":")
    if kind == "dns+srv":
        if colon and _COUNT.fullmatch(port):
            raise not_valid(text, "SRV records say the ports: write the name only")
        return DiscoverSpec("dns+srv", _parse_name(rest))
    if not colon:
        raise not_valid(text, f"write the port of the servers too: dns+a://{rest}:8080")
    if not _COUNT.fullmatch(port) or not 0 < int(port) < 65536:
        raise not_valid(text, "a port is a number from 1 to 65535")
    return DiscoverSpec("dns+a", _parse_name(name), int(port))


def _parse_every(text: str, shortest: float) -> float:
    seconds = parse_time(text)
    if seconds < shortest:
        raise not_valid(text, f"this time must be at least {show_time(shortest)}")
    return seconds


def _parse_most(text: str) -> int:
    if not _COUNT.fullmatch(text) or not 0 < int(text) <= LARGEST_MOST:
        raise not_valid(text, f"write max=N with N from 1 to {LARGEST_MOST}")
    return int(text)


def _with(spec: DiscoverSpec, word: Word) -> DiscoverSpec:
    """A place with one more word."""
    schemes = _OF_PROXIES if spec.proxies else _SCHEMES
    key, mark, text = word.text.partition("=")
    known = PARAMETERS[spec.kind]
    if not mark or key not in known:
        hint = did_you_mean(key, known) or "after the place may stand " + ", ".join(f"{each}=" for each in known)
        raise not_valid(word.text, hint)
    if key == "every":
        return replace(spec, every=_parse_every(text, SHORTEST_EVERY[spec.kind]))
    if key == "max":
        return replace(spec, most=_parse_most(text))
    if word.text in schemes:
        return replace(spec, scheme=schemes[word.text])
    if word.text in _FAMILIES:
        return replace(spec, family=_FAMILIES[word.text])
    known_values = schemes if key == "scheme" else _FAMILIES
    raise not_valid(word.text, "write one of " + ", ".join(known_values))


def _parse(line: Text, *, proxies: bool = False) -> DiscoverSpec:
    place, *others = line.words()
    spec, faults, seen = replace(_parse_first(place, line.file), proxies=proxies), list[Fault](), set[str]()
    for word in others:
        key = word.text.partition("=")[0]
        if key in seen:
            faults.append(Fault(f"{quoted(key)} stands a second time", span=word.span))
        seen.add(key)
        try:
            spec = _with(spec, word)
        except BadValue as bad:
            faults.extend(bad.at(word.span))
    if faults:
        raise BadValue(*faults)
    return spec


def _parse_first(place: Word, file: str) -> DiscoverSpec:
    try:
        return _parse_place(place, file)
    except BadValue as bad:
        raise BadValue(*bad.at(place.span)) from None


def show_place(spec: DiscoverSpec) -> str:
    """Where servers are looked for, without what follows it."""
    if spec.kind == "file":
        return f"file:{spec.name}"
    return f"{spec.kind}://{spec.name}" + (f":{spec.port}" if spec.port else "")


def show_discover(spec: DiscoverSpec | None) -> str:
    """A place as it is written, with what is not the default."""
    if spec is None:
        return ""
    usual = EVERY_FILE if spec.kind == "file" else EVERY_DNS
    parts = [show_place(spec)]
    parts += [f"every={show_time(spec.every)}"] * (spec.every != usual)
    parts += [f"max={spec.most}"] * (spec.most != MOST_SERVERS)
    parts += [f"scheme={spec.scheme}"] * (spec.scheme != "http")
    parts += [f"family={spec.family}"] * (spec.family != "any")
    return " ".join(parts)


DISCOVER: Parser[DiscoverSpec | None] = one_line("place where servers are looked for", _parse, show_discover)
DISCOVER_PROXIES: Parser[DiscoverSpec | None] = one_line(
    "place where proxies are looked for", partial(_parse, proxies=True), show_discover
)
