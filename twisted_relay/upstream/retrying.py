"""What one exchange needs beyond its first try: who is next, the wait before, the budget, and the content once more.

Made when it is needed, which for most exchanges is never. Whether a try may be repeated at all is decided in `retry`;
here it is made, or it turns out that it cannot be: no server, no time, nothing left in the budget.
"""

from collections.abc import Callable
from typing import Any

from twisted_relay.errors import RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.http.message import Answer, Answered
from twisted_relay.http.stream import Stream
from twisted_relay.net.deadlines import NEVER
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.replay import Replay
from twisted_relay.upstream.retry import longest_wait
from twisted_relay.upstream.server import Server


class Retrying:
    """The further tries of one exchange. `give_to` makes a try at a server, `answered` takes what is given up with."""

    __slots__ = (
        "_answered",
        "_backend",
        "_end",
        "_exchange",
        "_give_to",
        "_has_paid",
        "_held",
        "_next",
        "_reason",
        "_replay",
        "_timer",
        "_total",
        "_tried",
        "rules",
    )

    def __init__(
        self, backend: Backend, exchange: Exchange, give_to: Callable[[Server], None], answered: Answered
    ) -> None:
        self._backend = backend
        self._exchange = exchange
        self._give_to = give_to
        self._answered = answered
        self.rules = backend.rules
        self._tried: tuple[Server, ...] = ()
        self._has_paid = False
        self._held: Answer | None = None  # what is answered if the try after the wait cannot be made
        self._reason = ""
        self._next: Server | None = None  # whose turn it was before the wait
        self._timer: Any = None
        self._total: Any = None
        self._end = NEVER
        self._replay: Replay | None = None

    # -- the content ----------------------------------------------------------------------------------------------

    def content(self, stream: Stream) -> Stream:
        """What a try takes the request's content from; the first time it begins to be kept."""
        if self._replay is None:
            self._replay = Replay(stream, self._backend.options.retry_buffer - len(self._exchange.request.content))
        return self._replay.open()

    @property
    def keeps_content(self) -> bool:
        """Whether the content goes through here."""
        return self._replay is not None

    @property
    def can_repeat(self) -> bool:
        """Whether all content that came after the head can be sent again."""
        return self._replay is not None and self._replay.can_repeat

    # -- time -----------------------------------------------------------------------------------------------------

    def limit(self, seconds: float, expired: Callable[[], None]) -> None:
        """Everything must be over in so many seconds; then `expired` is called."""
        self._end = self._backend.now() + seconds
        self._total = self._backend.reactor.callLater(seconds, expired)

    # -- tries ----------------------------------------------------------------------------------------------------

    def exclude(self, server: Server) -> None:
        """This server has been tried."""
        self._tried += (server,)

    def instead_of(self, answer: Answer, server: Server, reason: str) -> bool:
        """Make another try, at once or after a wait, instead of giving this answer of a server; False if it cannot be.

        When no server is left after the wait, the answer is given after all.
        """
        self.exclude(server)
        backend = self._backend
        options = backend.options
        other = self.untried()
        most = longest_wait(
            self._exchange.tries, options.retry_backoff, options.retry_backoff_max, is_elsewhere=other is not None
        )
        wait = most * backend.random() if most else 0.0
        now = backend.now()
        if now + wait >= self._end or not self._pay(now):
            return False
        self._exchange.dropped += (answer,)
        self._reason = reason
        if other is not None and not wait:
            self._make(other, answer)
        else:
            self._held, self._next = answer, other
            self._timer = backend.reactor.callLater(wait, self._waited)
        return True

    def untried(self) -> Server | None:
        """A server with room that has not been tried: who the policy names, then any other, such as a backup."""
        tried = self._tried
        for server in self._backend.choose(self._exchange):
            if server not in tried and server.has_room:
                return server
        for server in self._backend.servers:
            if server not in tried and server.is_usable and server.has_room:
                return server
        return None

    def _tried_before(self) -> Server | None:
        """A server with room, whoever it is; the last one only if there is no other."""
        last = None
        for server in self._backend.choose(self._exchange):
            if server.has_room:
                if server is not self._tried[-1]:
                    return server
                last = server
        return last

    def _pay(self, now: float) -> bool:
        backend = self._backend
        budget = backend.budget
        if budget is None:
            return True
        if self._has_paid:
            budget.active -= 1
            self._has_paid = False
        self._has_paid = budget.withdraw(now, backend.under_way)
        if self._has_paid:
            budget.active += 1
        return self._has_paid

    def _waited(self) -> None:
        self._timer = None
        held, self._held = self._held, None
        server, self._next = self._next, None
        assert held is not None
        if server is None or not server.is_usable or not server.has_room:
            server = self.untried() or self._tried_before()
        if server is None:
            if self._has_paid and self._backend.budget is not None:
                self._backend.budget.give_back()
            self.end()
            self._answered(held)
        else:
            self._make(server, held)

    def _make(self, server: Server, answer: Answer) -> None:
        """Try this server; the answer so far is dropped."""
        counters = self._backend.counters
        counters.retries[self._reason] += 1
        if server is not self._tried[-1]:
            counters.redispatches += 1
        _let_go(answer)
        self._give_to(server)

    # -- the end --------------------------------------------------------------------------------------------------

    def end(self) -> None:
        """There is an answer, or nobody waits for one: let go of everything. May be called again."""
        for timer in (self._timer, self._total):
            if timer is not None and timer.active():
                timer.cancel()
        self._timer = self._total = None
        held, self._held = self._held, None
        if held is not None:
            _let_go(held)
        if self._has_paid and self._backend.budget is not None:
            self._has_paid = False
            self._backend.budget.active -= 1
        if self._replay is not None:
            self._replay.release()


def _let_go(answer: Answer) -> None:
    """Drop a response, with what of it still comes."""
    if not isinstance(answer, RelayError) and answer.stream is not None:
        answer.stream.cancel()
