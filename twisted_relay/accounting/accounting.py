"""An observer of exchanges that counts destinations, users and clients. Runs for every request: it only adds numbers.

A destination is the host as the client named it, in lower case, without the port. What is refused counts like what is
not, so that all exchanges together are the total. A name that is missing, such as the user of a listener without
`auth`, or that is too long to be one, is `NOBODY`.
"""

from collections.abc import Callable, Iterable

from twisted_relay.accounting.tally import Tally
from twisted_relay.config.sections.process import KINDS
from twisted_relay.exchange import Exchange

NOBODY = "-"
LONGEST_NAME = 255
"""Characters of a name: longer ones are no hosts."""
PERIOD = 1800.0
"""Seconds of a period; "of late" is the running one and the one before it: from half an hour to an hour."""


Running = Callable[[], Iterable[tuple[Exchange, int]]]
"""Exchanges that last, and the octets that each has moved until now, both ways."""


class Accounting:
    """The tallies of all listeners together."""

    def __init__(self, capacity: int, kinds: Iterable[str], now: float) -> None:
        """Keep `capacity` names of each of these kinds, of `KINDS`. `now` is of the clock of the exchanges."""
        self.tallies = {kind: Tally(capacity) for kind in KINDS if kind in kinds}
        self.running: Running = tuple
        """Tells of tunnels: what they move counts before they end."""
        self.started = now
        self._period = now
        self._destinations = self.tallies.get("destinations")
        self._users = self.tallies.get("users")
        self._clients = self.tallies.get("clients")

    def __call__(self, exchange: Exchange) -> None:
        """Count an exchange that is finished."""
        if exchange.finished - self._period >= PERIOD:
            self.look(exchange.finished)
        self._count(exchange, 1, exchange.bytes_received + exchange.bytes_sent - exchange.accounted)

    def look(self, now: float) -> None:
        """Count what is running, and begin another period if it is time."""
        for exchange, octets in self.running():
            more, exchange.accounted = octets - exchange.accounted, octets
            self._count(exchange, 0, more)
        ended = int((now - self._period) // PERIOD)
        self._period += ended * PERIOD
        for tally in self.tallies.values():
            for _ in range(min(ended, 2)):
                tally.turn()

    @property
    def recent_since(self) -> float:
        """Since when what is "of late" is counted."""
        return max(self.started, self._period - PERIOD)

    def _count(self, exchange: Exchange, requests: int, octets: int) -> None:
        if self._destinations is not None:
            _add(self._destinations, destination_of(exchange), requests, octets)
        if self._users is not None:
            _add(self._users, exchange.user or NOBODY, requests, octets)
        if self._clients is not None:
            _add(self._clients, exchange.origin.client or NOBODY, requests, octets)


def _add(tally: Tally, name: str, requests: int, octets: int) -> None:
    """`Tally.add`, written out for names that wait already: the usual case."""
    sums = tally.pending.get(name)
    if sums is not None:
        sums[0] += requests
        sums[1] += octets
    else:
        tally.add(name, requests, octets)


def destination_of(exchange: Exchange) -> str:
    """The host that an exchange asked for."""
    host = exchange.request.host.strip(b"[]")
    return host.decode("ascii", "backslashreplace") if 0 < len(host) <= LONGEST_NAME else NOBODY
