"""Whether the system has a route to an address, without sending anything."""

import socket
from collections.abc import Callable

HOLDS = 5.0
"""Seconds for which an answer of the system is remembered."""
MOST = 1000


class Routes:
    """Asks the system, and remembers. `now` is a clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._since = float("-inf")
        self._known: dict[str, bool] = {}

    def has_route(self, address: str) -> bool:
        """Whether something could be sent there."""
        now = self._now()
        if not 0 <= now - self._since < HOLDS or len(self._known) >= MOST:
            self._known, self._since = {}, now
        found = self._known.get(address)
        if found is None:
            found = self._known[address] = _has_route(address)
        return found


def _has_route(address: str) -> bool:
    """To connect a datagram socket sends nothing, but needs a route."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
    except OSError:
        return False
    return True
