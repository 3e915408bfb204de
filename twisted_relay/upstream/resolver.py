"""Addresses of servers that are configured by name, looked up in the background and never for a request.

A name is looked up when it is first used and again every `REFRESH` seconds; the last good answer stays when a
look-up fails, and a name that has never been found only fails the requests that need it.
"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, cast

from twisted.internet.interfaces import IReactorTime, IResolutionReceiver
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from zope.interface import implementer

REFRESH = 30.0
"""Seconds between two look-ups of a name: `getaddrinfo` does not tell how long an answer holds."""

Found = Callable[[tuple[str, ...]], None]


def is_address(host: str) -> bool:
    """Whether a host is an address literal and needs no look-up."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class Resolver:
    """The names of all servers. `reactor` gives timers and `nameResolver`."""

    def __init__(self, reactor: IReactorTime) -> None:
        self._reactor = reactor
        self._names: dict[str, _Name] = {}

    def addresses(self, host: str, found: Found) -> None:
        """Call `found` with the addresses of a host, at once if they are known; with none if there are none."""
        if is_address(host):
            found((host,))
            return
        self.watch(host).when_known(found)

    def watch(self, host: str) -> "_Name":
        """Begin to look a name up, so that it is known when it is needed."""
        name = self._names.get(host)
        if name is None:
            name = self._names[host] = _Name(self._reactor, host)
            name.start()
        return name

    def stop(self) -> None:
        """Look nothing up any more."""
        for name in self._names.values():
            name.stop()


class Known(Resolver):
    """Stands for the resolver where a name has been resolved and judged: nobody is asked again."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self._addresses = addresses

    def addresses(self, host: str, found: Found) -> None:
        """See `Resolver`: always the same."""
        found(self._addresses)


@implementer(IResolutionReceiver)
class _Name:
    """One name and its last good answer."""

    _log = Logger(namespace="twisted_relay.resolver")

    def __init__(self, reactor: IReactorTime, host: str) -> None:
        self.host = host
        self.known: tuple[str, ...] = ()
        self._reactor = reactor
        self._answered = False
        self._failing = False
        self._collected: list[str] = []
        self._waiting: list[Found] = []
        self._running = False
        self._loop = LoopingCall(self._look_up)
        self._loop.clock = reactor

    def start(self) -> None:
        """Look up now and then again and again."""
        self._loop.start(REFRESH)

    def stop(self) -> None:
        """Look up no more; nobody is called any more."""
        self._waiting = []
        if self._loop.running:
            self._loop.stop()

    def when_known(self, found: Found) -> None:
        """Call with the last good answer, or with the first one when it comes."""
        if self.known or (self._answered and not self._running):
            found(self.known)
        else:
            self._waiting.append(found)

    def _look_up(self) -> None:
        if self._running:
            return
        self._running = True
        self._collected = []
        cast(Any, self._reactor).nameResolver.resolveHostName(self, self.host)

    def resolutionBegan(self, resolution: object) -> None:
        """Twisted begins to answer."""

    def addressResolved(self, address: object) -> None:
        """One address."""
        host = cast(Any, address).host
        if host not in self._collected:
            self._collected.append(host)

    def resolutionComplete(self) -> None:
        """All addresses were told."""
        self._running = False
        self._answered = True
        if self._collected:
            self.known = tuple(self._collected)
            self._failing = False
        elif not self._failing:
            self._failing = True
            kept = "the last answer stays in use" if self.known else "requests that need it fail until it is found"
            self._log.warn("name {host} was not found; {kept}", host=self.host, kept=kept)
        waiting, self._waiting = self._waiting, []
        for found in waiting:
            found(self.known)
