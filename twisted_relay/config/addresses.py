"""Parsers of addresses: where to bind, networks, host names, and the servers of a backend.

Authorities are as in RFC 3986 §3.2 without userinfo. Names are not resolved here.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv6Address, ip_network

from twisted_relay.config.option import Parser, line_list, one_word, word_list
from twisted_relay.config.settings import none_twice
from twisted_relay.config.values import Address, BindAddress, Network, ServerSpec, UnixAddress
from twisted_relay.config.words import BadValue, Fault, Text, Value, Word, not_valid, parse_lines, quoted

_HOST_AND_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:/@]*):(?P<port>[0-9]{1,5})")
_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*"
)
_SERVER_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_NUMBERS = re.compile(r"[0-9.]+")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!\Z)|\Z)){4}")
_NETWORK = re.compile(r"[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?")
_LONGEST_SOCKET_PATH = 107

BIND_HELP = "write an address such as 127.0.0.1:8080, :80, [::1]:80 or unix:/run/relay.sock"
NETWORK_HELP = "write a network such as 10.0.0.0/8, or an address such as 127.0.0.1 or ::1"
URL_HELP = "write http://HOST[:PORT], https://HOST[:PORT] or unix:/PATH"


def is_host(text: str) -> bool:
    """Whether this is a DNS name or an IPv4 address."""
    if _NUMBERS.fullmatch(text):
        return _IPV4.fullmatch(text) is not None
    return _NAME.fullmatch(text) is not None


def unbracketed(text: str) -> str | None:
    """The address of an IPv6 literal such as `[::1]`; None when it is not one."""
    try:
        return str(IPv6Address(text[1:-1])) if text.startswith("[") and text.endswith("]") else None
    except ValueError:
        return None


def _parse_socket(text: str) -> UnixAddress:
    path = text.removeprefix("unix:")
    if not path.startswith("/") or len(path.encode(errors="replace")) > _LONGEST_SOCKET_PATH:
        raise not_valid(
            text, f"write the absolute path of a socket, at most {_LONGEST_SOCKET_PATH} bytes: unix:/run/x.sock"
        )
    return UnixAddress(path)


def parse_bind(text: str) -> BindAddress:
    """An address to listen on. Port 0 asks the system for a free one."""
    if text.startswith("unix:"):
        return _parse_socket(text)
    match = _HOST_AND_PORT.fullmatch(text)
    if not match:
        port_only = re.fullmatch(r"(?:\*:)?([0-9]{1,5})", text)
        raise not_valid(text, f"write :{port_only[1]} for all interfaces" if port_only else BIND_HELP)
    host, port = match["host"], int(match["port"])
    if port > 65535:
        raise not_valid(text, "a port is at most 65535")
    if host == "*":
        raise not_valid(text, f"write :{port} for all interfaces")
    if host in ("", "localhost") or _IPV4.fullmatch(host):
        return Address(host, port)
    literal = unbracketed(host)
    if literal is None:
        raise not_valid(text, BIND_HELP + "; names are not looked up here, except localhost")
    return Address(literal, port)


BINDS: Parser[tuple[BindAddress, ...]] = word_list("addresses", parse_bind)


def _parse_control_socket(text: str) -> UnixAddress:
    if not text.startswith("unix:"):
        hint = "write unix:/PATH: control is not offered over TCP"
        raise not_valid(text, f"{hint}; metrics and health are, with stats = {text}" if ":" in text else hint)
    return _parse_socket(text)


CONTROL_SOCKET: Parser[UnixAddress | None] = one_word(
    "`unix:/PATH`", _parse_control_socket, lambda address: str(address or "")
)


def parse_network(text: str) -> Network:
    """`10.0.0.0/8`, `::1`."""
    if not _NETWORK.fullmatch(text):
        raise not_valid(text, NETWORK_HELP)
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        raise not_valid(text, NETWORK_HELP) from None
    raise not_valid(text, f"it has bits beyond its prefix; did you mean {meant}?")


def show_network(network: Network) -> str:
    """A network as it is written; single addresses without their prefix length."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


NETWORKS: Parser[tuple[Network, ...]] = word_list("networks", parse_network, show_network)


_MOST_NAMESERVERS = 8


def _parse_nameserver(text: str) -> Address:
    """`10.0.0.2`, `10.0.0.2:5353`, `::1`, `[::1]:5353`."""
    host, port = text, 53
    if match := _HOST_AND_PORT.fullmatch(text):
        host, port = match["host"], int(match["port"])
    literal = host if _IPV4.fullmatch(host) else unbracketed(host) or unbracketed(f"[{host}]")
    if literal is None or not 0 < port < 65536:
        raise not_valid(text, "write an address such as 10.0.0.2, 10.0.0.2:5353 or [2001:db8::1]:53")
    return Address(literal, port)


def _show_nameserver(address: Address) -> str:
    return address.host if address.port == 53 else str(address)


_LISTED_NAMESERVERS = word_list("addresses", _parse_nameserver, _show_nameserver)


def _read_nameservers(value: Value) -> tuple[Address, ...]:
    words = value.words()
    if len(words) > _MOST_NAMESERVERS:
        hint = f"write at most {_MOST_NAMESERVERS}: each that does not answer costs its time"
        raise BadValue(Fault(f"{len(words)} name servers are too many", hint, words[_MOST_NAMESERVERS].span))
    return _LISTED_NAMESERVERS.read(value)


NAMESERVERS: Parser[tuple[Address, ...]] = Parser(_LISTED_NAMESERVERS.kind, _read_nameservers, _LISTED_NAMESERVERS.show)


def parse_authority(text: str) -> str:
    """`name`, `name:port`, `[::1]:port`, given back in lower case."""
    host, port = text, ""
    if match := _HOST_AND_PORT.fullmatch(text):
        host, port = match["host"], match["port"]
    if not (is_host(host) or unbracketed(host)) or int(port or 0) > 65535:
        raise not_valid(text, "write a host name, or name:port")
    return text.lower()


AUTHORITY = one_word("name[:port]", parse_authority)


def parse_host_and_port(text: str) -> Address:
    """`name:port`, `10.0.0.1:443`, `[::1]:443`."""
    match = _HOST_AND_PORT.fullmatch(text)
    host = match["host"] if match else ""
    literal = unbracketed(host)
    if not match or not (literal or is_host(host)) or not 0 < int(match["port"]) < 65536:
        raise not_valid(text, "write HOST:PORT, such as www.example.org:443")
    return Address(literal or host.lower(), int(match["port"]))


def _parse_host_choice(text: str) -> str:
    return text if text in ("preserve", "backend") else parse_authority(text)


HOST_CHOICE = one_word("`preserve`, `backend` or name[:port]", _parse_host_choice)


def _parse_name(text: str) -> str:
    if not is_host(text):
        raise not_valid(text, "write a host name such as shop.example.org")
    return text.lower()


HOST_NAME = one_word("host name", _parse_name)


def _is_url(text: str) -> bool:
    return "://" in text or text.startswith("unix:")


def parse_url(text: str) -> ServerSpec:
    """A server from its URL alone, named after the address as it is written."""
    if text.startswith("unix:"):
        return ServerSpec(text, "http", _parse_socket(text))
    scheme, mark, authority = text.partition("://")
    if scheme not in ("http", "https") or not mark:
        raise not_valid(text, URL_HELP)
    for sign, reason in (("@", "no user or password"), ("/", "no path"), ("?", "no query"), ("#", "no fragment")):
        if sign in authority:
            raise not_valid(text, f"{URL_HELP}; a server's URL has {reason}")
    match = _HOST_AND_PORT.fullmatch(authority)
    host, port = (match["host"], int(match["port"])) if match else (authority, 443 if scheme == "https" else 80)
    literal = unbracketed(host)
    if literal is None and not is_host(host):
        raise not_valid(text, URL_HELP)
    if not 0 < port < 65536:
        raise not_valid(text, "a port is a number from 1 to 65535")
    return ServerSpec(authority, "https" if scheme == "https" else "http", Address(literal or host.lower(), port))


_AMOUNTS = {"weight": (0, 256), "tier": (1, 99), "max_connections": (0, 1_000_000), "max_requests": (0, 1_000_000)}
"""What may be set behind the URL of a server: the least and the most."""
_PARAMETERS_HELP = "after the URL of a server may stand backup, " + ", ".join(f"{name}=N" for name in _AMOUNTS)


def _parse_amount(word: Word) -> tuple[str, int]:
    name, _, digits = word.text.partition("=")
    if name not in _AMOUNTS:
        raise BadValue(Fault(f"{quoted(word.text)} is not valid", _PARAMETERS_HELP, word.span))
    least, most = _AMOUNTS[name]
    if not re.fullmatch(r"[0-9]{1,7}", digits) or not least <= int(digits) <= most:
        help = f"write {name}=N with N from {least} to {most}"
        raise BadValue(Fault(f"{quoted(word.text)} is not valid", help, word.span))
    return name, int(digits)


def _named(words: list[Word]) -> tuple[str, Word, list[Word]]:
    """The name (or ""), the URL and what follows."""
    first, *others = words
    if _is_url(first.text) or not others:
        return "", first, others
    if not _SERVER_NAME.fullmatch(first.text):
        hint = "a server's name has letters, digits, dots, dashes and underscores"
        raise BadValue(Fault(f"{quoted(first.text)} is not valid", hint, first.span))
    return first.text, others[0], others[1:]


def parse_server(line: Text, parse: Callable[[str], ServerSpec] = parse_url) -> ServerSpec:
    """`[NAME] URL [weight=N] [tier=N] [backup] [max_connections=N] [max_requests=N]`; `parse` reads the URL."""
    name, url, parameters = _named(line.words())
    try:
        server = parse(url.text)
    except BadValue as bad:
        raise BadValue(*bad.at(url.span)) from None
    amounts = dict(_parse_amount(word) for word in parameters if word.text != "backup")
    none_twice(parameters)
    backup = next((word for word in parameters if word.text == "backup"), None)
    if backup is not None and "tier" in amounts:
        raise BadValue(Fault("a backup has no tier: it comes after all of them", "keep one of both", backup.span))
    return replace(
        server,
        name=name or server.name,
        backup=backup is not None,
        weight=amounts.get("weight", 1),
        tier=amounts.get("tier", 1),
        max_connections=amounts.get("max_connections"),
        max_requests=amounts.get("max_requests"),
    )


def _one_by_one(value: Value) -> list[Text]:
    """The lines, those of several URLs taken apart."""
    items: list[Text] = []
    for line in value.items():
        words = line.words()
        if len(words) > 1 and all(_is_url(word.text) for word in words):
            items.extend(Text.plain(word.text, word.span) for word in words)
        else:
            items.append(line)
    return items


def servers_of(value: Value, parse: Callable[[str], ServerSpec] = parse_url) -> tuple[ServerSpec, ...]:
    """The servers of a value, each with a name of its own; `parse` reads a URL."""
    items = _one_by_one(value)
    servers = parse_lines(items, lambda line: parse_server(line, parse))
    seen: set[str] = set()
    for server, item in zip(servers, items, strict=True):
        if server.name in seen:
            raise BadValue(
                Fault(
                    f"a second server is called {quoted(server.name)}",
                    "put a name of its own before the URL",
                    item.span,
                )
            )
        seen.add(server.name)
    return servers


def show_server(server: ServerSpec) -> str:
    """A server as it is written; a name that came from its URL comes from there again."""
    url = str(server.address) if isinstance(server.address, UnixAddress) else f"{server.scheme}://{server.address}"
    name = [server.name] if _SERVER_NAME.fullmatch(server.name) else []
    parts = [*name, url] + [f"weight={server.weight}"] * (server.weight != 1) + ["backup"] * server.backup
    parts += [f"tier={server.tier}"] * (server.tier != 1)
    parts += [f"max_connections={server.max_connections}"] * (server.max_connections is not None)
    parts += [f"max_requests={server.max_requests}"] * (server.max_requests is not None)
    return " ".join(parts)


def line_of_servers(kind: str, parse: Callable[[str], ServerSpec] = parse_url) -> Parser[tuple[ServerSpec, ...]]:
    """A parser of servers, whose URLs `parse` reads."""
    return line_list(kind, lambda line: parse_server(line, parse), show_server)


_LISTED = line_of_servers("servers, one on each line")
SERVERS: Parser[tuple[ServerSpec, ...]] = Parser(_LISTED.kind, servers_of, _LISTED.show)
