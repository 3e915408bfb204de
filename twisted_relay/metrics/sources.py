"""What metrics are read from: the parts of listeners, backends, servers and logs that the table looks at.

Protocols, because whoever is measured stands above this module and does not know it.
"""

import platform
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from typing import Literal, Protocol

import twisted
from cryptography.hazmat.backends.openssl import backend as openssl

from twisted_relay import __version__
from twisted_relay.config.certificates import read_certificates
from twisted_relay.config.tree import BackendOptions, ListenerOptions, TLSOptions
from twisted_relay.histogram import FAST_BOUNDS, Histogram
from twisted_relay.metrics.requests import RequestMetrics


class ListenerCounts(Protocol):
    """What a listener counts."""

    @property
    def connections(self) -> int: ...
    @property
    def active_requests(self) -> int: ...
    @property
    def bytes_received(self) -> int: ...
    @property
    def rejected(self) -> Mapping[str, int]: ...
    @property
    def handshakes(self) -> Mapping[str, int]: ...


class ListenerState(Protocol):
    """A listener."""

    @property
    def name(self) -> str: ...
    @property
    def options(self) -> ListenerOptions: ...
    @property
    def connections(self) -> Sized: ...
    @property
    def counters(self) -> ListenerCounts: ...


class ServerCounts(Protocol):
    """What a server counts."""

    @property
    def codes(self) -> Mapping[int, int]: ...
    @property
    def connections(self) -> int: ...
    @property
    def reuses(self) -> int: ...
    @property
    def errors(self) -> Mapping[str, int]: ...
    @property
    def bytes_received(self) -> int: ...
    @property
    def bytes_sent(self) -> int: ...
    @property
    def checks(self) -> Mapping[str, int]: ...
    @property
    def state_changes(self) -> Mapping[str, int]:
        """Has every state that there is."""


class ServerState(Protocol):
    """A server."""

    @property
    def name(self) -> str: ...
    @property
    def weight(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def is_usable(self) -> bool: ...
    @property
    def active_requests(self) -> int: ...
    @property
    def limit(self) -> int: ...
    @property
    def is_checking(self) -> bool: ...
    @property
    def last_check_duration(self) -> float: ...
    @property
    def counters(self) -> ServerCounts: ...


class PoolState(Protocol):
    """The connections to a server."""

    @property
    def open(self) -> int: ...
    @property
    def idle(self) -> Sized: ...


class BackendCounts(Protocol):
    """What a backend counts."""

    @property
    def connect_times(self) -> Histogram: ...
    @property
    def queue_times(self) -> Histogram: ...
    @property
    def response_times(self) -> Histogram: ...
    @property
    def retries(self) -> Mapping[str, int]: ...
    @property
    def redispatches(self) -> int: ...
    @property
    def queue_rejected(self) -> Mapping[str, int]: ...
    @property
    def ejections(self) -> Mapping[str, int]: ...
    @property
    def ejections_refused(self) -> int: ...


class BreakerState(Protocol):
    """The circuit breaker of a backend."""

    @property
    def state(self) -> str: ...
    @property
    def opened(self) -> int: ...
    @property
    def rejected(self) -> int: ...


class BudgetState(Protocol):
    """The budget of a backend's further tries."""

    @property
    def active(self) -> int: ...
    @property
    def refused(self) -> Mapping[str, int]: ...
    def left(self, now: float) -> float:
        """How many tries could be made now."""


class HedgingState(Protocol):
    """The hedges of a backend."""

    @property
    def made(self) -> int: ...
    @property
    def won(self) -> int: ...
    @property
    def budget(self) -> BudgetState: ...


class BackendState(Protocol):
    """A backend."""

    @property
    def name(self) -> str: ...
    @property
    def options(self) -> BackendOptions: ...
    @property
    def servers(self) -> Sequence[ServerState]: ...
    @property
    def pools(self) -> Mapping[str, PoolState]: ...
    @property
    def queue(self) -> Sized: ...
    @property
    def counters(self) -> BackendCounts: ...
    @property
    def breaker(self) -> BreakerState | None: ...
    @property
    def budget(self) -> BudgetState | None: ...
    @property
    def hedging(self) -> HedgingState | None: ...
    @property
    def now(self) -> Callable[[], float]: ...


class ParentState(Protocol):
    """A parent, apart from what it is as a backend."""

    @property
    def name(self) -> str: ...
    @property
    def bypassed(self) -> int:
        """Requests that went straight."""


class DiscoveryCounts(Protocol):
    """What is counted for the discovery of a backend's servers."""

    @property
    def looks(self) -> Mapping[str, int]: ...
    @property
    def changes(self) -> Mapping[str, int]: ...
    @property
    def last_success(self) -> float: ...


class DiscoveryState(Protocol):
    """The discovery of a backend's servers."""

    @property
    def name(self) -> str:
        """Of the backend."""

    @property
    def servers(self) -> Sized: ...
    @property
    def counters(self) -> DiscoveryCounts: ...


class QueryCounts(Protocol):
    """What was asked of name servers."""

    @property
    def queries(self) -> Mapping[tuple[Literal["A", "AAAA", "SRV"], str], int]: ...
    @property
    def times(self) -> Histogram: ...


class NamesState(Protocol):
    """Who looks names up."""

    @property
    def entries(self) -> int: ...
    @property
    def lookups(self) -> Mapping[str, int]: ...
    @property
    def observed(self) -> QueryCounts: ...


class ListCounts(Protocol):
    """What is counted for a list."""

    @property
    def updates(self) -> Mapping[str, int]: ...
    @property
    def hits(self) -> int: ...
    @property
    def last_success(self) -> float: ...


class ListState(Sized, Protocol):
    """A list of names and networks."""

    @property
    def name(self) -> str: ...
    @property
    def counters(self) -> ListCounts: ...


class RulesState(Protocol):
    """The rules of one section."""

    @property
    def name(self) -> str: ...
    @property
    def decided(self) -> Mapping[tuple[str, str], int]:
        """How often each rule has decided, by its place and what it says."""


class LogState(Protocol):
    """An access log."""

    @property
    def name(self) -> str: ...
    @property
    def dropped(self) -> int: ...


class AuthState(Protocol):
    """An [auth:] section."""

    @property
    def name(self) -> str: ...
    @property
    def counts(self) -> Mapping[str, int]: ...


class AuthFileState(Protocol):
    """The files of an [auth:] section."""

    @property
    def name(self) -> str: ...
    @property
    def users(self) -> int: ...
    @property
    def reloads(self) -> Mapping[str, int]: ...


class PeekState(Protocol):
    """Who looks into the tunnels of a listener."""

    @property
    def options(self) -> ListenerOptions: ...
    @property
    def counts(self) -> Mapping[tuple[str, str], int]:
        """Looks by what was found and what became of the tunnel."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that the table reads: the objects of one configuration."""

    listeners: Sequence[ListenerState] = ()
    requests: Sequence[RequestMetrics] = ()
    backends: Sequence[BackendState] = ()
    discoveries: Sequence[DiscoveryState] = ()
    lists: Sequence[ListState] = ()
    logs: Sequence[LogState] = ()
    names: NamesState | None = None
    authenticators: Sequence[AuthState] = ()
    auth_files: Sequence[AuthFileState] = ()
    parents: Sequence[ParentState] = ()
    """They are among the backends too."""
    rules: Sequence[RulesState] = ()
    peeked: Sequence[PeekState] = ()
    lag: Histogram = field(default_factory=lambda: Histogram(FAST_BOUNDS))
    """Lateness of the reactor, in seconds."""
    timers: Callable[[], int] = int
    """How many calls the reactor has been asked to make later."""
    certificates: Mapping[str, float] = field(default_factory=dict)
    """When the certificate of each [tls:] section ends, in seconds since 1970."""
    loaded_at: float = 0.0
    """When the configuration was loaded, in seconds since 1970."""


def certificate_ends(sections: Mapping[str, TLSOptions]) -> dict[str, float]:
    """When the first certificate in the file of each section ends, in seconds since 1970; raises `BadValue`."""
    return {
        name: read_certificates(options.cert)[0].not_valid_after_utc.timestamp() for name, options in sections.items()
    }


def build_labels() -> tuple[str, str, str, str]:
    """What runs: the versions of relay, Python, Twisted and OpenSSL."""
    return __version__, platform.python_version(), twisted.__version__, openssl.openssl_version_text().split(" ")[1]
