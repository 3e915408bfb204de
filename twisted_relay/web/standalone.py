"""A backend without the daemon: with the clocks, names and watchers that the daemon would give it.

Nothing runs before `start`, which comes with the first exchange; nothing is left when `close` has fired.
"""

import random
import time
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_relay.config.sections.process import DnsOptions
from twisted_relay.config.tree import BackendOptions
from twisted_relay.discovery.assemble import discoveries_of
from twisted_relay.guard.guard import Guard
from twisted_relay.health import watchers_of
from twisted_relay.names.nameservers import Nameservers
from twisted_relay.names.resolver import Resolver
from twisted_relay.net.deadlines import Deadlines, tick_for
from twisted_relay.upstream.assemble import Surroundings, assemble, look_up_servers


class StandaloneBackend:
    """A backend, and everything that it needs to run."""

    def __init__(
        self,
        reactor: IReactorTime,
        options: BackendOptions,
        now: Callable[[], float] = time.monotonic,
        guard: Guard | None = None,
    ) -> None:
        """`guard` judges the addresses of servers that clients have chosen. Raises `ConfigurationError`."""
        self._deadlines = Deadlines(reactor, now, tick_for(options.times))
        nameservers = Nameservers(reactor, DnsOptions())
        self._resolver = Resolver(reactor, DnsOptions(), nameservers)
        self._sockets = Sockets(reactor)
        surroundings = Surroundings(reactor, self._sockets, self._deadlines, self._resolver, guard=guard)
        self.backend = assemble(options, surroundings)
        self._watchers = watchers_of(self.backend, random.random)
        self._discoveries = discoveries_of([self.backend], nameservers)
        self._is_started = False

    def start(self) -> None:
        """Start the clocks, the look-up of names and the checks. Later calls do nothing."""
        if self._is_started:
            return
        self._is_started = True
        self._deadlines.start()
        look_up_servers(self.backend, self._resolver)
        for watcher in self._watchers:
            watcher.start()
        for discovery in self._discoveries:
            discovery.start()

    def close(self) -> Deferred[None]:
        """End everything; fires when no timer and no socket is left. Whoever waits for an answer gets none."""
        if self._is_started:
            for discovery in self._discoveries:
                discovery.stop()
            for watcher in self._watchers:
                watcher.stop()
        self.backend.close()
        self._resolver.stop()
        self._deadlines.stop()
        return Deferred.fromCoroutine(self._sockets.end())


class Sockets:
    """The reactor, as transports see it: it remembers them, so that all can be ended."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._transports: WeakSet[Any] = WeakSet()

    def __getattr__(self, name: str) -> Any:
        """Everything but descriptors is the reactor's."""
        return getattr(self._reactor, name)

    def addReader(self, transport: Any) -> None:
        """Tell the transport when it can read."""
        self._transports.add(transport)
        self._reactor.addReader(transport)

    def addWriter(self, transport: Any) -> None:
        """Tell the transport when it can write."""
        self._transports.add(transport)
        self._reactor.addWriter(transport)

    async def end(self) -> None:
        """End every connection, also those that are closing; returns when they are gone."""
        connected = [transport for transport in self._transports if transport.connected]
        for transport in connected:
            transport.abortConnection()
        while any(transport.connected for transport in connected):
            await deferLater(self._reactor, 0)
