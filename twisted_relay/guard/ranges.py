"""Ranges of addresses that lead inside, to this machine, or nowhere; and the addresses that others carry in them.

Sources: the IANA registries of special-purpose addresses (RFC 6890), of IPv4 and IPv6 address space, RFC 6052 and 8215
(NAT64), 3056 (6to4), 4380 (Teredo), 4291 (mapped and compatible addresses), and what cloud providers document of their
metadata services. Addresses are octets here: 4 or 16 of them.
"""

from bisect import bisect_right
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

RANGES = (
    ("0.0.0.0/8", "this network"),
    ("0.0.0.0/32", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by carrier-grade NAT"),
    ("100.100.100.200/32", "metadata of a cloud"),
    ("127.0.0.0/8", "loopback"),
    ("168.63.129.16/32", "metadata of a cloud"),
    ("169.254.0.0/16", "link-local"),
    ("169.254.169.254/32", "metadata of a cloud"),
    ("169.254.170.2/32", "metadata of a cloud"),
    ("169.254.170.23/32", "metadata of a cloud"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "protocol assignments"),
    ("192.0.0.192/32", "metadata of a cloud"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "6to4 relays"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("255.255.255.255/32", "broadcast"),
    ("::/3", "reserved"),
    ("::/96", "IPv4-compatible"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("::ffff:0:0/96", "IPv4-mapped"),
    ("::ffff:0:0:0/96", "IPv4-translated"),
    ("64:ff9b::/96", "NAT64"),
    ("64:ff9b:1::/48", "NAT64 for local use"),
    ("100::/64", "discard-only"),
    ("2001::/23", "protocol assignments"),
    ("2001::/32", "Teredo"),
    ("2001:2::/48", "benchmarking"),
    ("2001:10::/28", "ORCHID"),
    ("2001:20::/28", "ORCHIDv2"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("3fff::/20", "documentation"),
    ("4000::/2", "reserved"),
    ("8000::/1", "reserved"),
    ("5f00::/16", "segment routing"),
    ("fc00::/7", "unique local"),
    ("fd00:ec2::23/128", "metadata of a cloud"),
    ("fd00:ec2::254/128", "metadata of a cloud"),
    ("fd20:ce::254/128", "metadata of a cloud"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
)
"""What is refused, and what it is. Of several ranges that hold an address the narrowest says what it is; of IPv6 only
2000::/3 is in use."""


def range_of(packed: bytes) -> str:
    """The range that an address lies in, with what it is: `10.0.0.0/8 (private)`; empty for all others."""
    firsts, names = _FOUR if len(packed) == 4 else _SIX
    return names[bisect_right(firsts, packed) - 1]


def carried_by(packed: bytes) -> Sequence[bytes]:
    """The IPv4 addresses in an IPv6 address, as whoever forwards it may read them; usually none."""
    if len(packed) == 4:
        return ()
    if packed[0] == 0:
        return _in_zeros(packed)
    if packed[:2] == b"\x20\x02":
        return (packed[2:6],)
    if packed[:4] == b"\x20\x01\0\0":
        return packed[4:8], bytes(octet ^ 0xFF for octet in packed[12:])
    return ()


def _in_zeros(packed: bytes) -> Sequence[bytes]:
    """In an address that begins with a zero octet: compatible, mapped, translated, or for a NAT64."""
    if packed[:12] in _LAST_FOUR:
        return () if packed[:12] == bytes(12) and packed[12:] in _NOT_CARRIED else (packed[12:],)
    return _local_nat64(packed) if packed[:6] == _LOCAL_NAT64 else ()


_LAST_FOUR = frozenset(
    IPv6Network(network).network_address.packed[:12]
    for network in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
_NOT_CARRIED = (bytes(4), b"\0\0\0\1")
"""The ends of `::` and `::1`, which are addresses of their own."""
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48").network_address.packed[:6]


def _local_nat64(packed: bytes) -> Sequence[bytes]:
    """Each reading that RFC 6052 §2.2 allows: /96, /48, /56, /64. The length of the prefix is the site's matter; a
    reading that would begin with the octets of the prefix, which are zeros, is none."""
    found = [packed[12:]]
    if not packed[8]:
        whole = packed[6:8] + packed[9:]
        found += [whole[start : start + 4] for start in range(3) if not any(whole[start + 4 :])]
    return [each for each in found if each[0]] or found[:1]


def _pieces(networks: Sequence[tuple[IPv4Network | IPv6Network, str]]) -> tuple[list[bytes], list[str]]:
    """Where something begins, and what: every address belongs to the last piece that begins before it."""
    size = networks[0][0].max_prefixlen
    starts = {0, *(int(each.network_address) for each, _ in networks)}
    starts |= {int(each.broadcast_address) + 1 for each, _ in networks} - {1 << size}
    firsts, names = [], []
    for start in sorted(starts):
        around = [
            (network.prefixlen, f"{_plain(network)} ({what})")
            for network, what in networks
            if int(network.network_address) <= start <= int(network.broadcast_address)
        ]
        firsts.append(start.to_bytes(size // 8, "big"))
        names.append(max(around)[1] if around else "")
    return firsts, names


def _plain(network: IPv4Network | IPv6Network) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


_NETWORKS = [(ip_network(network), what) for network, what in RANGES]
_FOUR = _pieces([each for each in _NETWORKS if each[0].version == 4])
_SIX = _pieces([each for each in _NETWORKS if each[0].version == 6])
