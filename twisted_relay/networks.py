"""Networks that answer quickly whether an address is in one of them, and in which, however many there are.

Addresses are text, as a transport's `getPeer()` gives them. An IPv4-mapped IPv6 address is the IPv4 address in it
(RFC 4291 §2.5.5.2), because a dual-stack socket shows its IPv4 peers so.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network, collapse_addresses
from socket import AF_INET, AF_INET6, inet_pton
from typing import Generic, TypeVar

from twisted_relay.config.values import Network

Value = TypeVar("Value")

_NO_ADDRESS = -1
_IPV4 = 1 << 128
"""IPv4 addresses are numbered after all IPv6 ones, so that `::/0` does not take them."""
_MAPPED = IPv6Network("::ffff:0:0/96")
_MAPPED_PREFIX = _MAPPED.network_address.packed[:12]


class NetworkSet:
    """Sorted ranges of addresses; `address in networks`. What is no address (a UNIX socket's "") is in none."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, networks: Iterable[Network]) -> None:
        ranges = sorted(_ranges(networks))
        self._firsts = [first for first, _ in ranges]
        self._lasts = [last for _, last in ranges]

    def __contains__(self, address: str) -> bool:
        number = _number(address)
        position = bisect_right(self._firsts, number) - 1
        return position >= 0 and number <= self._lasts[position]


class NetworkTable(Generic[Value]):
    """Values by network. An address finds those of all networks that it is in, by one look-up for each length of
    prefix that occurs."""

    __slots__ = ("_by_shift",)

    def __init__(self) -> None:
        self._by_shift: dict[int, dict[int, list[Value]]] = {}
        """Bits that do not count → what is left of the number of an address → values."""

    def add(self, network: Network, value: Value) -> None:
        """Another value for a network."""
        [(first, last)] = _ranges([network])
        shift = (last - first).bit_length()
        self._by_shift.setdefault(shift, {}).setdefault(first >> shift, []).append(value)

    def find(self, address: str) -> list[list[Value]]:
        """For each network that the address is in, the values in the order in which they were added."""
        number = _number(address)
        if number == _NO_ADDRESS:
            return []
        return [table[number >> shift] for shift, table in self._by_shift.items() if number >> shift in table]


# Many requests of one client come after each other, and parsing costs several times what remembering does.
@lru_cache(maxsize=1024)
def _number(address: str) -> int:
    """The place of an address among all addresses of both families, or `_NO_ADDRESS`."""
    try:
        if ":" not in address:
            return _IPV4 + int.from_bytes(inet_pton(AF_INET, address), "big")
        packed = inet_pton(AF_INET6, address.partition("%")[0])
    except (OSError, ValueError):
        return _NO_ADDRESS
    if packed.startswith(_MAPPED_PREFIX):
        return _IPV4 + int.from_bytes(packed[12:], "big")
    return int.from_bytes(packed, "big")


def _ranges(networks: Iterable[Network]) -> Iterator[tuple[int, int]]:
    """The numbers that the networks take, first and last, without overlaps."""
    four: list[IPv4Network] = []
    six: list[IPv6Network] = []
    for network in networks:
        if isinstance(network, IPv4Network):
            four.append(network)
        elif network.subnet_of(_MAPPED):
            lowest = IPv4Address(network.network_address.packed[12:])
            four.append(IPv4Network((lowest, network.prefixlen - 96)))
        else:
            six.append(network)
    for v4 in collapse_addresses(four):
        yield _IPV4 + int(v4.network_address), _IPV4 + int(v4.broadcast_address)
    for v6 in collapse_addresses(six):
        yield int(v6.network_address), int(v6.broadcast_address)


def network_of(address: str) -> str:
    """The /64 of an IPv6 address, as text that is the same for all of it; other addresses as they are."""
    try:
        packed = inet_pton(AF_INET6, address.partition("%")[0])
    except OSError:
        return address
    return address if packed.startswith(_MAPPED_PREFIX) else packed[:8].hex()
