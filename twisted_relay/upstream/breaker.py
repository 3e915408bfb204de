"""The circuit breaker in front of a backend: asks its `Circuit`, counts, and says in the log what changes.

What counts is how a request ends after all its tries: a response by its status code and time, no response if it was a
server's fault. Clients that leave, full queues and a backend without usable servers say nothing of the servers.
"""

from collections.abc import Callable
from functools import partial
from math import ceil

from twisted.logger import Logger

from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import BreakerSpec
from twisted_relay.errors import CircuitOpen, RelayError, ServerError
from twisted_relay.exchange import Exchange
from twisted_relay.http.message import Answer, Answered
from twisted_relay.upstream.circuit import Circuit, State


class Breaker:
    """Guards one backend."""

    _log = Logger(namespace="twisted_relay.upstream")

    def __init__(self, options: BackendOptions, spec: BreakerSpec, now: Callable[[], float]) -> None:
        self.circuit = Circuit(spec, options.breaker_open, options.breaker_recovery)
        self.rejected = 0
        """Requests that were not let in."""
        self.opened = 0
        """How often it has opened."""
        self._backend = options.name
        self._spec = spec
        self._now = now

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`; it changes when the next request comes, not by itself."""
        return self.circuit.state.value

    def admits(self) -> bool:
        """Whether an exchange that comes now is let in."""
        before = self.circuit.state
        admits = self.circuit.admits(self._now())
        if self.circuit.state is not before:
            self._say()
        return admits

    def refusal(self) -> CircuitOpen:
        """The answer to an exchange that is not let in."""
        self.rejected += 1
        left = max(1, ceil(self.circuit.left(self._now())))
        return CircuitOpen(f"the breaker of [backend:{self._backend}] is {self.state}: {self.circuit.reason}", left)

    def watched(self, exchange: Exchange, answered: Answered) -> Answered:
        """The same, but the breaker learns how an exchange that is let in now ends."""
        return partial(self._answered, exchange, answered, self.circuit.era)

    def broke(self, exchange: Exchange) -> None:
        """The response to an exchange has ended in the middle."""
        before = self.circuit.state
        self.circuit.failed_late(self._now(), exchange.first_byte)
        if self.circuit.state is not before:
            self._say()

    def _answered(self, exchange: Exchange, answered: Answered, era: int, answer: Answer) -> None:
        if _counts(answer):
            before = self.circuit.state
            self.circuit.ended(self._now(), failed=self._has_failed(exchange, answer), era=era)
            if self.circuit.state is not before:
                self._say()
        answered(answer)

    def _has_failed(self, exchange: Exchange, answer: Answer) -> bool:
        if isinstance(answer, RelayError) or any(low <= answer.status <= high for low, high in self._spec.statuses):
            return True
        return 0.0 < self._spec.slow < exchange.first_byte - exchange.sent

    def _say(self) -> None:
        """The state has changed."""
        circuit = self.circuit
        if circuit.state is State.OPEN:
            self.opened += 1
            text = "breaker of backend {name} is open for {left:g} s: {reason}"
            self._log.warn(text, name=self._backend, left=circuit.left(self._now()), reason=circuit.reason)
        elif circuit.state is State.HALF_OPEN:
            text = "breaker of backend {name} is half-open: more and more requests are let in for {left:g} s"
            self._log.info(text, name=self._backend, left=circuit.left(self._now()))
        else:
            self._log.info("breaker of backend {name} is closed: the servers have recovered", name=self._backend)


def _counts(answer: Answer) -> bool:
    """Whether an answer says anything of the servers."""
    if isinstance(answer, ServerError):
        return answer.is_held_against_servers
    return not isinstance(answer, RelayError)
