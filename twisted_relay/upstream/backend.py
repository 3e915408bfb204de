"""A backend: a named group of servers, and the way of an exchange to one of them.

Policies name candidates; everything else is applied here and in `delivery`, once, whatever the policy: which servers
are usable, their limits, the queue in front of them, and what is tried again.
"""

import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy, deepcopy
from functools import partial
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_relay.balancing import make_policy
from twisted_relay.balancing.policy import Random
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import ServerSpec
from twisted_relay.errors import RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.histogram import DURATION_BOUNDS, FAST_BOUNDS, Histogram
from twisted_relay.http.message import Answered
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.upstream.breaker import Breaker
from twisted_relay.upstream.budget import Budget
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.gradient import Gradient
from twisted_relay.upstream.hedging import Hedging
from twisted_relay.upstream.http1 import Try
from twisted_relay.upstream.pool import Pool
from twisted_relay.upstream.queue import Queue
from twisted_relay.upstream.retry import RETRY_REASONS, rules_of
from twisted_relay.upstream.selection import Choose, Selection
from twisted_relay.upstream.server import DOWN, DRAIN, MAINT, UP, Server
from twisted_relay.upstream.slow_start import SlowStart
from twisted_relay.upstream.sticky import Sticky

EJECTION_REASONS = ("errors", "success_rate")

ServerObserver = Callable[[Server, RelayError | None, int], None]
"""Told how a server did with a request: the error, or None and the status code."""


class Membership(Protocol):
    """Who wants to know which servers a backend has while it runs."""

    def joined(self, server: Server) -> None:
        """A server was added."""

    def left(self, server: Server) -> None:
        """A server was removed; what it still works on goes on."""


class BackendCounters:
    """What is counted for a backend as a whole."""

    __slots__ = (
        "connect_times",
        "ejections",
        "ejections_refused",
        "queue_rejected",
        "queue_times",
        "redispatches",
        "response_times",
        "retries",
    )

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.connect_times = Histogram(FAST_BOUNDS)
        self.queue_times = Histogram(FAST_BOUNDS)
        self.response_times = Histogram(bounds)
        """Seconds from the request sent to the head of the response."""
        self.retries = dict.fromkeys(RETRY_REASONS, 0)
        self.redispatches = 0
        self.queue_rejected = {"full": 0, "timeout": 0}
        self.ejections = dict.fromkeys(EJECTION_REASONS, 0)
        self.ejections_refused = 0
        """Servers that should have been ejected, but too many were, or it was the last one."""


class Backend:
    """A group of servers that can do the same work."""

    _log = Logger(namespace="twisted_relay.upstream")

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
        self.name = options.label
        self.options = options
        self.random = random
        policy = partial(make_policy, options.balance, random, deadlines.now)
        self.selection = Selection(policy, random, options.panic_threshold)
        self.sticky: Sticky | None = None
        """The cookie that keeps clients at their server, if there is one."""
        self.choose: Choose = self.selection.choose
        """The candidates for an exchange, best first."""
        self.pool_for: Callable[[Exchange, Server], Pool] | None = None
        """Where a connection for an exchange comes from, where that is not simply the pool of its server."""
        self.reactor = reactor
        self.deadlines = deadlines
        self.now = deadlines.now
        self.servers: list[Server] = []
        self.pools: dict[str, Pool] = {}
        self.counters = BackendCounters(bounds)
        self.queue = Queue(options.queue_length, fair=options.queue_order == "fair")
        """Who waits for a server with room."""
        self.full: set[Server] = set()
        """The active servers that have no room."""
        self.is_limited = False
        """Whether any server has a limit."""
        self._slow_start = SlowStart(reactor, options.slow_start, self.refresh) if options.slow_start else None
        self.breaker = None if options.breaker is None else Breaker(options, options.breaker, self.now)
        """What keeps exchanges away while too many of them fail."""
        self.rules = rules_of(options)
        """What is tried again."""
        self.patience = min(options.response_timeout, options.per_try_timeout or options.response_timeout)
        """Seconds after which an answer is given up."""
        self.times_tries = bool(options.per_try_timeout or options.total_timeout)
        """Whether the beginning of each try must be known."""
        self.budget = Budget(options.retry_budget) if options.retry_budget is not None else None
        """How often; None: as often as the rules allow."""
        self.hedging = Hedging(options.hedge_budget) if options.hedge else None
        """When slow requests get a second try on another server; None: never."""
        self.observers: list[ServerObserver] = []
        """Who hears how servers did with requests: from the first failure or 5xx of any of them on."""
        self.has_failed = False
        """Whether there was one: until then good responses are no news."""
        self.memberships: list[Membership] = []
        """Who hears of servers that are added and removed while the backend runs."""
        self.make_pool: Callable[[Server], Pool] | None = None
        """Makes the pool of a server that joins a running backend."""
        self._has_unchecked = False
        self.is_discovering = False
        """Its servers are still looked for and nothing is known of them: requests wait instead of being refused."""
        self.describe_discovery: Callable[[], str] | None = None
        """Says in words how looking for its servers stands; None when nobody looks."""
        self._is_changing = False
        self._with_room: deque[Server] | None = None
        """The servers that got room while others were called for one; None while nobody is."""

    def add(self, server: Server, pool: Pool) -> None:
        """Add a server before the first exchange."""
        self.enlist(server, pool)
        self.refresh()

    def enlist(self, server: Server, pool: Pool) -> None:
        """Add one of several servers; `refresh` must follow."""
        self.servers.append(server)
        self.pools[server.name] = server.pool = pool
        server.on_change = self._changed
        policy = self.selection.tier_of(server).policy
        server.on_load = policy.on_load
        server.on_answer = policy.on_answer
        if self.options.adaptive_limit:
            server.gradient = Gradient(self.random)
            server.adaptive_limit = server.gradient.limit
        self.is_limited = self.is_limited or bool(server.limit)

    def join(self, spec: ServerSpec) -> Server:
        """Add a server to a running backend; it is watched like any other. Its name must be new here."""
        assert self.make_pool is not None and spec.name not in self.pools
        server = Server(spec, self.options, self.now)
        server.starts_slowly = True
        self.enlist(server, self.make_pool(server))
        for membership in self.memberships:
            membership.joined(server)  # it may want to know it before anybody gets it
        self._start_slowly(server)
        self.refresh()
        return server

    def leave(self, server: Server) -> None:
        """Take a server out of a running backend: it gets nothing more, and what it works on goes on."""
        self.servers.remove(server)
        server.on_change = None
        server.set_mode(MAINT, "it has left the backend")
        if self._slow_start is not None:
            self._slow_start.forget(server)
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
        """States, weights or shares have changed: tell the policies, and those who wait."""
        if self._is_changing:
            return
        selection = self.selection
        selection.update(self.servers)
        self.choose = selection.choose
        self._has_unchecked = any(server.is_checking and server.state == DOWN for server in self.servers)
        if self.sticky is not None:
            self.sticky.update(self.servers)
            self.choose = self._stuck_first
        self.full = {server for server in selection.active if not server.has_room} if self.is_limited else set()
        if self.queue:
            self.queue.release({server.name for server in self.servers if server.takes_stuck})
            self._wake()
            if self.queue and not selection.active and not self.expects_servers:
                self._call_all()

    def _changed(self, server: Server, before: str) -> None:
        if server.state != before or server.state == DOWN:  # it may be down as before, but by a verdict now
            if server.state not in (UP, DRAIN):
                server.pool.close_idle()
            self._start_slowly(server)
        self.refresh()

    def _start_slowly(self, server: Server) -> None:
        """Begin slow start with a server that has come up, after it was down or in maint, or is new."""
        if self._slow_start is None:
            return
        if server.state in (DOWN, MAINT):
            self._slow_start.forget(server)
            server.starts_slowly = server.starts_slowly or not server.is_checking
        elif server.state == UP and server.starts_slowly:
            server.starts_slowly = False
            self._slow_start.begin(server)

    def _stuck_first(self, exchange: Exchange) -> Iterator[Server]:
        """The server that the client sticks to; others only if it has failed or takes nobody."""
        assert self.sticky is not None
        server = self.sticky.take(exchange)
        if server is None or not server.takes_stuck:
            yield from self.selection.choose(exchange)
            return
        had_room = server.has_room
        yield server
        if had_room:  # else the exchange waits for it
            yield from (other for other in self.selection.choose(exchange) if other is not server)

    def peek(self, exchange: Exchange) -> list[Server]:
        """The candidates that an exchange would have now, best first; asking changes nothing here.

        The policies are copied for it, with whose turn it is and what they have learned, so it costs as much as they
        hold. The cookie of `sticky` is taken off the request, as it would be.
        """
        kept = {id(each): each for each in (self.random, self.now)}
        twin = copy(self)
        twin.selection = deepcopy(self.selection, kept)
        choose = twin.selection.choose if self.sticky is None else twin._stuck_first
        return list(choose(exchange))

    def tell(self, server: Server, error: RelayError | None, code: int) -> None:
        """Tell the observers how a server did with a request."""
        self.has_failed = True
        for observe in self.observers:
            try:
                observe(server, error, code)
            except Exception:
                self._log.failure("an observer of servers failed")  # the exchange goes on, and is answered

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
        if self.full and server.has_room:
            self.full.discard(server)
        if self.queue.count:
            self._wake_for(server)

    def took(self, server: Server) -> None:
        """A server has one request more."""
        server.active_requests += 1
        if server.on_load is not None:
            server.on_load(server, 1)
        if self.is_limited and not server.has_room:
            self._is_full(server)

    def adapt(self, server: Server, now: float, seconds: float) -> None:
        """A server has answered after so many seconds: its limit may change. Who waits for it hears at the next end."""
        assert server.gradient is not None
        limit = server.gradient.answered(now, seconds)
        if limit == server.adaptive_limit:
            return
        server.adaptive_limit = limit
        if server.has_room:
            self.full.discard(server)
        else:
            self._is_full(server)

    def _is_full(self, server: Server) -> None:
        if self.selection.is_active(server):
            self.full.add(server)

    def under_way(self) -> int:
        """How many requests are, those that wait included; O(servers), so for rare decisions only."""
        return sum(server.active_requests for server in self.servers) + len(self.queue)

    def has_room_where_it_sticks(self, exchange: Exchange) -> bool:
        """Whether its client sticks to a server, and that one has room."""
        server = None if self.sticky is None else self.sticky.take(exchange)
        return server is not None and server.takes_stuck and server.has_room

    def wanted_by(self, exchange: Exchange) -> str:
        """The name of the only server that the exchange may wait for; empty if any will do."""
        if not exchange.stuck or self.sticky is None:
            return ""
        server = self.sticky.take(exchange)
        return server.name if server is not None and server.takes_stuck else ""

    @property
    def may_have_room(self) -> bool:
        """Whether any server that may be chosen could take one more request."""
        return len(self.full) < len(self.selection.active)

    def any_with_room(self) -> Server | None:
        """One of the servers that may be chosen and have room, at random; None if there is none."""
        roomy = [server for server in self.selection.active if server not in self.full]
        return roomy[int(self.random() * len(roomy))] if roomy else None

    @property
    def is_saturated(self) -> bool:
        """Whether nobody needs to look for a server, since none has room; clients that stick to one may have luck."""
        return bool(self.selection.active) and not self.may_have_room

    @property
    def expects_servers(self) -> bool:
        """Whether servers may become usable soon for the first time: they are being checked, or looked for."""
        return self.is_discovering or self._has_unchecked

    def _wake_for(self, server: Server) -> None:
        """A server has room: let those try who wait for it, and those who wait for any.

        When one of them fails at once it makes room again: that is seen to here, after it, not deeper and deeper.
        """
        if self._with_room is not None:
            self._with_room.append(server)
            return
        self._with_room = deque((server,))
        try:
            while self._with_room:
                self._call_for(self._with_room.popleft())
        finally:
            self._with_room = None

    def _call_for(self, server: Server) -> None:
        if self.pools.get(server.name) is not server.pool:
            return  # it has left, and who waits for its name waits for another one
        while self.queue and server.has_room:
            waiting = self.queue.take_for(server.name, any_will_do=self.selection.is_active(server))
            if waiting is None:
                return
            waiting.called()

    def _wake(self) -> None:
        """Let everybody try who waits, as long as there is room."""
        for _ in range(len(self.queue)):
            waiting = self.queue.take_for("", any_will_do=True) if self.may_have_room else None
            if waiting is None:
                break
            waiting.called()
        for name in self.queue.wanted:
            pool = self.pools.get(name)
            if pool is not None:
                self._wake_for(pool.server)

    def _call_all(self) -> None:
        """Nobody is left to be waited for: those who wait fare as if they came now."""
        for _ in range(len(self.queue)):
            waiting = self.queue.take_for("", any_will_do=True)
            if waiting is None:
                break
            waiting.called()

    def close(self) -> None:
        """Close all connections."""
        if self._slow_start is not None:
            self._slow_start.stop()
        for pool in self.pools.values():
            pool.close()
