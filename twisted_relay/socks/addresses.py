"""Where to: a kind, an address and a port (RFC 1928 §5), in requests and in replies alike.

A host is text here: `192.0.2.1`, `2001:db8::1` without brackets, or a name as it was sent. Whether a name is one, and
which spelling of an address is taken, is for `guard.hosts` to say.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from twisted_relay.socks.codes import Kind

LONGEST_NAME = 255
"""Octets of a name: its length is one octet."""
_SIZES = {Kind.IPV4: 4, Kind.IPV6: 16}


class Place(NamedTuple):
    """An address as it stands in a message."""

    kind: Kind
    octets: bytes
    """The address, or the name without its length."""
    port: int
    end: int
    """Where the message goes on."""

    @property
    def host(self) -> str:
        """The host as text; what is not ASCII in a name becomes U+FFFD, which is in no name."""
        if self.kind is Kind.IPV4:
            return str(IPv4Address(self.octets))
        if self.kind is Kind.IPV6:
            return str(IPv6Address(self.octets))
        return self.octets.decode("ascii", "replace")


def read_place(data: bytes, at: int) -> Place | None:
    """The address that begins at `at` with its kind; None if it is not complete. Raises `ValueError` for another kind
    than the three."""
    if len(data) <= at:
        return None
    kind = Kind(data[at])
    start = at + 1
    if kind is Kind.NAME:
        if len(data) <= start:
            return None
        size = data[start]
        start += 1
    else:
        size = _SIZES[kind]
    end = start + size + 2
    if len(data) < end:
        return None
    octets = data[start : end - 2]
    return Place(kind, octets, int.from_bytes(data[end - 2 : end], "big"), end)


def write_place(host: str, port: int) -> bytes:
    """The octets of a host, IPv6 without brackets, and a port. Raises `ValueError` for a name that is not ASCII, is
    empty, or longer than `LONGEST_NAME`."""
    try:
        address = ip_address(host)
    except ValueError:
        name = host.encode("ascii")
        if not 0 < len(name) <= LONGEST_NAME:
            raise ValueError(f"a name has 1 to {LONGEST_NAME} octets") from None
        octets = bytes((Kind.NAME, len(name))) + name
    else:
        octets = bytes((Kind.IPV4 if address.version == 4 else Kind.IPV6,)) + address.packed
    return octets + port.to_bytes(2, "big")
