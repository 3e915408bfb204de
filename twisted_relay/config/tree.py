"""The configuration as a tree of frozen dataclasses: one class for each section, one field for each option.

Times are seconds, sizes bytes; 0 is "no limit" or "off" where the option says so. Knows nothing of how files are read.
"""

from dataclasses import dataclass, field
from ipaddress import ip_network

from twisted_relay.config.values import (
    NOWHERE,
    BindAddress,
    CheckSpec,
    EjectSpec,
    FieldLine,
    FieldMatch,
    HostPattern,
    Location,
    Network,
    PathPattern,
    QueryMatch,
    Redirect,
    Rewrite,
    ServerSpec,
)

POLICY_NAMES = ("round-robin",)

DEFAULT_EJECT = EjectSpec(errors=5, window=10.0)
DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayOptions:
    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    include: tuple[str, ...] = ()
    grace: float = 30.0
    shutdown_delay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminOptions:
    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    stats: tuple[BindAddress, ...] = ()
    allow: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1"))


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsOptions:
    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    buckets: tuple[float, ...] = DEFAULT_BUCKETS


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerOptions:
    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    bind: tuple[BindAddress, ...] = ()
    tls: str = ""
    backend: str = ""
    access_log: str = ""
    max_connections: int = 20_000
    max_connections_per_client: int = 0
    max_requests: int = 10_000
    header_timeout: float = 10.0
    body_timeout: float = 30.0
    send_timeout: float = 60.0
    idle_timeout: float = 60.0
    max_request_line: int = 8 * 1024
    max_header: int = 32 * 1024
    max_header_fields: int = 200
    max_body: int = 0
    backlog: int = 1024
    socket_mode: int = 0o660
    trusted_proxies: tuple[Network, ...] = ()
    redirect: Redirect | None = None
    half_close: str = "abort"
    via: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSOptions:
    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    cert: str = ""
    key: str = ""
    min_version: str = "1.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOptions:
    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    listener: tuple[str, ...] = ()
    host: tuple[HostPattern, ...] = ()
    path: tuple[PathPattern, ...] = ()
    method: tuple[str, ...] = ()
    header: tuple[FieldMatch, ...] = ()
    query: tuple[QueryMatch, ...] = ()
    client: tuple[Network, ...] = ()
    backend: str = ""
    strip_prefix: str = ""
    rewrite: Rewrite | None = None
    upstream_host: str = ""
    set_request_header: tuple[FieldLine, ...] = ()
    add_request_header: tuple[FieldLine, ...] = ()
    remove_request_header: tuple[str, ...] = ()
    set_response_header: tuple[FieldLine, ...] = ()
    add_response_header: tuple[FieldLine, ...] = ()
    remove_response_header: tuple[str, ...] = ()
    respond: int | None = None
    respond_body: str = ""
    respond_type: str = "text/plain; charset=utf-8"
    respond_file: str = ""
    redirect: Redirect | None = None
    upgrade: tuple[str, ...] = ()
    """Lower-case protocol tokens; `("any",)` allows every one."""
    max_body: int | None = None
    """None: the listener's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendOptions:
    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    servers: tuple[ServerSpec, ...] = ()
    balance: str = "round-robin"
    host: str = "preserve"
    check: CheckSpec | None = None
    check_interval: float = 5.0
    check_timeout: float = 2.0
    check_rise: int = 2
    check_fall: int = 3
    check_jitter: float = 0.1
    """A fraction of the interval: `10%` is 0.1."""
    check_host: str = ""
    eject_after: EjectSpec | None = DEFAULT_EJECT
    eject_for: float = 10.0
    connect_timeout: float = 5.0
    response_timeout: float = 60.0
    idle_timeout: float = 60.0
    tunnel_timeout: float = 3600.0
    retries: int = 2
    max_connections_per_server: int = 0
    queue_length: int = 1024
    queue_timeout: float = 5.0
    pool_idle: int = 256
    pool_idle_timeout: float = 30.0
    pool_max_requests: int = 0
    pool_max_age: float = 0.0
    tls_verify: bool = True
    tls_ca: str = ""
    tls_name: str = ""
    tls_cert: str = ""
    tls_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    to: str = "off"
    format: str = "combined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One whole configuration; the names in it have been checked against each other."""

    path: str = ""
    relay: RelayOptions = RelayOptions()
    admin: AdminOptions = AdminOptions()
    metrics: MetricsOptions = MetricsOptions()
    listeners: tuple[ListenerOptions, ...] = ()
    tls: dict[str, TLSOptions] = field(default_factory=dict)
    routes: tuple[RouteOptions, ...] = ()
    backends: dict[str, BackendOptions] = field(default_factory=dict)
    logs: dict[str, LogOptions] = field(default_factory=dict)
