"""Parsers of what browsers are told by a PAC file: the proxies that they may take, and what they reach without one.

proxy.example.org:3128    https://proxy.example.org:3129    socks5://[2001:db8::1]:1080    direct
local    private    intra.example.org    .corp.example.org    10.20.0.0/16    off
"""

import re
from typing import get_args

from twisted_relay.config.addresses import is_host, unbracketed
from twisted_relay.config.destinations import HELP, PORTS_HELP, parse_destination, show_destination
from twisted_relay.config.option import Parser, word_list
from twisted_relay.config.values import Address, AllowedDestination, PacDirect, PacKind, PacProxy
from twisted_relay.config.words import BadValue, Fault, Value, not_valid, quoted

_PROXY = re.compile(
    r"(?:(?P<kind>[a-z0-9]+)://)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:/@]*):(?P<port>[0-9]{1,5})", re.IGNORECASE
)
PROXY_HELP = "write HOST:PORT, http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT; direct may stand last"
DIRECT_HELP = "write local, private, names such as .corp.example.org, and networks such as 10.20.0.0/16; or off"
WORDS = ("local", "private")
"""What stands for more than one name or network."""


def parse_pac_proxy(text: str) -> PacProxy:
    """`proxy.example.org:3128`, `socks5://[2001:db8::1]:1080`, `direct`."""
    if text == "direct":
        return PacProxy("direct")
    match = _PROXY.fullmatch(text)
    kind = (match["kind"] or "").lower() if match else "?"
    if match is None or kind not in get_args(PacKind) or kind == "direct":
        raise not_valid(text, PROXY_HELP)
    host, port = match["host"].lower().removesuffix("."), int(match["port"])
    literal = unbracketed(host)
    if (literal is None and not is_host(host)) or not 0 < port < 65536:
        raise not_valid(text, PROXY_HELP)
    return PacProxy(kind, Address(literal or host, port))  # type: ignore[arg-type]


def show_pac_proxy(proxy: PacProxy) -> str:
    """A proxy as it is written."""
    if proxy.kind == "direct":
        return "direct"
    return f"{proxy.kind}://{proxy.address}" if proxy.kind else str(proxy.address)


_PROXY_WORDS = word_list("proxies", parse_pac_proxy, show_pac_proxy)


def _read_proxies(value: Value) -> tuple[PacProxy, ...]:
    words, proxies = value.words(), _PROXY_WORDS.read(value)
    for word, proxy in zip(words[:-1], proxies, strict=False):
        if proxy.kind == "direct":
            raise BadValue(Fault("direct always works: what stands behind it is never tried", PROXY_HELP, word.span))
    if proxies[0].kind == "direct":
        raise BadValue(Fault("direct alone names no proxy", PROXY_HELP, words[0].span))
    return proxies


PAC_PROXIES: Parser[tuple[PacProxy, ...]] = Parser(_PROXY_WORDS.kind, _read_proxies, _PROXY_WORDS.show)


def _parse_direct(text: str) -> PacDirect:
    if text in WORDS:
        return text
    try:
        parsed = parse_destination(text)
    except BadValue as bad:
        if bad.faults[0].help not in (HELP, PORTS_HELP):
            raise
        raise not_valid(text, DIRECT_HELP) from None
    if parsed.ports:
        raise not_valid(text, "browsers ask by host: leave the port out")
    return parsed


def _show_direct(direct: PacDirect) -> str:
    return show_destination(direct) if isinstance(direct, AllowedDestination) else direct


_DIRECT_WORDS = word_list("names and networks", _parse_direct, _show_direct)


def _read_direct(value: Value) -> tuple[PacDirect, ...]:
    words = value.words()
    for word in words:
        if word.text == "off":
            if len(words) > 1:
                raise BadValue(Fault(f"{quoted(word.text)} must stand alone", span=word.span))
            return ()
    return _DIRECT_WORDS.read(value)


PAC_DIRECT: Parser[tuple[PacDirect, ...]] = Parser(
    "names and networks, `local`, `private`, or `off`", _read_direct, lambda value: _DIRECT_WORDS.show(value) or "off"
)
