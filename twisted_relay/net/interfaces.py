"""The addresses that this machine's interfaces have, asked of the kernel (netdevice(7), proc(5))."""

import array
import contextlib
import fcntl
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

KEPT = 5.0
"""Seconds for which an answer serves: addresses come and go, but not often."""

_MOST = 1024
_SIOCGIFCONF = 0x8912
_ENTRY = 40
"""Octets of a `struct ifreq`: a name of 16, then a `struct sockaddr_in`."""
_IPV6 = Path("/proc/net/if_inet6")


class MachineAddresses:
    """Call it for the addresses, as octets. `now` is a clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._until = float("-inf")
        self._known: frozenset[bytes] = frozenset()

    def __call__(self) -> frozenset[bytes]:
        if self._now() >= self._until:
            self._until = self._now() + KEPT
            self._known = frozenset((*_ipv4(), *_ipv6()))
        return self._known


def _ipv4() -> Iterator[bytes]:
    entries = array.array("B", bytes(_MOST * _ENTRY))
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        question = bytearray(struct.pack("iP", len(entries), entries.buffer_info()[0]))
        fcntl.ioctl(asking, _SIOCGIFCONF, question)
        (size,) = struct.unpack_from("i", question)
        found = entries.tobytes()
        yield from (found[start + 20 : start + 24] for start in range(0, size, _ENTRY))


def _ipv6() -> Iterator[bytes]:
    with contextlib.suppress(OSError):
        for line in _IPV6.read_text("ascii").splitlines():
            yield bytes.fromhex(line[:32])
