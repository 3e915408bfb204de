"""May an address be dialled for a client? Each address is judged by itself and by the addresses that it carries.

Pure: what the table of ranges, the addresses of this machine and the operator's exceptions say, and nothing else. The
words of a refusal are for logs; a client gets the `explanation` of the error.
"""

from collections.abc import Sequence
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from twisted_relay.config.values import AllowedDestination
from twisted_relay.errors import DestinationForbidden
from twisted_relay.guard.ourselves import Ourselves
from twisted_relay.guard.ranges import carried_by, range_of


class Guard:
    """The guard of one listener, with the exceptions that its operator has made."""

    __slots__ = ("_names", "_networks", "_ourselves")

    def __init__(self, allowed: Sequence[AllowedDestination] = (), ourselves: Ourselves | None = None) -> None:
        self._networks = [
            (each, each.network.network_address.packed, each.network.broadcast_address.packed)
            for each in allowed
            if each.network is not None
        ]
        self._names = [each for each in allowed if each.network is None]
        self._ourselves = ourselves or Ourselves()

    def check(self, host: str, port: int, addresses: Sequence[str]) -> None:
        """Raise `DestinationForbidden` if any of the addresses of a host may not be dialled.

        One is enough: a name that has addresses inside and outside is a mistake, or bait for whoever tries one after
        the other.
        """
        for address in addresses:
            if why := self.refusal(address, host, port):
                named = "" if host == address else f"{host}: "
                raise DestinationForbidden(f"{named}{why}")

    def refusal(self, address: str, host: str, port: int) -> str:
        """Why an address may not be dialled, with the range that it lies in; empty if it may.

        `host` is what the client wrote, as `read_host` returns it: it counts for exceptions by name.
        """
        try:
            packed = inet_pton(AF_INET6 if ":" in address else AF_INET, address)
        except (OSError, ValueError):
            return f"{address[:60]!r} is not an address"
        why = self._why(packed, address, host, port)
        for inner in carried_by(packed):
            if within := self._why(inner, inet_ntop(AF_INET, inner), host, port):
                why = f"{why or address}; it carries {within}"
        return why

    def _why(self, packed: bytes, address: str, host: str, port: int) -> str:
        """The same for an address alone, whatever it carries."""
        ourselves = self._ourselves
        if ourselves.listen_at(packed, port):
            if self._is_allowed(packed, host, port, by_port=True):
                return ""
            return f"{address} port {port} is a listener of relay itself"
        where = range_of(packed)
        if not where:
            if not ourselves.are_at(packed):
                return ""
            where = "the addresses of this machine"
        return "" if self._is_allowed(packed, host, port, by_port=False) else f"{address} is in {where}"

    def _is_allowed(self, packed: bytes, host: str, port: int, *, by_port: bool) -> bool:
        """Whether an exception covers it; `by_port`: only those count that name the port."""
        for each, first, last in self._networks:
            if len(first) == len(packed) and first <= packed <= last and each.takes_port(port, by_port=by_port):
                return True
        return any(each.takes_name(host) and each.takes_port(port, by_port=by_port) for each in self._names)
