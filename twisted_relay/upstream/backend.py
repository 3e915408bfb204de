"""A backend: a named group of servers, and the way of an exchange to one of them.

Policies name candidates; everything else is applied here and in `delivery`, once, whatever the policy: which servers
are usable, their limits, the queue in front of them, and what is tried again.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, cast

from twisted.internet.interfaces import IReactorTime

from twisted_relay.balancing import make_policy
from twisted_relay.balancing.policy import Random
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import ServerSpec
from twisted_relay.errors import RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.histogram import DURATION_BOUNDS, FAST_BOUNDS, Histogram
from twisted_relay.http.message import Answered
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.http1 import Try
from twisted_relay.upstream.pool import Pool
from twisted_relay.upstream.server import UP, Server

RETRY_REASONS = ("connect", "reset", "status", "timeout")

ServerObserver = Callable[[Server, RelayError | None, int], None]
"""Told how a server did with a request: the error, or None and the status code."""


class Membership(Protocol):
    """Who wants to know which servers a backend has while it runs."""

    def joined(self, server: Server) -> None:
        """A server was added."""

    def left(self, server: Server) -> None:
        """A server was removed; what it still works on goes on."""


class Waiting(Protocol):
    """Who waits for a server with room."""

    def leave_queue(self) -> None: ...
    def go(self) -> None: ...


class BackendCounters:
    """What is counted for a backend as a whole."""

    __slots__ = ("connect_times", "queue_rejected", "queue_times", "redispatches", "response_times", "retries")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.connect_times = Histogram(FAST_BOUNDS)
        self.queue_times = Histogram(FAST_BOUNDS)
        self.response_times = Histogram(bounds)
        """Seconds from the request sent to the head of the response."""
        self.retries = dict.fromkeys(RETRY_REASONS, 0)
        self.redispatches = 0
        self.queue_rejected = {"full": 0, "timeout": 0}


class Backend:
    """A group of servers that can do the same work."""

    make_try: Callable[[Exchange, UpstreamConnection, Answered], Try] = Try
    """What sends an exchange over a connection: a seam for simulations."""

    def __init__(
        self,
        options: BackendOptions,
        reactor: IReactorTime,
        deadlines: Deadlines,
        bounds: tuple[float, ...] = DURATION_BOUNDS,
        random: Random = random.random,
    ) -> None:
        self.name = options.name
        self.options = options
        self.random = random
        self.policy = make_policy(options.balance, random, deadlines.now)
        self.choose = cast("Callable[[Exchange], Iterator[Server]]", self.policy.candidates)
        """The policy's candidates for an exchange: what it was given, so servers of this backend."""
        self.reactor = reactor
        self.deadlines = deadlines
        self.now = deadlines.now
        self.servers: list[Server] = []
        self._active: list[Server] = []  # those that the policy chooses from
        self.pools: dict[str, Pool] = {}
        self.counters = BackendCounters(bounds)
        self.queue: dict[Waiting, None] = {}
        """Who waits for a server with room, in order of arrival."""
        self.observers: list[ServerObserver] = []
        """Who hears how servers did with requests: from the first failure or 5xx of any of them on."""
        self.has_failed = False
        """Whether there was one: until then good responses are no news."""
        self.memberships: list[Membership] = []
        """Who hears of servers that are added and removed while the backend runs."""
        self.make_pool: Callable[[Server], Pool] | None = None
        """Makes the pool of a server that joins a running backend."""
        self.is_discovering = False
        """Its servers are still looked for and nothing is known of them: requests wait instead of being refused."""
        self._is_changing = False

    def add(self, server: Server, pool: Pool) -> None:
        """Add a server before the first exchange."""
        self.servers.append(server)
        self.pools[server.name] = server.pool = pool
        server.on_change = self._changed
        server.on_load = self.policy.on_load
        server.on_answer = self.policy.on_answer
        self.refresh()

    def join(self, spec: ServerSpec) -> Server:
        """Add a server to a running backend; it is watched like any other. Its name must be new here."""
        assert self.make_pool is not None and spec.name not in self.pools
        server = Server(spec, self.options, self.now)
        self.add(server, self.make_pool(server))
        for membership in self.memberships:
            membership.joined(server)
        return server

    def leave(self, server: Server) -> None:
        """Take a server out of a running backend: it gets nothing more, and what it works on goes on."""
        self.servers.remove(server)
        server.on_change = None
        pool = self.pools.pop(server.name)
        for membership in self.memberships:
            membership.left(server)
        pool.retire()
        self.refresh()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """While many servers join and leave: the policy hears of them once, at the end."""
        self._is_changing = True
        try:
            yield
        finally:
            self._is_changing = False
            self.refresh()

    def refresh(self) -> None:
        """Tell the policy which servers are usable; backups count when nothing else does."""
        if self._is_changing:
            return
        members = [server for server in self.servers if server.weight > 0]
        usable = [server for server in members if server.is_usable]
        primaries = [server for server in usable if not server.spec.backup]
        self._active = primaries or usable
        self.policy.update(members, self._active)
        self._wake()

    def _changed(self, server: Server, before: str) -> None:
        if server.state != UP:
            self.pools[server.name].close_idle()
        self.refresh()

    def tell(self, server: Server, error: RelayError | None, code: int) -> None:
        """Tell the observers how a server did with a request."""
        self.has_failed = True
        for observe in self.observers:
            observe(server, error, code)

    def authority_for(self, exchange: Exchange, server: Server) -> bytes:
        """What Host says to this server (`http.md` §7)."""
        choice = exchange.host_choice or self.options.host
        if choice == "preserve":
            return exchange.request.authority or server.authority
        return server.authority if choice == "backend" else choice.encode("ascii")

    def released(self, server: Server) -> None:
        """A server has one request less."""
        server.active_requests -= 1
        if server.on_load is not None:
            server.on_load(server, -1)
        if self.queue:
            self._wake()

    def _wake(self) -> None:
        """Let those who wait try again, as long as there is room."""
        while self.queue and any(server.has_room for server in self._active):
            delivery = next(iter(self.queue))
            delivery.leave_queue()
            delivery.go()

    def close(self) -> None:
        """Close all connections."""
        for pool in self.pools.values():
            pool.close()
