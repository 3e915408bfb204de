"""What would be tried again for an exchange, and how long is waited for what: asked of the code that decides it."""

from twisted_relay.admin.json_input import JSON
from twisted_relay.config.retries import show_budget
from twisted_relay.errors import (
    BadResponse,
    ConnectFailed,
    ConnectionReset,
    ConnectTimeout,
    EmptyResponse,
    IncompleteResponse,
    NameNotResolved,
    ResponseTimeout,
    ServerError,
    TLSFailed,
)
from twisted_relay.exchange import Exchange
from twisted_relay.http.message import Request
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.hedged import may_be_hedged
from twisted_relay.upstream.retry import Again, Tried

FAILURES: dict[str, type[ServerError]] = {
    "its name is not found": NameNotResolved,
    "it cannot be connected to": ConnectFailed,
    "connecting takes too long": ConnectTimeout,
    "TLS with it fails": TLSFailed,
    "it resets the connection before it answers": ConnectionReset,
    "it closes the connection without an answer": EmptyResponse,
    "its answer does not come in time": ResponseTimeout,
    "its answer is not HTTP": BadResponse,
    "its answer breaks off": IncompleteResponse,
}
"""What may go wrong with a server before the client gets anything."""


def describe_tries(backend: Backend, exchange: Exchange) -> JSON:
    """What is tried again, and the times that limit it, in seconds (0: no limit)."""
    rules, request, options = backend.rules, exchange.request, backend.options
    tried = Tried(1, is_at_hand=_may_be_kept(request, options.retry_buffer))
    decisions = {words: rules.after_error(kind(""), request, tried) for words, kind in FAILURES.items()}
    return {
        "retries": {
            "most": rules.retries,
            "after": [words for words, decision in decisions.items() if decision is Again.NEXT],
            "not_after": [words for words, decision in decisions.items() if decision is not Again.NEXT],
            "statuses": [code for code in sorted(rules.statuses) if rules.after_status(code, request, tried)],
            "budget": _budget(backend),
        },
        "hedge": _hedge(backend, exchange),
        "times": {
            "connect_timeout": options.connect_timeout,
            "response_timeout": options.response_timeout,
            "per_try_timeout": options.per_try_timeout,
            "total_timeout": options.total_timeout,
            "idle_timeout": options.idle_timeout,
            "queue_timeout": options.queue_timeout,
        },
    }


def _may_be_kept(request: Request, room: int) -> bool:
    """Whether the content may be small enough to be sent again; how much comes in chunks only its end tells."""
    return request.length is None or request.length <= room


def _hedge(backend: Backend, exchange: Exchange) -> JSON | None:
    """Whether and when a second server is asked the same; seconds, None while too little is known."""
    if backend.hedging is None:
        return None
    applies = may_be_hedged(exchange.request)
    delay = backend.hedging.delay(exchange.route, backend.now()) if applies else None
    return {"applies": applies, "after": None if delay is None else round(delay, 4)}


def _budget(backend: Backend) -> JSON | None:
    if backend.budget is None:
        return None
    left = int(backend.budget.left(backend.now()) + 1e-9)
    return {"option": show_budget(backend.options.retry_budget), "left": left, "active": backend.budget.active}
