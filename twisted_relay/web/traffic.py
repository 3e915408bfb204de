"""The exchanges that one agent or resource has under way, so that `close` can end all of them."""

from typing import Protocol

from twisted.internet.defer import Deferred, succeed

from twisted_relay.errors import RelayError, ShuttingDown
from twisted_relay.exchange import Exchange
from twisted_relay.http.message import Answer
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.delivery import forward_to
from twisted_relay.web.standalone import StandaloneBackend


class Caller(Protocol):
    """Who waits for the answer of an exchange and finishes it."""

    def answered(self, answer: Answer) -> None:
        """Take the answer."""

    def cut(self, error: RelayError) -> None:
        """The exchange ends here, answered or not."""


class Traffic:
    """The way to a backend. `owned`: what has to run for it, and ends with us; None if somebody else sees to that."""

    def __init__(self, backend: Backend, owned: StandaloneBackend | None) -> None:
        self.backend = backend
        self._owned = owned
        self._running: dict[Exchange, Caller] = {}
        self._is_closed = False

    @property
    def is_idle(self) -> bool:
        """Whether no exchange is under way."""
        return not self._running

    def forward(self, exchange: Exchange, caller: Caller) -> None:
        """Let the backend answer the exchange; it counts as running until it is finished."""
        if self._is_closed:
            caller.answered(ShuttingDown("closed"))
            return
        if self._owned is not None:
            self._owned.start()
        self._running[exchange] = caller
        exchange.observers = (*exchange.observers, self._finished)
        forward_to(self.backend)(exchange, caller.answered)

    def close(self) -> Deferred[None]:
        """End what is running; fires when nothing is left of it."""
        self._is_closed = True
        for caller in list(self._running.values()):
            caller.cut(ShuttingDown("closed"))
        return succeed(None) if self._owned is None else self._owned.close()

    def _finished(self, exchange: Exchange) -> None:
        self._running.pop(exchange, None)
