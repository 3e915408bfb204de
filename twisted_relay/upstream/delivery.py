"""One exchange on its way to a server: candidates, tries, the queue, and what is tried again."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from twisted_relay.errors import NoServer, QueueFull, QueueTimeout, RelayError, ServerError
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.http.message import Answer, Answered, Response
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.dial import Dial
from twisted_relay.upstream.http1 import Try
from twisted_relay.upstream.retry import Again, again
from twisted_relay.upstream.server import Server


def forward_to(backend: Backend) -> Destination:
    """Where routes lead that name this backend: one of its servers answers the exchange."""

    def forward(exchange: Exchange, answered: Answered) -> None:
        exchange.backend = backend.name
        breaker = backend.breaker
        if breaker is not None:
            if not breaker.admits():
                answered(breaker.refusal())
                return
            answered = breaker.watched(exchange, answered)
        Delivery(backend, exchange, answered).go()

    return forward


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
        "_server",
        "_timer",
        "_tried",
        "_try",
        "queued_at",
        "wanted",
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
        self.queued_at = 0.0
        self.wanted = ""
        self._timer: Any = None
        exchange.cancel = self.cancel

    def go(self) -> None:
        """Give the exchange to the best candidate that has room."""
        backend = self._backend
        if self._candidates is None:
            if backend.full and backend.is_saturated and self._last is None:
                self._join_queue()
                return
            self._candidates = backend.choose(self._exchange)
        full = False
        for server in self._candidates:
            if not backend.is_limited or server.has_room:
                self._give_to(server)
                return
            full = True
        self._candidates = None
        if self._last is not None:
            self._try_others(self._last)
        elif full or backend.expects_servers:
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
        self._backend.took(server)
        pool = server.pool
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
        self._try = attempt = backend.make_try(exchange, connection, self._took)
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
        if server.on_answer is not None:
            server.on_answer(server, exchange.first_byte - exchange.sent)
        if backend.has_failed or response.status >= 500:
            backend.tell(server, None, response.status)
        if backend.sticky is not None:
            backend.sticky.stick(exchange, response, server)
        self._answered(response)

    def _failed(self, server: Server, error: RelayError, *, reused: bool) -> None:
        """Try again if that is right, else answer with the error."""
        backend, exchange = self._backend, self._exchange
        decision = again(error, exchange.request, reused=reused, tries=exchange.tries, retries=backend.options.retries)
        if isinstance(error, ServerError) and decision is not Again.FRESH:
            server.count_error(error)
            backend.tell(server, error, 0)
            if server.on_answer is not None:
                server.on_answer(server, backend.options.response_timeout)
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
        self._server.counters.broken += 1
        self._backend.tell(self._server, error, 0)
        if self._backend.breaker is not None:
            self._backend.breaker.broke(self._exchange)

    # -- the queue ------------------------------------------------------------------------------------------------

    @property
    def client(self) -> str:
        """Whose request it is."""
        return self._exchange.origin.client

    def _join_queue(self) -> None:
        backend = self._backend
        self.wanted = backend.wanted_by(self._exchange)
        self.queued_at = backend.now()
        overtaken = backend.queue.join(self)
        if overtaken is not self and backend.options.queue_timeout:
            self._timer = backend.reactor.callLater(backend.options.queue_timeout, self._waited_too_long)
        if overtaken is not None:
            backend.counters.queue_rejected["full"] += 1
            overtaken.refuse(QueueFull(f"the queue of [backend:{backend.name}] is full"))

    def _stop_waiting(self) -> None:
        backend = self._backend
        backend.counters.queue_times.observe(backend.now() - self.queued_at)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def called(self) -> None:
        """It is our turn; we are out of the queue."""
        self._stop_waiting()
        self.go()

    def refuse(self, error: RelayError) -> None:
        """We waited in vain; we are out of the queue."""
        self._stop_waiting()
        self._answered(error)

    def _waited_too_long(self) -> None:
        self._timer = None
        self._backend.queue.leave(self)
        self._backend.counters.queue_rejected["timeout"] += 1
        self.refuse(QueueTimeout(f"no server of [backend:{self._backend.name}] had room in time"))

    def cancel(self) -> None:
        """The client is gone."""
        if self.queued_at and self._backend.queue.leave(self):
            self._stop_waiting()
        dial, self._dial = self._dial, None
        if dial is not None:
            dial.cancel()
            self._released()
        attempt, self._try = self._try, None
        if attempt is not None:
            attempt.cancel()
