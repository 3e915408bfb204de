"""Things to measure: real counters in small objects, and exchanges that are finished."""

from collections.abc import Callable
from dataclasses import dataclass, field

from twisted_relay.config.tree import BackendOptions, ListenerOptions
from twisted_relay.config.values import Address, BreakerSpec, BudgetSpec, ServerSpec
from twisted_relay.discovery.discovery import DiscoveryCounters
from twisted_relay.downstream.listener import ListenerCounters
from twisted_relay.exchange import Exchange
from twisted_relay.feeds.block_list import BlockList
from twisted_relay.histogram import DURATION_BOUNDS
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Request
from twisted_relay.metrics.requests import RequestMetrics
from twisted_relay.metrics.sources import Sources
from twisted_relay.names.nameservers import Observed
from twisted_relay.upstream.backend import BackendCounters
from twisted_relay.upstream.breaker import Breaker
from twisted_relay.upstream.budget import Budget
from twisted_relay.upstream.hedging import Hedging
from twisted_relay.upstream.server import Server


@dataclass
class MeasuredListener:
    """What metrics see of a listener."""

    options: ListenerOptions
    connections: list[object] = field(default_factory=list)
    counters: ListenerCounters = field(default_factory=ListenerCounters)

    @property
    def name(self) -> str:
        return self.options.name


@dataclass
class MeasuredPool:
    """What metrics see of a pool."""

    open: int = 0
    idle: list[object] = field(default_factory=list)


@dataclass
class MeasuredBackend:
    """What metrics see of a backend."""

    options: BackendOptions
    servers: list[Server]
    pools: dict[str, MeasuredPool]
    queue: list[object] = field(default_factory=list)
    counters: BackendCounters = field(default_factory=lambda: BackendCounters(DURATION_BOUNDS))
    breaker: Breaker | None = None
    hedging: Hedging | None = field(default_factory=lambda: Hedging(0.05))
    budget: Budget | None = field(default_factory=lambda: Budget(BudgetSpec(0.2, 10.0)))
    now: Callable[[], float] = lambda: 1000.0

    @property
    def name(self) -> str:
        return self.options.name


@dataclass
class MeasuredDiscovery:
    """What metrics see of the discovery of servers."""

    name: str
    servers: list[object] = field(default_factory=list)
    counters: DiscoveryCounters = field(default_factory=DiscoveryCounters)


@dataclass
class MeasuredAuth:
    """What metrics see of an [auth:] section."""

    name: str
    counts: dict[str, int] = field(default_factory=lambda: {"granted": 1, "denied": 2})


@dataclass
class MeasuredAuthFile:
    """What metrics see of its files."""

    name: str
    users: int = 3
    reloads: dict[str, int] = field(default_factory=lambda: {"success": 1, "failure": 0})


@dataclass
class MeasuredLog:
    """What metrics see of an access log."""

    name: str
    dropped: int = 0


@dataclass
class MeasuredNames:
    """What metrics see of who looks names up."""

    entries: int = 3
    lookups: dict[str, int] = field(default_factory=lambda: {"hit": 0})
    observed: Observed = field(default_factory=Observed)


def make_listener(name: str = "web") -> MeasuredListener:
    """A listener with the default limits."""
    return MeasuredListener(ListenerOptions(name=name, bind=(Address("127.0.0.1", 80),)))


def make_backend(name: str = "app", servers: int = 1) -> MeasuredBackend:
    """A backend whose servers are up."""
    specs = tuple(
        ServerSpec(f"10.0.0.{number}:80", "http", Address(f"10.0.0.{number}", 80)) for number in range(servers)
    )
    options = BackendOptions(name=name, servers=specs)
    made = [Server(spec, options, lambda: 0.0) for spec in specs]
    backend = MeasuredBackend(options, made, {server.name: MeasuredPool() for server in made})
    backend.breaker = Breaker(options, BreakerSpec(0.5, 10.0), lambda: 0.0)
    return backend


class MeasuredPeek:
    """Who looks into tunnels."""

    def __init__(self) -> None:
        self.options = ListenerOptions(name="proxy")
        self.counts = {("name", "allowed"): 5, ("name", "refused"): 1}


@dataclass
class MeasuredRules:
    """What metrics see of rules."""

    name: str
    decided: dict[tuple[str, str], int] = field(default_factory=lambda: {("relay.ini:3", "deny"): 4})


@dataclass
class MeasuredParent:
    """What metrics see of a parent."""

    name: str
    bypassed: int = 3


def make_sources(listeners: int = 1, backends: int = 1, servers: int = 1) -> Sources:
    """So many listeners and backends with so many servers each, every listener leading to every backend."""
    measured = [make_listener(f"listener{number}") for number in range(listeners)]
    groups = [make_backend(f"backend{number}", servers) for number in range(backends)]
    requests = [RequestMetrics(each.name, [group.name for group in groups], DURATION_BOUNDS) for each in measured]
    names = MeasuredNames()
    names.observed.count("A", "success", 0.01)
    return Sources(
        measured,
        requests,
        groups,
        [MeasuredDiscovery("backend0")],
        [BlockList("ads")],
        [MeasuredLog("main")],
        names,
        authenticators=[MeasuredAuth("staff")],
        auth_files=[MeasuredAuthFile("staff")],
        rules=[MeasuredRules("egress")],
        peeked=[MeasuredPeek()],
        parents=[MeasuredParent("parent:hq")],
        certificates={"site": 2e9},
        loaded_at=1e9,
    )


def make_exchange(backend: str = "app", method: bytes = b"GET", code: int = 200, seconds: float = 0.02) -> Exchange:
    """An exchange that took so long and is finished, but for telling its observers."""
    exchange = Exchange(Request(method, b"/", Fields()), Origin("192.0.2.1", b"http", 80, b""), 1000.0)
    exchange.backend = backend
    exchange.code = code
    exchange.finished = 1000.0 + seconds
    return exchange
