"""A backend: a named group of servers, and the way of an exchange to one of them.

The policy names candidates; everything else is applied here, once, whatever the policy: which servers are usable,
their limits, the queue in front of them, and what is tried again.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

from twisted.internet.interfaces import IReactorTime

from twisted_relay.balancing.policy import Policy
from twisted_relay.config.tree import BackendOptions
from twisted_relay.errors import NoServer, QueueFull, QueueTimeout, RelayError, ServerError
from twisted_relay.exchange import Exchange
from twisted_relay.histogram import DURATION_BOUNDS, FAST_BOUNDS, Histogram
from twisted_relay.http.message import Answer, Answered, Response
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.dial import Dial
from twisted_relay.upstream.http1 import Try
from twisted_relay.upstream.pool import Pool
from twisted_relay.upstream.retry import Again, again
from twisted_relay.upstream.server import UP, Server

RETRY_REASONS = ("connect", "reset", "status", "timeout")

ServerObserver = Callable[[Server, RelayError | None, int], None]
"""Told how a server did with a request: the error, or None and the status code."""


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

    def __init__(
        self,
        options: BackendOptions,
        policy: Policy,
        reactor: IReactorTime,
        deadlines: Deadlines,
        bounds: tuple[float, ...] = DURATION_BOUNDS,
    ) -> None:
        self.name = options.name
        self.options = options
        self.policy = policy
        self.choose = cast("Callable[[Exchange], Iterator[Server]]", policy.candidates)
        """The policy's candidates for an exchange: what it was given, so servers of this backend."""
        self.reactor = reactor
        self.deadlines = deadlines
        self.now = deadlines.now
        self.servers: list[Server] = []
        self._active: list[Server] = []  # those that the policy chooses from
        self.pools: dict[str, Pool] = {}
        self.counters = BackendCounters(bounds)
        self.queue: dict[Delivery, None] = {}
        """Who waits for a server with room, in order of arrival."""
        self.observers: list[ServerObserver] = []
        """Who hears how servers did with requests: from the first failure or 5xx of any of them on."""
        self.has_failed = False
        """Whether there was one: until then good responses are no news."""

    def add(self, server: Server, pool: Pool) -> None:
        """Add a server before the first exchange."""
        self.servers.append(server)
        self.pools[server.name] = pool
        server.on_change = self._changed
        self.refresh()

    def refresh(self) -> None:
        """Tell the policy which servers are usable; backups count when nothing else does."""
        usable = [server for server in self.servers if server.is_usable]
        primaries = [server for server in usable if not server.spec.backup]
        self._active = primaries or usable
        self.policy.update(self._active)
        self._wake()

    def _changed(self, server: Server, before: str) -> None:
        if server.state != UP:
            self.pools[server.name].close_idle()
        self.refresh()

    def forward(self, exchange: Exchange, answered: Answered) -> None:
        """Let one of the servers answer the exchange: the destination of routes that lead here."""
        exchange.backend = self.name
        Delivery(self, exchange, answered).go()

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


class Delivery:
    """One exchange on its way to a server: candidates, tries, the queue."""

    __slots__ = (
        "_answered",
        "_backend",
        "_candidates",
        "_dial",
        "_exchange",
        "_fresh",
        "_last",
        "_queued_at",
        "_server",
        "_timer",
        "_tried",
        "_try",
    )

    def __init__(self, backend: Backend, exchange: Exchange, answered: Answered) -> None:
        self._backend = backend
        self._exchange = exchange
        self._answered = answered
        self._candidates: Iterator[Server] | None = None
        self._dial: Dial | None = None
        self._server: Server
        self._try: Try | None = None
        self._fresh = False  # one try over a fresh connection instead of a stale one has been made
        self._last: RelayError | None = None
        self._tried: tuple[Server, ...] = ()
        self._queued_at = 0.0
        self._timer: Any = None
        exchange.cancel = self.cancel

    def go(self) -> None:
        """Give the exchange to the best candidate that has room."""
        backend = self._backend
        if self._candidates is None:
            self._candidates = backend.choose(self._exchange)
        full = False
        limit = backend.options.max_connections_per_server
        for server in self._candidates:
            if not limit or server.active_requests < limit:
                self._give_to(server)
                return
            full = True
        self._candidates = None
        if self._last is not None:
            self._try_others(self._last)
        elif full:
            self._join_queue()
        else:
            self._answered(NoServer(f"no server of [backend:{backend.name}] is usable"))

    def _try_others(self, error: RelayError) -> None:
        """All that the policy named have failed: take a server that it was not asked about, a backup for example."""
        for server in self._backend.servers:
            if server.is_usable and server.has_room and server not in self._tried:
                self._candidates = iter(())
                self._give_to(server)
                return
        self._answered(error)

    def _give_to(self, server: Server) -> None:
        exchange = self._exchange
        if self._last is not None and exchange.server != server.name:
            self._backend.counters.redispatches += 1
        exchange.server = server.name
        self._server = server
        exchange.tries += 1
        server.active_requests += 1
        pool = self._backend.pools[server.name]
        connection = None if self._fresh else pool.take()
        if connection is not None:
            self._send(connection)
        else:
            dial = pool.dial(self._connected)
            if dial.is_pending:
                self._dial = dial

    def _connected(self, result: UpstreamConnection | ServerError) -> None:
        self._dial = None
        if isinstance(result, UpstreamConnection):
            self._send(result)
            return
        self._released()
        self._failed(self._server, result, reused=False)

    def _send(self, connection: UpstreamConnection) -> None:
        backend, exchange, server = self._backend, self._exchange, self._server
        self._try = attempt = Try(exchange, connection, self._took)
        attempt.released = partial(backend.released, server)
        attempt.broke = self._broke
        exchange.authority = backend.authority_for(exchange, server)
        attempt.start(exchange.authority)

    def _took(self, answer: Answer) -> None:
        """A try has ended, or has brought the head of a response."""
        attempt, self._try = self._try, None
        assert attempt is not None
        if isinstance(answer, RelayError):
            self._failed(attempt.server, answer, reused=attempt.reused and not self._fresh)
            return
        self._succeeded(attempt.server, answer)

    def _succeeded(self, server: Server, response: Response) -> None:
        backend, exchange = self._backend, self._exchange
        backend.counters.response_times.observe(exchange.first_byte - exchange.sent)
        if backend.has_failed or response.status >= 500:
            backend.tell(server, None, response.status)
        self._answered(response)

    def _failed(self, server: Server, error: RelayError, *, reused: bool) -> None:
        """Try again if that is right, else answer with the error."""
        backend, exchange = self._backend, self._exchange
        decision = again(error, exchange.request, reused=reused, tries=exchange.tries, retries=backend.options.retries)
        if isinstance(error, ServerError) and decision is not Again.FRESH:
            server.count_error(error)
            backend.tell(server, error, 0)
        self._last = error
        self._tried += (server,)
        if decision is Again.NO:
            self._answered(error)
            return
        reason = "reset" if error.reason == "reset" else "connect"
        backend.counters.retries[reason] += 1
        if decision is Again.FRESH:
            self._fresh = True
            exchange.tries -= 1
            self._give_to(server)
        else:
            self.go()

    def _released(self) -> None:
        """The server has nothing more to do for us."""
        self._backend.released(self._server)

    def _broke(self, error: ServerError) -> None:
        """The server failed in the middle of its response: nothing can be tried again, but it counts."""
        self._server.count_error(error)
        self._backend.tell(self._server, error, 0)

    # -- the queue ------------------------------------------------------------------------------------------------

    def _join_queue(self) -> None:
        backend = self._backend
        if len(backend.queue) >= backend.options.queue_length:
            backend.counters.queue_rejected["full"] += 1
            self._answered(QueueFull(f"the queue of [backend:{backend.name}] is full"))
            return
        backend.queue[self] = None
        self._queued_at = backend.now()
        if backend.options.queue_timeout:
            self._timer = backend.reactor.callLater(backend.options.queue_timeout, self._waited_too_long)

    def leave_queue(self) -> None:
        """It is our turn, or nobody waits for us any more."""
        backend = self._backend
        backend.queue.pop(self, None)
        backend.counters.queue_times.observe(backend.now() - self._queued_at)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _waited_too_long(self) -> None:
        self._timer = None
        self.leave_queue()
        self._backend.counters.queue_rejected["timeout"] += 1
        self._answered(QueueTimeout(f"no server of [backend:{self._backend.name}] had room in time"))

    def cancel(self) -> None:
        """The client is gone."""
        if self in self._backend.queue:
            self.leave_queue()
        dial, self._dial = self._dial, None
        if dial is not None:
            dial.cancel()
            self._released()
        attempt, self._try = self._try, None
        if attempt is not None:
            attempt.cancel()
