"""What of a request is mapped to a server: the keys of `hash`, `maglev` and `ip-hash`.

A key is bytes as they stand on the wire, not decoded (but for query parameters, which have more than one spelling);
None or empty when the request has none. `key_hash` is the same on every machine and after every restart.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_pton
from zlib import crc32

from twisted_relay.conditions import parameter_values
from twisted_relay.config.values import BalanceSpec
from twisted_relay.exchange import Exchange

ReadKey = Callable[[Exchange], bytes | None]
"""The key of an exchange; None or empty if it has none."""

_MAPPED = bytes(10) + b"\xff\xff"
_SPREAD = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def key_hash(key: bytes) -> int:
    """A number below 2^64 for a key: its CRC-32, spread by Fibonacci hashing so that the upper bits are good too.

    Not secret: whoever knows it can look for keys that meet, as with every hash that several relays share.
    """
    return crc32(key) * _SPREAD & _MASK


def key_reader(spec: BalanceSpec) -> ReadKey:
    """What reads the key that `balance` asks for."""
    if spec.policy == "ip-hash":
        return client_net_of
    name = spec.key_name.encode()
    match spec.key:
        case "client-ip":
            return client_ip_of
        case "path":
            return path_of
        case "cookie":
            return cookie_reader(name)
        case "query":
            return query_reader(name)
        case _:
            return host_of if name == b"host" else header_reader(name)


def client_ip_of(exchange: Exchange) -> bytes:
    """The client's address; empty for the peer of a UNIX socket."""
    return _octets(exchange.origin.client)


def client_net_of(exchange: Exchange) -> bytes:
    """The first three octets of an IPv4 address, a whole IPv6 address: the key of nginx's `ip_hash`."""
    octets = _octets(exchange.origin.client)
    return octets[:3] if len(octets) == 4 else octets


# Many requests of one client come after each other, and parsing costs several times what remembering does.
@lru_cache(maxsize=1024)
def _octets(client: str) -> bytes:
    """An address as octets; an IPv4-mapped one is the IPv4 address in it. Empty for what is no address."""
    try:
        if ":" not in client:
            return inet_pton(AF_INET, client)
        octets = inet_pton(AF_INET6, client.partition("%")[0])
    except (OSError, ValueError):
        return b""
    return octets[12:] if octets.startswith(_MAPPED) else octets


def path_of(exchange: Exchange) -> bytes:
    """The path in the form that routes compare, without the query."""
    return exchange.request.path


def host_of(exchange: Exchange) -> bytes:
    """The host in lower case, without port: Host does not stand among the fields of a request on its way."""
    return exchange.request.host


def header_reader(name: bytes) -> ReadKey:
    """Reads the first field line of this name."""
    return lambda exchange: exchange.request.fields.get(name)


def query_reader(name: bytes) -> ReadKey:
    """Reads the first query parameter of this name, decoded."""

    def read(exchange: Exchange) -> bytes | None:
        values = parameter_values(exchange.request, name)
        return values[0] if values else None

    return read


def cookie_reader(name: bytes) -> ReadKey:
    """Reads the first cookie of this name (RFC 6265 §4.2.1), quotes included if it has any."""
    find = re.compile(rb"(?:^|;)[ \t]*" + re.escape(name) + rb"=([^;]*)").search

    def read(exchange: Exchange) -> bytes | None:
        for line in exchange.request.fields.get_all(b"cookie"):
            if found := find(line):
                return found[1].strip(b" \t")
        return None

    return read
