"""The section of other proxies through which a forward proxy goes out: a backend that is reached in another way.

What of a backend says something of requests and of who answers them is taken away here: a parent is a way to any
number of origins, whose times, status codes and cookies are not its own.
"""

# ruff: noqa: RUF009 (option() makes a dataclass field)

from dataclasses import dataclass

from twisted_relay.config.discover import DISCOVER_PROXIES
from twisted_relay.config.option import option
from twisted_relay.config.parents import FOR, PARENT_CHECK, PARENTS, USER_NAME
from twisted_relay.config.rule_values import Domain
from twisted_relay.config.scalars import BOOLEAN, PATH, TIME
from twisted_relay.config.sections.backend import BackendOptions
from twisted_relay.config.values import (
    BreakerSpec,
    CheckSpec,
    DiscoverSpec,
    FieldLine,
    FieldMatch,
    OutlierSpec,
    ServerSpec,
    StickySpec,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentOptions(BackendOptions):
    """Other proxies through which forward proxies go out, all to the same effect; one is chosen for each request.

    A request goes through a parent when the rule that allows it ends with `parent NAME`, else when its host is in `for`
    of a parent, else when its listener has `parent = NAME`. The parent resolves names. What is said of servers and
    requests below holds for the proxies of a parent, and for tunnels through them too.
    """

    servers: tuple[ServerSpec, ...] = option(
        PARENTS,
        (),
        "The proxies, one on each line: `[NAME] URL [weight=N] [tier=N] [backup] [max_connections=N] "
        "[max_requests=N]`, as in a backend. The URL is `http://HOST:PORT`, `https://HOST:PORT` (TLS to the proxy), "
        "`socks5://HOST:PORT`, or `unix:/PATH` for an HTTP proxy at a UNIX socket. A parent "
        "has this option, or `discover`, or both.",
        "p1 http://proxy1.example.org:3128\np2 https://proxy2.example.org:3129 weight=2\nsocks5://10.0.0.9:1080 backup",
    )
    discover: DiscoverSpec | None = option(
        DISCOVER_PROXIES,
        None,
        "Where proxies are looked for while relay runs, as servers of a backend are. `scheme` may also be "
        "`socks5`, and the lines of a file are as in `servers`.",
        "dns+a://proxies.example.internal:3128 scheme=https every=10s",
    )
    for_: tuple[Domain, ...] = option(
        FOR,
        (),
        "Names that all forward proxies reach through this parent, unless a rule says otherwise: `example.org` for "
        "that name, `.example.org` for it and all names below it. Of several that match, the longest counts.",
        ".hq.example.internal intranet.example.org",
    )
    username: str = option(
        USER_NAME,
        "",
        "The name that proxies are told. With it `password_file` is needed.",
        "relay",
    )
    password_file: str = option(
        PATH,
        "",
        "File with the password, in its first line; read when relay starts. HTTP proxies get both as `Basic`, SOCKS5 "
        "proxies as RFC 1929 has it.",
        "/etc/relay/hq-password",
    )
    direct: bool = option(
        BOOLEAN,
        False,
        "Whether requests go straight to their destination, past the guard, when no proxy of the parent is up or can "
        "be connected to. Otherwise they are answered 502 or 503.",
        "yes",
    )
    check: CheckSpec | None = option(
        PARENT_CHECK,
        None,
        "What every proxy is asked from time to time, to see whether it is up. `tcp`: a connection can be made; `tls`: "
        "a TLS handshake succeeds; `connect HOST:PORT`: a tunnel to there can be opened through it, with the "
        "credentials of traffic. `off` trusts every proxy.",
        "connect www.example.org:443",
    )
    connect_timeout: float = option(
        TIME,
        5.0,
        "Time to connect to a proxy, TLS included; for tunnels and SOCKS5 until it has opened the way to the "
        "destination. Then the next proxy is tried.",
        "10s",
    )

    # Not options: what they would say is said by others than the parent, or does nothing.
    sticky: StickySpec | None = None
    sticky_secret_file: str = ""
    host: str = "preserve"
    check_host: str = ""
    check_header: tuple[FieldLine, ...] = ()
    check_expect_header: tuple[FieldMatch, ...] = ()
    check_expect_body: str = ""
    check_reuse: bool = True
    eject_outliers: OutlierSpec | None = None
    breaker: BreakerSpec | None = None
    breaker_open: float = 10.0
    breaker_recovery: float = 10.0
    hedge: bool = False
    hedge_budget: float = 0.05
    adaptive_limit: bool = False
    tunnel_timeout: float = 3600.0

    @property
    def title(self) -> str:
        """See `BackendOptions`."""
        return f"[parent:{self.name}]"

    @property
    def label(self) -> str:
        """See `BackendOptions`."""
        return f"parent:{self.name}"
