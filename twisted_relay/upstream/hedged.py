"""A hedged exchange: when its server is slow another one gets it too, and the first good answer wins.

Only for requests that may be made twice and have no content, after the time in which nearly all of the route's
requests have their answer, within a budget of their own (Dean and Barroso, "The Tail at Scale"; the parts are those of
Tower's hedge). The two deliveries know nothing of each other: each has an exchange of its own to write in.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from twisted_relay.errors import RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.http.message import Answer, Answered, Request
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.hedging import Hedging
from twisted_relay.upstream.server import Server


class Way(Protocol):
    """One delivery of an exchange."""

    @property
    def working_at(self) -> Server | None:
        """The server that has the request now; None while it waits for one."""

    def go(self) -> None: ...
    def limit(self, seconds: float) -> None: ...
    def try_once(self, server: Server) -> None:
        """Give it to this server, and to no other after it."""

    def lose(self) -> None:
        """Another way was faster."""

    def cancel(self) -> None: ...


MakeWay = Callable[[Backend, Exchange, Answered], Way]


def may_be_hedged(request: Request) -> bool:
    """Whether a second server may be asked the same at the same time."""
    return (
        request.method in (b"GET", b"HEAD") and request.stream is None and not request.content and not request.upgrade
    )


class Hedged:
    """One exchange that may be on two ways at once."""

    __slots__ = (
        "_answered",
        "_backend",
        "_began",
        "_exchange",
        "_first",
        "_hedging",
        "_held",
        "_make",
        "_other",
        "_timer",
        "_ways",
    )

    def __init__(self, backend: Backend, exchange: Exchange, answered: Answered, make: MakeWay) -> None:
        assert backend.hedging is not None
        self._backend = backend
        self._hedging: Hedging = backend.hedging
        self._exchange = exchange
        self._answered = answered
        self._make = make
        self._other: Exchange | None = None
        self._ways: dict[Exchange, Way] = {}  # those that have not answered
        self._held: tuple[Exchange, Answer] | None = None  # a bad answer, while the other way may bring a good one
        self._timer: Any = None
        self._began = 0.0
        self._first = self._make_way(exchange)
        exchange.cancel = self.cancel

    def limit(self, seconds: float) -> None:
        """Answer with an error when no response has begun in so many seconds, on either way."""
        self._first.limit(seconds)

    def go(self) -> None:
        """Send it on its first way."""
        backend, exchange, hedging = self._backend, self._exchange, self._hedging
        self._began = now = backend.now()
        hedging.budget.deposit(now)
        delay = hedging.delay(exchange.route, now)
        if delay is not None:
            self._timer = backend.reactor.callLater(delay, self._is_late)
        self._first.go()

    def _make_way(self, exchange: Exchange) -> Way:
        way = self._ways[exchange] = self._make(self._backend, exchange, partial(self._took, exchange))
        return way

    def _is_late(self) -> None:
        """The first way takes longer than nearly all others: send it on a second one, if that can help."""
        self._timer = None
        backend, exchange, hedging = self._backend, self._exchange, self._hedging
        slow = self._first.working_at
        if slow is None or backend.queue or exchange.stuck:
            return
        server = next((each for each in backend.choose(exchange) if each is not slow and each.has_room), None)
        if server is None or not hedging.budget.withdraw(backend.now(), backend.under_way):
            return
        hedging.made += 1
        hedging.budget.active += 1
        self._other = other = _twin(exchange)
        way = self._make_way(other)
        if backend.options.total_timeout:
            way.limit(max(0.0, self._began + backend.options.total_timeout - backend.now()))
        way.try_once(server)

    def _took(self, exchange: Exchange, answer: Answer) -> None:
        """One of the ways has come to its end. A bad answer waits for what the other one brings."""
        del self._ways[exchange]
        is_good = not isinstance(answer, RelayError) and answer.status < 500
        if not is_good and self._ways:
            self._held = (exchange, answer)
            return
        held, self._held = self._held, None
        if held is not None and not is_good and held[0] is self._exchange:
            (exchange, answer), held = held, (exchange, answer)
        if held is not None:
            _let_go(held[1])
        for way in self._ways.values():
            way.lose()
        self._settle(exchange)
        self._end()
        if is_good:
            now = self._backend.now()
            self._hedging.answered(self._exchange.route, now, now - self._began)
        self._answered(answer)

    def _settle(self, winner: Exchange) -> None:
        """Write what was learned on both ways into the exchange that the client waits for."""
        exchange, other = self._exchange, self._other
        if other is None:
            return
        exchange.tries += other.tries
        if winner is other:
            self._hedging.won += 1
            exchange.server, exchange.authority, exchange.stuck = other.server, other.authority, other.stuck
            exchange.sent, exchange.first_byte = other.sent, other.first_byte

    def cancel(self) -> None:
        """The client is gone."""
        held, self._held = self._held, None
        if held is not None:
            _let_go(held[1])
        if self._other is not None:
            self._exchange.tries += self._other.tries
        self._end()

    def _end(self) -> None:
        """Whoever still works on it can stop: that is nobody's failure."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        ways, self._ways = self._ways, {}
        for way in ways.values():
            way.cancel()
        if self._other is not None:
            self._other = None
            self._hedging.budget.active -= 1


def _twin(exchange: Exchange) -> Exchange:
    """An exchange for the same request, with nothing tried yet."""
    twin = Exchange(exchange.request, exchange.origin, exchange.started)
    twin.listener, twin.route, twin.backend = exchange.listener, exchange.route, exchange.backend
    twin.request_id, twin.request_line = exchange.request_id, exchange.request_line
    twin.host_choice = exchange.host_choice
    return twin


def _let_go(answer: Answer) -> None:
    if not isinstance(answer, RelayError) and answer.stream is not None:
        answer.stream.cancel()
