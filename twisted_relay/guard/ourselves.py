"""What of the network is this machine, and this daemon: without the operator's word no client is led back to it."""

from collections.abc import Callable, Iterable
from socket import AF_INET, AF_INET6, inet_pton

_ANY_OF_US = (b"\0\0\0\0", bytes(16), bytes(15) + b"\1")
"""0.0.0.0, :: and ::1: whoever connects to them connects to this machine."""
_LOOPBACK = 127


class Ourselves:
    """`addresses` returns the addresses of this machine, as octets; it is asked for every address that is judged."""

    def __init__(self, addresses: Callable[[], frozenset[bytes]] = frozenset) -> None:
        self._addresses = addresses
        self._bound: frozenset[bytes] = frozenset()
        self._ports: frozenset[int] = frozenset()

    def listen(self, sockets: Iterable[str]) -> None:
        """Where this daemon listens from now on: `127.0.0.1:8080`, `[::]:80`; UNIX sockets do not matter."""
        places = [socket.rpartition(":") for socket in sockets if not socket.startswith("unix:")]
        self._bound = frozenset(_packed(host) for host, _, _ in places)
        self._ports = frozenset(int(port) for _, _, port in places)

    def are_at(self, packed: bytes) -> bool:
        """Whether this is an address of this machine."""
        return packed in self._addresses() or packed in self._bound

    def listen_at(self, packed: bytes, port: int) -> bool:
        """Whether a connection may end at a listener of ours, by whichever address of this machine."""
        if port not in self._ports:
            return False
        return packed in _ANY_OF_US or (len(packed) == 4 and packed[0] == _LOOPBACK) or self.are_at(packed)


def _packed(host: str) -> bytes:
    return inet_pton(AF_INET6, host[1:-1]) if host.startswith("[") else inet_pton(AF_INET, host)
