"""What a backend would do with an exchange, in words: who is a candidate and who is not, what is waited for and tried
again. The candidates are those that the backend itself names."""

from collections.abc import Sequence

from twisted_relay.admin.json_input import JSON
from twisted_relay.admin.tries import describe_tries
from twisted_relay.balancing.policy import FULL_SHARE
from twisted_relay.config.balance import show_balance
from twisted_relay.config.discover import show_discover, show_place
from twisted_relay.exchange import Exchange
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.selection import BACKUP, Tier, tier_number
from twisted_relay.upstream.server import DRAIN, UP, Server


def describe_backend(backend: Backend, exchange: Exchange, candidates: Sequence[Server]) -> JSON:
    """The backend as it would meet this exchange, whose candidates it has named, best first."""
    options = backend.options
    others = [server for server in backend.servers if server not in candidates]
    return {
        "name": backend.name,
        "where": str(options.where) if options.where.line else "",
        "balance": show_balance(options.balance),
        "discover": show_discover(options.discover),
        "breaker": _breaker(backend),
        "tiers": [_tier(tier) for tier in backend.selection.tiers],
        "candidates": [
            {"order": order, **_server(server), "why": reason_for(backend, exchange, server)}
            for order, server in enumerate(candidates, 1)
        ],
        "others": [{**_server(server), "why": reason_against(backend, server)} for server in others],
        "queue": {"length": len(backend.queue), "limit": options.queue_length, "timeout": options.queue_timeout},
        "outcome": outcome(backend, candidates),
        **describe_tries(backend, exchange),
    }


def reason_for(backend: Backend, exchange: Exchange, server: Server) -> str:
    """Why a server is a candidate, and whether it has room."""
    reasons = []
    if exchange.stuck == server.name:
        reasons.append("the client's cookie names it")
    tier = _tier_of(backend, server)
    if tier.panics and server.state != UP:
        reasons.append(f"it is {server.state}, but so many are that health is not believed (panic)")
    if sum(bool(each.load) for each in backend.selection.tiers) > 1:
        reasons.append(f"tier {tier.number} gets {tier.load} % of the requests, by chance")
    elif tier.number == BACKUP:
        reasons.append("backup: nothing else is usable")
    if not server.has_room:
        reasons.append(f"full: {server.active_requests} of {server.limit} requests, so it is passed over")
    return "; ".join(reasons) or "usable"


def reason_against(backend: Backend, server: Server) -> str:
    """Why a server is no candidate."""
    if server.state == DRAIN:
        return f"drain, only for clients that stick to it: {server.reason}"
    if server.state != UP:
        return f"{server.state}: {server.reason}"
    if not server.weight:
        return "weight 0: nobody new"
    tier = _tier_of(backend, server)
    if not tier.load:
        return (
            "backup: others are usable"
            if tier.number == BACKUP
            else f"tier {tier.number}: those before it take everything"
        )
    return "the client sticks to another one"


def outcome(backend: Backend, candidates: Sequence[Server]) -> str:
    """What would happen now, in one line."""
    breaker = backend.breaker
    if breaker is not None and breaker.state == "open" and breaker.circuit.left(backend.now()) > 0.0:
        return f"503: the breaker is open: {breaker.circuit.reason}"
    free = next((server for server in candidates if server.has_room), None)
    if free is not None:
        by_chance = (
            ", if the breaker lets it in (half-open)" if breaker is not None and breaker.state != "closed" else ""
        )
        return f"it goes to {free.name}{by_chance}"
    if candidates and len(backend.queue) >= backend.options.queue_length:
        return "503: there is no room at the servers, nor in the queue"
    if candidates:
        return f"it waits for a server with room, up to {backend.options.queue_timeout:g} s"
    if backend.expects_servers:
        return "it waits until a server is found or has passed its first check"
    discover = backend.options.discover
    if discover is not None and not backend.servers:
        return f"no server of {show_place(discover)} is known here"
    return "503: no server is usable"


def _server(server: Server) -> JSON:
    return {
        "name": server.name,
        "address": str(server.spec.address),
        "state": server.state,
        "weight": server.weight,
        "share": server.share / FULL_SHARE,
        "tier": server.spec.tier,
        "backup": server.spec.backup,
        "active_requests": server.active_requests,
        "limit": server.limit,
    }


def _tier_of(backend: Backend, server: Server) -> Tier:
    number = tier_number(server)
    return next(tier for tier in backend.selection.tiers if tier.number == number)


def _tier(tier: Tier) -> JSON:
    number = "backup" if tier.number == BACKUP else tier.number
    return {"tier": number, "load": tier.load, "usable": len(tier.usable), "panics": tier.panics}


def _breaker(backend: Backend) -> JSON | None:
    if backend.breaker is None:
        return None
    return {"state": backend.breaker.state, "reason": backend.breaker.circuit.reason}
