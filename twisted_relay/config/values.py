"""What an option's value becomes: small frozen types. How each is written stands in the parsers beside this module.

Knows no sections, no files and no I/O. Times are `float` seconds, sizes `int` bytes, text `str`.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network
"""Addresses that belong together; a plain address is a /32 or /128."""


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a configuration file; line and column count from 1, 0 is "nowhere"."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Location("", 0, 0)
"""Where things stand that no file wrote (defaults, tests)."""


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP address. An empty host means all interfaces when it is bound. IPv6 hosts have no brackets here."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """The path of a UNIX socket, absolute."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


BindAddress: TypeAlias = Address | UnixAddress


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """One server of a backend: where it listens, and its part of the load. Weight 0 takes no new requests.

    Servers of tier 1 come first, those of higher tiers take over as health fails; a backup comes after all tiers.
    `max_connections` and `max_requests` are limits of this server alone; None leaves them to the backend's options.
    """

    name: str
    scheme: Literal["http", "https", "socks5"]
    """`socks5` only for the proxies of a parent."""
    address: BindAddress
    weight: int = 1
    backup: bool = False
    tier: int = 1
    max_connections: int | None = None
    max_requests: int | None = None
    host: str = ""
    """The name by which the address was found, if it was: `host = backend` and TLS mean this name."""


@dataclass(frozen=True, slots=True)
class AllowedDestination:
    """A destination that the guard of a forward proxy lets through: a network, or without one a name, at some ports.

    A name is lower-case and has no dot at its end; with one at its start it takes all names below it too. `ports` are
    ranges, both ends included; without any all ports are meant.
    """

    network: Network | None
    name: str = ""
    ports: tuple[tuple[int, int], ...] = ()

    def takes_name(self, host: str) -> bool:
        """Whether a host, in lower case, is meant by the name."""
        name = self.name
        return host == name or (name[0] == "." and (host == name[1:] or host.endswith(name)))

    def takes_port(self, port: int, *, by_port: bool) -> bool:
        """Whether a port is meant; `by_port`: only if it is named."""
        if not self.ports:
            return not by_port
        return any(low <= port <= high for low, high in self.ports)


PacKind: TypeAlias = Literal["", "http", "https", "socks5", "direct"]
"""How a browser speaks with a proxy; "": as the listener does that offers the PAC file."""


@dataclass(frozen=True, slots=True)
class PacProxy:
    """What a PAC file tells browsers to take: a proxy, or with `direct` none."""

    kind: PacKind
    address: Address = Address("", 0)


PacDirect: TypeAlias = AllowedDestination | str
"""What browsers reach without a proxy: a network or a name (never with ports), or one of the words for several."""


@dataclass(frozen=True, slots=True)
class ListUrl:
    """Where a list is fetched; the target is what stands after the authority."""

    scheme: Literal["http", "https"]
    address: Address
    target: str = "/"

    @property
    def authority(self) -> str:
        """Host and port as a request has them: without the usual port."""
        if self.address.port == (443 if self.scheme == "https" else 80):
            return str(Address(self.address.host, 0)).removesuffix(":0")
        return str(self.address)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


@dataclass(frozen=True, slots=True)
class DiscoverSpec:
    """Where servers are looked for: addresses of a DNS name, its SRV records, or the lines of a file."""

    kind: Literal["dns+a", "dns+srv", "file"]
    name: str
    """The name, in lower case and without a dot at its end; of a file, its absolute path."""
    port: int = 0
    """The port of servers found by `dns+a`."""
    every: float = 30.0
    """Seconds between two looks: at most for DNS, exactly for a file."""
    most: int = 1000
    """No more servers than this are taken."""
    scheme: Literal["http", "https", "socks5"] = "http"
    family: Literal["any", "ipv4", "ipv6"] = "any"
    proxies: bool = False
    """Proxies of a parent are looked for, not servers of a backend."""


@dataclass(frozen=True, slots=True)
class BalanceSpec:
    """How a server is chosen: the name of the policy, and for those that map keys to servers what the key is."""

    policy: str
    key: Literal["", "client-ip", "path", "header", "cookie", "query"] = ""
    key_name: str = ""
    """The name of the field, cookie or parameter; fields in lower case."""
    ring: Literal["rendezvous", "ketama"] = "rendezvous"
    bound: float = 0.0
    """No server gets more than this times its part of the requests in flight, such as 1.5; 0.0 is no bound."""
    fallback: str = "random"
    """The policy for requests without a key."""


@dataclass(frozen=True, slots=True)
class StickySpec:
    """The cookie that keeps clients at their server. `max_age` is seconds; 0: until the browser is closed."""

    cookie: str
    secure: bool = False
    """Also where the listener has no TLS; with TLS it always is."""
    same_site: str = "Lax"
    max_age: int = 0
    path: str = "/"
    domain: str = ""


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """A health probe: its kind; for `http` the request, and the status codes (inclusive ranges) that mean healthy; for
    `connect` the host and port as `path`."""

    method: str = ""
    path: str = ""
    statuses: tuple[tuple[int, int], ...] = ((200, 399),)
    kind: Literal["http", "tcp", "tls", "connect"] = "http"


@dataclass(frozen=True, slots=True)
class CheckWindow:
    """A server is up while at least `good` of its last `size` checks were good."""

    good: int
    size: int


@dataclass(frozen=True, slots=True)
class EjectSpec:
    """A server is taken out after `errors` failures within `window` seconds."""

    errors: int
    window: float


@dataclass(frozen=True, slots=True)
class OutlierSpec:
    """A server is taken out when its success rate is this many standard deviations, and `margin` (a fraction of 1),
    below the mean of the servers.

    Looked at are servers with `requests` in an interval, if there are as many as `servers`.
    """

    deviations: float = 1.9
    requests: int = 100
    servers: int = 5
    margin: float = 0.05


@dataclass(frozen=True, slots=True)
class BreakerSpec:
    """The breaker opens when this share of the requests within `window` seconds, `requests` at least, has failed.

    Failed are those without a response, those with one of the status codes (inclusive ranges), and, unless it is 0.0,
    those whose response took longer than `slow` seconds.
    """

    share: float
    window: float
    requests: int = 20
    statuses: tuple[tuple[int, int], ...] = ((500, 500), (502, 504))
    slow: float = 0.0


@dataclass(frozen=True, slots=True)
class RetryOn:
    """After what a request may be tried again: failures without a response, and status codes (inclusive ranges)."""

    conditions: tuple[str, ...] = ()
    statuses: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class BudgetSpec:
    """How many further tries there may be: `ratio` of the requests, a fraction, and `reserve` each second besides."""

    ratio: float
    reserve: float


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A condition on the path. A prefix is by segment: text `/a` takes `/a`, `/a/` and all below; text `` takes all.

    A glob is over the whole path (`*` also matches `/`); a regular expression is matched from the start (`re.match`).
    """

    kind: Literal["exact", "prefix", "glob", "regex"]
    text: str


@dataclass(frozen=True, slots=True)
class HostPattern:
    """A condition on the host, lower-case and without port. Wildcard text `example.org` takes every name below it."""

    kind: Literal["exact", "wildcard"]
    text: str


@dataclass(frozen=True, slots=True)
class FieldMatch:
    """A condition on one request field; the name is lower-case."""

    name: str
    kind: Literal["present", "exact", "regex"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class QueryMatch:
    """A condition on one parameter of the query."""

    name: str
    kind: Literal["present", "exact"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A field to set or add; name and value are valid by RFC 9110 §5.1 and §5.5."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A change of the path: `re.sub(pattern, replacement, path, count=1)`."""

    pattern: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """An answer with a Location: `redirect = https` is status 308 and target `https://{host}{uri}`.

    The target may hold `{path}`, `{query}`, `{host}` and `{uri}`; `{uri}` is path and query as received.
    """

    status: int
    target: str


@dataclass(frozen=True, slots=True)
class LockoutSpec:
    """Nobody may try any more after so many failures within `window` seconds."""

    failures: int
    window: float


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """A group and the names of users in it, in Unicode's normal form C."""

    name: str
    users: tuple[str, ...]
