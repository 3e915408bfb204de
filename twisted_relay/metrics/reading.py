"""How values are read from the sources: one function for each way of going through listeners, backends and servers."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from twisted_relay.metrics.metric import Labels, Read, Value
from twisted_relay.metrics.requests import FIRST_CODES, RequestMetrics
from twisted_relay.metrics.sources import (
    BackendState,
    BreakerState,
    BudgetState,
    DiscoveryState,
    HedgingState,
    ListenerState,
    ListState,
    NamesState,
    ParentState,
    PoolState,
    ServerState,
    Sources,
)

Counts: TypeAlias = Mapping[str, int] | Mapping[int, int]


def one_value(value: Callable[[Sources], Value]) -> Read:
    """One value without labels."""
    return lambda sources: [((), value(sources))]


def each_listener(value: Callable[[ListenerState], Value]) -> Read:
    """A value of each listener."""
    return lambda sources: [((one.name,), value(one)) for one in sources.listeners]


def each_listener_by(counts: Callable[[ListenerState], Counts]) -> Read:
    """Counts of each listener, by one more label."""
    return lambda sources: [
        ((one.name, str(key)), count) for one in sources.listeners for key, count in counts(one).items()
    ]


def each_observer(value: Callable[[RequestMetrics], Value]) -> Read:
    """A value that is counted with the requests of each listener."""
    return lambda sources: [((one.listener,), value(one)) for one in sources.requests]


def each_backend(value: Callable[[BackendState], Value]) -> Read:
    """A value of each backend."""
    return lambda sources: [((one.name,), value(one)) for one in sources.backends]


def each_backend_by(counts: Callable[[BackendState], Counts]) -> Read:
    """Counts of each backend, by one more label."""
    return lambda sources: [
        ((one.name, str(key)), count) for one in sources.backends for key, count in counts(one).items()
    ]


def each_discovery(value: Callable[[DiscoveryState], Value]) -> Read:
    """A value of each backend that looks for servers."""
    return lambda sources: [((one.name,), value(one)) for one in sources.discoveries]


def each_discovery_by(counts: Callable[[DiscoveryState], Counts]) -> Read:
    """Counts of each backend that looks for servers, by one more label."""
    return lambda sources: [
        ((one.name, str(key)), count) for one in sources.discoveries for key, count in counts(one).items()
    ]


def each_server(value: Callable[[ServerState], Value]) -> Read:
    """A value of each server."""
    return lambda sources: [
        ((backend.name, server.name), value(server)) for backend in sources.backends for server in backend.servers
    ]


def each_pool(value: Callable[[PoolState], Value]) -> Read:
    """A value of each server's connections."""
    return lambda sources: [
        ((backend.name, name), value(pool)) for backend in sources.backends for name, pool in backend.pools.items()
    ]


def each_server_by(counts: Callable[[ServerState], Counts]) -> Read:
    """Counts of each server, by one more label."""
    return lambda sources: [
        ((backend.name, server.name, str(key)), count)
        for backend in sources.backends
        for server in backend.servers
        for key, count in counts(server).items()
    ]


def requests_by_key(sources: Sources) -> Iterable[tuple[Labels, Value]]:
    """Requests of each listener by backend, method and code."""
    for one in sources.requests:
        for (backend, method, code), count in one.counts.items():
            yield (one.listener, backend, method, str(code)), count


def durations_by_backend(sources: Sources) -> Iterable[tuple[Labels, Value]]:
    """Durations of each listener's requests by backend."""
    for one in sources.requests:
        for backend, histogram in one.durations.items():
            yield (one.listener, backend), histogram


def errors_by_reason(sources: Sources) -> Iterable[tuple[Labels, Value]]:
    """Failed requests of each listener by reason."""
    for one in sources.requests:
        for reason, count in one.errors.items():
            yield (one.listener, reason), count


def servers_by_state(backend: BackendState) -> dict[str, int]:
    """How many servers of a backend are in each state."""
    counts: dict[str, int] = {}
    for server in backend.servers:
        counts = counts or dict.fromkeys(server.counters.state_changes, 0)
        counts[server.state] += 1
    return counts


BREAKER_STATES = ("closed", "open", "half-open")


def breakers_by_state(sources: Sources) -> Iterable[tuple[Labels, Value]]:
    """1 for the state of each backend's breaker, 0 for the others; nothing for backends without one."""
    for one in sources.backends:
        if one.breaker is not None:
            for state in BREAKER_STATES:
                yield (one.name, state), int(state == one.breaker.state)


def each_breaker(value: Callable[[BreakerState], Value]) -> Read:
    """A value of the breaker of each backend that has one."""
    return lambda sources: [((one.name,), value(one.breaker)) for one in sources.backends if one.breaker is not None]


def budgets_left(sources: Sources) -> Iterable[tuple[Labels, Value]]:
    """What is left of each backend's budget; nothing for backends without one."""
    for one in sources.backends:
        if one.budget is not None:
            yield (one.name,), one.budget.left(one.now())


def each_budget(value: Callable[[BudgetState], Value]) -> Read:
    """A value of the budget of each backend that has one."""
    return lambda sources: [((one.name,), value(one.budget)) for one in sources.backends if one.budget is not None]


def each_budget_by(counts: Callable[[BudgetState], Counts]) -> Read:
    """Counts of the budget of each backend that has one, by one more label."""
    return lambda sources: [
        ((one.name, str(key)), count)
        for one in sources.backends
        if one.budget is not None
        for key, count in counts(one.budget).items()
    ]


def each_hedging(value: Callable[[HedgingState], Value]) -> Read:
    """A value of the hedges of each backend that makes them."""
    return lambda sources: [((one.name,), value(one.hedging)) for one in sources.backends if one.hedging is not None]


def each_parent(value: Callable[[ParentState], Value]) -> Read:
    """A value of each parent."""
    return lambda sources: [((one.name,), value(one)) for one in sources.parents]


def each_list(value: Callable[[ListState], Value]) -> Read:
    """A value of each list."""
    return lambda sources: [((one.name,), value(one)) for one in sources.lists]


def codes_of(server: ServerState) -> dict[int, int]:
    """Responses by code, with the codes that are shown before they happen."""
    return dict.fromkeys(FIRST_CODES, 0) | dict(server.counters.codes)


def each_name(value: Callable[[NamesState], Value]) -> Read:
    """A value of who looks names up."""
    return lambda sources: [((), value(sources.names))] if sources.names is not None else []


def each_name_by(counts: Callable[[NamesState], Counts]) -> Read:
    """Counts of who looks names up, by one label."""
    return lambda sources: [
        ((str(key),), count) for one in (sources.names,) if one is not None for key, count in counts(one).items()
    ]


def peeks_by_result(sources: Sources) -> Iterable[tuple[Labels, Value]]:
    """Looks into tunnels by listener, by what was found, and by what became of the tunnel."""
    for one in sources.peeked:
        for key, count in one.counts.items():
            yield (one.options.name, *key), count


def queries_by_type(sources: Sources) -> Iterable[tuple[Labels, Value]]:
    """Questions to name servers by type and result."""
    if sources.names is not None:
        yield from sources.names.observed.queries.items()
