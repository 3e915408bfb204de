"""One exchange on its way to a server: candidates, tries, the queue, and what is tried again."""

from functools import partial
from typing import Any

from twisted_relay.errors import (
    NoServer,
    QueueFull,
    QueueTimeout,
    RelayError,
    ServerError,
    TotalTimeout,
)
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.http.message import Answer, Answered, Response
from twisted_relay.networks import network_of
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.dial import Dial
from twisted_relay.upstream.hedged import Hedged, may_be_hedged
from twisted_relay.upstream.http1 import Try
from twisted_relay.upstream.retry import ONCE, Again, Rules, Tried, condition_of
from twisted_relay.upstream.retrying import Retrying
from twisted_relay.upstream.server import Server

UNANSWERED = frozenset((502, 503, 504))
"""Statuses with which a server says that it cannot answer: policies by time must not take it for quick."""

MOST_ASKED = 20
"""Candidates without room after which any server that has room is taken (nginx's number of tries)."""


def forward_to(backend: Backend) -> Destination:
    """Where routes lead that name this backend: one of its servers answers the exchange."""

    budget, hedging, total_timeout = backend.budget, backend.hedging, backend.options.total_timeout

    def forward(exchange: Exchange, answered: Answered) -> None:
        exchange.backend = backend.name
        breaker = backend.breaker
        if breaker is not None:
            if not breaker.admits():
                answered(breaker.refusal())
                return
            answered = breaker.watched(exchange, answered)
        if budget is not None:
            budget.deposit(exchange.started)
        delivery: Hedged | Delivery
        if hedging is not None and may_be_hedged(exchange.request):
            delivery = Hedged(backend, exchange, answered, Delivery)
        else:
            delivery = Delivery(backend, exchange, answered)
        if total_timeout:
            delivery.limit(total_timeout)
        delivery.go()

    return forward


class Delivery:
    """One exchange on its way to a server: candidates, tries, the queue."""

    __slots__ = (
        "_answered",
        "_backend",
        "_began",
        "_dial",
        "_exchange",
        "_fresh",
        "_retrying",
        "_server",
        "_timer",
        "_try",
        "queued_at",
        "wanted",
    )

    def __init__(self, backend: Backend, exchange: Exchange, answered: Answered) -> None:
        self._backend = backend
        self._exchange = exchange
        self._answered = answered
        self._dial: Dial | None = None
        self._server: Server
        self._try: Try | None = None
        self._began = 0.0  # when the current try began, if there are limits that need it
        self._fresh = False  # one try over a fresh connection instead of a stale one has been made
        self._retrying: Retrying | None = None
        self.queued_at = -1.0  # never
        self.wanted = ""
        self._timer: Any = None
        exchange.cancel = self.cancel

    def go(self) -> None:
        """Give the exchange to the best candidate that has room."""
        backend = self._backend
        if backend.full and backend.is_saturated and not backend.has_room_where_it_sticks(self._exchange):
            self._join_queue()
            return
        asked = 0
        for server in backend.choose(self._exchange):
            if not backend.is_limited or server.has_room:
                self._give_to(server)
                return
            asked += 1
            if asked == MOST_ASKED and (other := backend.any_with_room()) is not None:
                self._give_to(other)
                return
        if asked or backend.expects_servers:
            self._join_queue()
        else:
            self._answer(NoServer(f"no server of {backend.options.title} is usable"))

    def limit(self, seconds: float) -> None:
        """Answer with an error when no response has begun in so many seconds."""
        self._more().limit(seconds, self._out_of_time)

    def try_once(self, server: Server) -> None:
        """Give the exchange to this server, and to no other after it."""
        self._more().rules = ONCE
        self._give_to(server)

    @property
    def working_at(self) -> Server | None:
        """The server that has the request now; None while it waits for one."""
        return self._server if self._try is not None or self._dial is not None else None

    def _give_to(self, server: Server) -> None:
        exchange, backend = self._exchange, self._backend
        exchange.server = server.name
        self._server = server
        exchange.tries += 1
        backend.took(server)
        if backend.times_tries:
            self._began = backend.now()
        pool = server.pool if backend.pool_for is None else backend.pool_for(exchange, server)
        connection = None if self._fresh else pool.take()
        if connection is not None:
            self._send(connection)
        else:
            dial = pool.dial(self._connected)
            if dial.is_pending:
                self._dial = dial

    def _connected(self, result: UpstreamConnection | RelayError) -> None:
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
        stream = exchange.request.stream
        if stream is not None and self._keeps_content(reused=attempt.reused and not self._fresh):
            attempt.stream = self._more().content(stream)
        if backend.times_tries:
            self._start_in_time(attempt, connection)
        else:
            attempt.start(exchange.authority)

    def _keeps_content(self, *, reused: bool) -> bool:
        """Whether content that still comes is kept, for the case that it must be sent again."""
        if self._retrying is not None and self._retrying.keeps_content:
            return True
        request, room = self._exchange.request, self._backend.options.retry_buffer
        return 0 < room >= (request.length or 0) and self._rules.may_replay(request.method, reused=reused)

    def _start_in_time(self, attempt: Try, connection: UpstreamConnection) -> None:
        """Start a try that has only so much time, of which connecting has taken a part."""
        limit = self._backend.options.per_try_timeout
        attempt.patience = self._backend.patience
        attempt.start(self._exchange.authority)
        if limit and self._try is attempt and attempt.stream is None:
            connection.deadline = min(connection.deadline, self._began + limit)

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
            failed = response.status in UNANSWERED
            server.on_answer(server, backend.patience if failed else exchange.first_byte - exchange.sent)
        if server.gradient is not None:
            backend.adapt(server, exchange.first_byte, exchange.first_byte - exchange.sent)
        if backend.has_failed or response.status >= 500:
            backend.tell(server, None, response.status)
        if response.status >= 400 and self._tries_instead_of(response, server):
            return
        if backend.sticky is not None:
            backend.sticky.stick(exchange, response, server)
        if self._retrying is not None:
            self._retrying.end()
        self._answered(response)

    def _tries_instead_of(self, response: Response, server: Server) -> bool:
        """Whether this response is dropped for another try."""
        if response.status not in self._rules.statuses:
            return False
        tried = Tried(self._exchange.tries, is_at_hand=self._is_at_hand)
        allowed = self._rules.after_status(response.status, self._exchange.request, tried)
        return allowed and self._more().instead_of(response, server, "status")

    def _failed(self, server: Server, error: RelayError, *, reused: bool) -> None:
        """Try again if that is right, else answer with the error."""
        backend, exchange = self._backend, self._exchange
        reused = reused and server.takes_stuck  # else it was closed because the server went down, and is not stale
        tried = Tried(exchange.tries, reused, self._is_at_hand)
        decision = self._rules.after_error(error, exchange.request, tried)
        if isinstance(error, ServerError) and error.is_held_against_servers and decision is not Again.FRESH:
            server.count_error(error)
            backend.tell(server, error, 0)
            if server.on_answer is not None:
                server.on_answer(server, backend.patience)
        if decision is Again.FRESH:
            backend.counters.retries[condition_of(error)] += 1
            self._fresh = True
            exchange.tries -= 1
            self._give_to(server)
        elif decision is Again.NO or not self._more().instead_of(error, server, condition_of(error)):
            self._answer(error)

    @property
    def _rules(self) -> Rules:
        """What is tried again."""
        return self._backend.rules if self._retrying is None else self._retrying.rules

    @property
    def _is_at_hand(self) -> bool:
        """Whether the content that may have been sent can be sent again."""
        return self._exchange.request.stream is None or (self._retrying is not None and self._retrying.can_repeat)

    def _more(self) -> Retrying:
        """What serves further tries."""
        if self._retrying is None:
            self._retrying = Retrying(self._backend, self._exchange, self._give_to, self._give_up)
        return self._retrying

    def _give_up(self, answer: Answer) -> None:
        """There was a wait, and now there is nobody left: what the last server said is the answer."""
        if self._backend.sticky is not None and isinstance(answer, Response):
            self._backend.sticky.stick(self._exchange, answer, self._server)
        self._answered(answer)

    def _answer(self, error: RelayError) -> None:
        """Give up."""
        if self._retrying is not None:
            self._retrying.end()
        self._answered(error)

    def _out_of_time(self) -> None:
        """`total_timeout` is over. A server that has had its part of it is to blame, unless it waits for the client."""
        backend = self._backend
        options = backend.options
        is_waited_for = self._try is not None or self._dial is not None
        share = options.total_timeout / (options.retries + 1)
        error = TotalTimeout(f"no response within {options.total_timeout:g} s, all tries together")
        if not self._exchange.tries or (self._try is not None and self._try.waits_for_client):
            error.is_held_against_servers = False
        elif is_waited_for and backend.now() - self._began >= share:
            self._server.count_error(error)
            backend.tell(self._server, error, 0)
        self.cancel()
        self._answered(error)

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
        """Whose request it is: an address, or the network of 64 bits that one customer has of IPv6."""
        client = self._exchange.origin.client
        return client if ":" not in client else network_of(client)

    def _join_queue(self) -> None:
        backend = self._backend
        self.wanted = backend.wanted_by(self._exchange)
        self.queued_at = backend.now()
        overtaken = backend.queue.join(self)
        if overtaken is not self and backend.options.queue_timeout:
            self._timer = backend.reactor.callLater(backend.options.queue_timeout, self._waited_too_long)
        if overtaken is not None:
            backend.counters.queue_rejected["full"] += 1
            overtaken.refuse(QueueFull(f"the queue of {backend.options.title} is full"))

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
        self._answer(error)

    def _waited_too_long(self) -> None:
        self._timer = None
        self._backend.queue.leave(self)
        self._backend.counters.queue_rejected["timeout"] += 1
        self.refuse(QueueTimeout(f"no server of {self._backend.options.title} had room in time"))

    def lose(self) -> None:
        """Another way of the same request was faster: that is no failure, but it has taken so long already."""
        server, exchange, now = self._server, self._exchange, self._backend.now()
        if self._try is not None and server.on_answer is not None and exchange.sent:
            server.on_answer(server, now - exchange.sent)
        self.cancel()

    def cancel(self) -> None:
        """The client is gone."""
        if self.queued_at >= 0.0 and self._backend.queue.leave(self):
            self._stop_waiting()
        dial, self._dial = self._dial, None
        if dial is not None:
            dial.cancel()
            self._released()
        attempt, self._try = self._try, None
        if attempt is not None:
            attempt.cancel()
        if self._retrying is not None:
            self._retrying.end()
