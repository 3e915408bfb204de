"""The one normal form of names, for what lists say and for what is looked up in them.

A name is in lower-case ASCII, its labels of other letters as A-labels (RFC 5890 §2.3.2.1), with no dot at either end.
An address is as `ipaddress` writes it; an IPv4-mapped IPv6 address is the IPv4 address in it.
"""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

import idna

LONGEST_NAME = 253
LONGEST_LABEL = 63

_NAME = re.compile(rb"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_LAST_NUMBER = re.compile(rb"(?:.*\.)?[0-9]+")
_DOTS = re.compile("[\u3002\uff0e\uff61]")
"""What IDNA takes for dots besides the usual one (RFC 3490 §3.1)."""


def normal_name(text: bytes) -> bytes:
    """The normal form of a name, of which the leading `*.` or `.` is dropped; empty if it is no name."""
    name = text.lower()
    if not name.isascii():
        name = _to_ascii(name)
    name = name.removeprefix(b"*").removeprefix(b".").removesuffix(b".")
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME or b".." in name:
        return b""
    if len(name) > LONGEST_LABEL and max(map(len, name.split(b"."))) > LONGEST_LABEL:
        return b""
    # an address, or an odd way to write one, is no name (WHATWG URL §3.5: "ends in a number")
    return b"" if name[-1] < 0x3A and _LAST_NUMBER.fullmatch(name) else name


def _to_ascii(name: bytes) -> bytes:
    """A name of other letters with A-labels; empty if that cannot be."""
    try:
        text = _DOTS.sub(".", name.decode("utf-8"))
    except UnicodeDecodeError:
        return b""
    wildcard = text.startswith(("*.", "."))
    try:
        return idna.encode(text.lstrip("*.") if wildcard else text, uts46=True)
    except (idna.IDNAError, UnicodeError):
        return b""


def normal_host(host: str) -> bytes:
    """The normal form of a host that is looked up: a name, or whatever else it is in lower case."""
    try:
        name = host.encode("ascii").lower()
    except UnicodeEncodeError:
        name = _to_ascii(host.encode("utf-8", "surrogateescape").lower())
    return name[:-1] if name.endswith(b".") else name


def network_of(text: bytes) -> IPv4Network | IPv6Network | None:
    """The network or address that is written here, its host bits dropped; None if it is none."""
    try:
        network = ip_network(text.decode("ascii"), strict=False)
    except ValueError:
        return None
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - 96))
    return network


def network_key(network: IPv4Network | IPv6Network) -> bytes:
    """Under what a network stands in a set: nothing that a name can be."""
    return b"%d/%d/%x" % (network.version, network.prefixlen, int(network.network_address))


def key_text(key: bytes) -> str:
    """A name or the key of a network, for people."""
    if b"/" not in key:
        return key.decode("ascii")
    version, length, number = key.split(b"/")
    made = IPv4Network if version == b"4" else IPv6Network
    network = made((int(number, 16), int(length)))
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
