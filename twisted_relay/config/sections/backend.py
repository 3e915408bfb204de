"""The section of a group of servers: who they are, how they are watched, and how patient relay is with them."""

# ruff: noqa: RUF009 (option() makes a dataclass field)

from dataclasses import dataclass, field

from twisted_relay.config.addresses import AUTHORITY, HOST_CHOICE, HOST_NAME, SERVERS
from twisted_relay.config.balance import BALANCE
from twisted_relay.config.breaker import BREAKER
from twisted_relay.config.discover import DISCOVER
from twisted_relay.config.ejection import OUTLIERS
from twisted_relay.config.health import CHECK, CHECK_HEADERS, EJECT, EXPRESSION, OCTETS, WINDOW
from twisted_relay.config.option import option
from twisted_relay.config.patterns import FIELD_MATCHES
from twisted_relay.config.retries import RETRY_BUDGET, RETRY_METHODS, RETRY_ON
from twisted_relay.config.scalars import ANY_TIME, BOOLEAN, PATH, PERCENT, TIME, choice, count, percent, size_between
from twisted_relay.config.sticky import STICKY
from twisted_relay.config.values import (
    NOWHERE,
    BalanceSpec,
    BreakerSpec,
    BudgetSpec,
    CheckSpec,
    CheckWindow,
    DiscoverSpec,
    EjectSpec,
    FieldLine,
    FieldMatch,
    Location,
    OutlierSpec,
    RetryOn,
    ServerSpec,
    StickySpec,
)

USUAL_EJECTION = EjectSpec(errors=5, window=10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendOptions:
    """A group of servers that can all answer the same requests."""

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    servers: tuple[ServerSpec, ...] = option(
        SERVERS,
        (),
        "The servers, one on each line: `[NAME] URL [weight=N] [tier=N] [backup] [max_connections=N] "
        "[max_requests=N]`. The URL is `http://HOST[:PORT]`, "
        "`https://HOST[:PORT]` or `unix:/PATH` (plain HTTP over a UNIX socket). The name, for logs and metrics, "
        "is the address when none is given. A server gets requests in proportion to its weight, 0 to 256, usually "
        "1; with 0 it gets none. Servers of tier 1, which is usual, come first; as fewer than 72 % of them are up, "
        "those of the next tier take over what is missing. Backup servers are used when no other is up. The limits "
        "are those of the backend, for this server alone. Several bare URLs may stand on one line. A "
        "backend has this option, or `discover`, or both.",
        "s1 http://10.0.0.11:8000 weight=2\ns2 http://10.0.0.12:8000\nhttps://spare.example.org backup",
    )
    discover: DiscoverSpec | None = option(
        DISCOVER,
        None,
        "Where servers are looked for while relay runs, besides those of `servers`, which stay as they are. "
        "`dns+a://NAME:PORT` takes every address of a name (A and AAAA records). `dns+srv://_http._tcp.NAME` takes "
        "SRV records: host, port, weight and priority, the lowest of which is tier 1. `file:PATH` takes the lines of "
        "a file, each as in `servers`. After it may stand `every=TIME`, the longest time between two looks (30s; an "
        "answer that holds for a shorter time is renewed earlier) or the time between two looks at a file (2s); "
        "`max=N`, the most servers that are taken (1000); and for DNS `scheme=https` and `family=ipv4` or "
        "`family=ipv6`. Names are complete: no search domain is added to them.",
        "dns+srv://_http._tcp.api.internal every=10s",
    )
    discover_hold: float = option(
        ANY_TIME,
        30.0,
        "How long a server must be missing from the answers of the DNS before it gets no more requests; what it is "
        "working on is finished. 0 believes the first answer. Answers that are no answer (an error, no such name, "
        "none at all) remove nobody, and a line that is taken out of a file takes its server out at once.",
        "2m",
    )
    balance: BalanceSpec = option(
        BALANCE,
        BalanceSpec("round-robin"),
        "How a server is chosen for a request. `round-robin` takes them in turn by weight, evenly spread; `random` "
        "draws one by weight, `random-two` draws two and takes the less loaded; `least-connections` takes the one "
        "with the fewest requests in flight for its weight, `least-time` the one that is expected to answer soonest, "
        "`first` the first in the file that has room. `hash KEY` gives all requests of one key to one server: "
        "`header:NAME`, `cookie:NAME`, `query:NAME`, `path` or `client-ip`; `ip-hash` does so with the client's "
        "network (three octets of an IPv4 address, a whole IPv6 address), and `maglev KEY` by another table. After "
        "these may stand `ring=ketama` (nginx's ring instead of `ring=rendezvous`; not with `maglev`), `bound=150%` "
        "(no server gets more than this part of the average load) and `fallback=POLICY` (for requests without a key; "
        "`random` if left out).",
        "hash cookie:session bound=150% fallback=least-connections",
    )
    sticky: StickySpec | None = option(
        STICKY,
        None,
        "Keeps each client at the server that it had first, by a cookie of this name. After the name may stand "
        "`secure`, `same-site=strict`, `max-age=1h`, `path=/shop` and `domain=NAME`. The cookie is HttpOnly, "
        "SameSite=Lax unless said otherwise, Secure on listeners with TLS, and taken off the request before a server "
        "sees it. A server that drains or has weight 0 keeps its clients, one that is down or ejected loses them to "
        "others. A client waits (`queue_timeout`) while its server is full.",
        "cookie RELAYSRV max-age=1d",
    )
    sticky_secret_file: str = option(
        PATH,
        "",
        "File with the secret that signs the cookie of `sticky`, 16 bytes at least. Without it anyone who knows the "
        "names of backend and server can choose a server; cookies stay the same over restarts either way.",
        "/etc/relay/sticky.secret",
    )
    slow_start: float = option(
        ANY_TIME,
        0.0,
        "Time in which a server that comes back, or is new, grows from a tenth of its share to all of it. It has no "
        "effect on policies that map keys to servers, nor at the start of relay. 0 gives the whole share at once.",
        "30s",
    )
    panic_threshold: float = option(
        percent(100),
        0.0,
        "When fewer than this many of the servers of a tier are up, and the other tiers cannot take over either, "
        "checks and ejections are not believed: all get requests, those in maint and drain excepted. 0% never does.",
        "50%",
    )
    host: str = option(
        HOST_CHOICE,
        "preserve",
        "The `Host` that servers get: `preserve` for the client's, `backend` for the address of the server as in "
        "its URL, or a name.",
        "backend",
    )
    check: CheckSpec | None = option(
        CHECK,
        None,
        "What every server is asked from time to time, to see whether it is up. A request, `GET /health`, with "
        "`status=200-299,401` after it when other status codes than 200 to 399 mean that it is; `tcp`: a connection "
        "can be made; `tls`: a TLS handshake succeeds, with a certificate that traffic would accept. `off` trusts "
        "every server.",
        "GET /health status=200-299",
    )
    check_interval: float = option(
        TIME,
        5.0,
        "Time between two checks of one server.",
        "2s",
    )
    check_fast_interval: float = option(
        TIME,
        1.0,
        "Time between two checks while there is no verdict yet, or while the last results speak against the state of "
        "the server. Never longer than `check_interval`.",
        "500ms",
    )
    check_down_interval: float = option(
        ANY_TIME,
        0.0,
        "Time between two checks of a server that is down. 0: as `check_interval`.",
        "10s",
    )
    check_timeout: float = option(
        TIME,
        2.0,
        "Time after which an unanswered check has failed.",
        "1s",
    )
    check_rise: int = option(
        count(1, 1000),
        2,
        "Good checks in a row after which a server that was down is up.",
        "3",
    )
    check_fall: int = option(
        count(1, 1000),
        3,
        "Failed checks in a row after which a server is down.",
        "2",
    )
    check_window: CheckWindow | None = option(
        WINDOW,
        None,
        "Instead of `check_rise` and `check_fall`: a server is up while so many of its last checks were good, "
        "whatever their order. Steadier than a count in a row when single checks fail now and then.",
        "3 of 8",
    )
    check_jitter: float = option(
        PERCENT,
        0.1,
        "By how much the time between checks varies at random, up and down, so that they do not all come at once: "
        "0% to 50%.",
        "20%",
    )
    check_spread: float = option(
        ANY_TIME,
        2.0,
        "Time over which the first checks of a backend's servers are spread when there are more than 50 of them; the "
        "first 50 are asked at once.",
        "10s",
    )
    check_initial: str = option(
        choice("checking", "up", "down"),
        "checking",
        "What a server is before its first check has ended. `checking`: it gets nothing yet, requests wait for it; one "
        "good check is enough, `check_fall` failures make it down. `up`: it gets requests. `down`: it takes "
        "`check_rise` good checks.",
        "up",
    )
    check_grace: float = option(
        ANY_TIME,
        10.0,
        "Time after which a server that is still `checking` gets requests as if it were up. 0: never.",
        "30s",
    )
    check_port: int = option(
        count(0, 65535),
        0,
        "The port that checks connect to. 0: that of the server.",
        "8081",
    )
    check_host: str = option(
        AUTHORITY,
        "",
        "The `Host` of checks. Without it, the address of the server.",
        "health.example.org",
    )
    check_header: tuple[FieldLine, ...] = option(
        CHECK_HEADERS,
        (),
        "Further fields of the request of a check, one on each line.",
        "Accept: application/json\nX-Health: relay",
    )
    check_expect_header: tuple[FieldMatch, ...] = option(
        FIELD_MATCHES,
        (),
        "Fields that the answer to a check must have, one on each line: `Name`, `Name: value` or `Name: ~expression`. "
        "Lines of one name are alternatives.",
        "X-Ready: yes\nContent-Type: ~application/json",
    )
    check_expect_body: str = option(
        EXPRESSION,
        "",
        "A regular expression that must match somewhere in the first 256 KiB of the answer to a check.",
        '"status": *"ok"',
    )
    check_send: bytes = option(
        OCTETS,
        b"",
        "What `check = tcp` sends when it is connected; `\\r`, `\\n`, `\\t`, `\\0`, `\\\\` and `\\xHH` are understood.",
        "PING\\r\\n",
    )
    check_expect: bytes = option(
        OCTETS,
        b"",
        "What must stand in the first 64 KiB that the server sends to `check = tcp`, written as in `check_send`.",
        "+PONG",
    )
    check_reuse: bool = option(
        BOOLEAN,
        True,
        "Whether HTTP checks keep a connection of their own for the next check. With `off` every check connects anew.",
        "off",
    )
    eject_after: EjectSpec | None = option(
        EJECT,
        USUAL_EJECTION,
        "Takes a server out for a while when this many requests in a row fail within this time (no connection, a "
        "broken or no response, status 502, 503 or 504, or one of 500 and above that `retry_on` names). `off` never "
        "does.",
        "3 errors in 30s",
    )
    eject_outliers: OutlierSpec | None = option(
        OUTLIERS,
        None,
        "Takes a server out for a while when it fails more requests than the others do. Every 10 seconds, the servers "
        "that had `requests=100` are compared, if they are `servers=5` or more: out goes whose share of good answers "
        "(not 5xx) is this many standard deviations below their mean, and `margin=5%` below it at least. `on` is "
        "`1.9 stdev` with these.",
        "1.9 stdev requests=100 servers=5",
    )
    eject_for: float = option(
        TIME,
        10.0,
        "How long a server is taken out by `eject_after` and `eject_outliers`: the second time twice as long, and so "
        "on. One time is forgotten for every 10 seconds in which it is not out.",
        "30s",
    )
    eject_max: float = option(
        TIME,
        300.0,
        "The longest time for which a server is taken out.",
        "1m",
    )
    eject_percent: float = option(
        percent(100),
        0.5,
        "The most servers that are taken out at once, as a part of those that otherwise would get requests. One always "
        "may be, but never the last one.",
        "20%",
    )
    eject_until_check: bool = option(
        BOOLEAN,
        False,
        "Whether a good check brings a server back before its time. Then `check` should ask for what requests need: "
        "else a server that fails them and passes it comes and goes.",
        "on",
    )
    breaker: BreakerSpec | None = option(
        BREAKER,
        None,
        "Answers 503 at once, without asking any server, for a while after this share of the requests has failed "
        "within this time. A request has failed when its last try got no response or one of these status codes "
        "(`status=500,502-504`), or waited longer than `slow=TIME` for it. Nothing happens before `min=20` requests "
        "have ended within the time.",
        "50% errors in 10s min=20",
    )
    breaker_open: float = option(
        TIME,
        10.0,
        "How long the breaker lets no request in once it has opened.",
        "5s",
    )
    breaker_recovery: float = option(
        TIME,
        10.0,
        "Time after that, from the next request on, in which a rising part of the requests is let in: the first one, "
        "then few, at its end all. If too many of them fail the breaker opens again.",
        "30s",
    )
    connect_timeout: float = option(
        TIME,
        5.0,
        "Time to connect to a server, TLS included. Then the next server is tried.",
        "2s",
    )
    response_timeout: float = option(
        TIME,
        60.0,
        "Time from the request sent to the header of the response. Then the answer is 504.",
        "30s",
    )
    idle_timeout: float = option(
        TIME,
        60.0,
        "Time without any progress of a response's body. Then the client's connection is closed, so that it does "
        "not take half a response for a whole one.",
        "5m",
    )
    tunnel_timeout: float = option(
        TIME,
        3600.0,
        "Time without any byte, either way, on a connection that has changed its protocol (WebSocket). Then it is "
        "closed.",
        "10m",
    )
    retries: int = option(
        count(0, 100),
        2,
        "Further tries of a request that failed or was answered as in `retry_on`: on another server if there is one. "
        "0 tries once.",
        "1",
    )
    retry_on: RetryOn = option(
        RETRY_ON,
        RetryOn(("connect", "reset", "empty")),
        "After what a request is tried again: `connect` (no connection, so nothing was sent), `reset` (the server cut "
        "the connection before it answered), `empty` (it closed the connection in good order without an answer), "
        "`timeout` (no header of a response in `response_timeout` or `per_try_timeout`), and status codes from 400 to "
        "599 or ranges of them. `off` never does.",
        "connect reset empty timeout 502-504",
    )
    retry_methods: tuple[str, ...] = option(
        RETRY_METHODS,
        ("safe",),
        "Which requests may be sent a second time when a server may have acted on the first: `safe` (GET, HEAD, "
        "OPTIONS, TRACE), `idempotent` (PUT and DELETE too), `any`, or a list of methods. Requests of which nothing "
        "was sent may always be tried again.",
        "idempotent",
    )
    retry_buffer: int = option(
        size_between(0, 64 * 1024 * 1024),
        65536,
        "Content of a request that is kept while it is sent, so that it can be sent again. A request with more is not "
        "tried again once content was sent.",
        "1M",
    )
    retry_backoff: float = option(
        ANY_TIME,
        0.025,
        "The base of the waiting time before a further try. The first on another server is made at once; then the wait "
        "is random from 0 up to 1, 3, 7, … times this.",
        "100ms",
    )
    retry_backoff_max: float = option(
        ANY_TIME,
        0.25,
        "The longest wait before a further try.",
        "2s",
    )
    retry_budget: BudgetSpec | None = option(
        RETRY_BUDGET,
        BudgetSpec(0.2, 10.0),
        "The further tries that all requests of the last 10 seconds together may cause: a share of the requests, and "
        "so many each second besides. When it is used up, a failure is answered as it is. `off` sets no limit.",
        "10% min=5/s",
    )
    per_try_timeout: float = option(
        ANY_TIME,
        0.0,
        "Time for one try, from the connecting to the header of the response; in force beside `connect_timeout` and "
        "`response_timeout`. 0 means no such limit.",
        "2s",
    )
    total_timeout: float = option(
        ANY_TIME,
        0.0,
        "Time for all tries together, waiting included, until the header of the response. Then the answer is 504. 0 "
        "means no such limit.",
        "10s",
    )
    hedge: bool = option(
        BOOLEAN,
        False,
        "Whether a GET or HEAD without content that takes longer than 95% of its route's requests gets a second try, "
        "on another server; the first good answer wins and the other is cancelled. At least 10 ms are waited, and 100 "
        "answers of the last minute must be known.",
        "on",
    )
    hedge_budget: float = option(
        PERCENT,
        0.05,
        "The part of the requests of the last 10 seconds that may get such a second try: 0% to 50%.",
        "2%",
    )
    max_connections_per_server: int = option(
        count(),
        0,
        "Connections to one server, idle ones included. When all servers are full, requests wait "
        "(`queue_length`). 0 means no limit.",
        "200",
    )
    max_requests_per_server: int = option(
        count(),
        0,
        "Requests that one server may have at once, upgraded connections among them. With HTTP/1.1 each takes a "
        "connection, so the lower of this and `max_connections_per_server` counts. 0 means no limit.",
        "64",
    )
    adaptive_limit: bool = option(
        BOOLEAN,
        False,
        "Whether the requests that a server may have at once follow from how long it takes: more while answers come as "
        "fast as without load, fewer when they wait inside the server; 3 to 1000, and never above the limits that are "
        "set. To know its time without load, each server gets 3 requests at once for a moment every minute.",
        "on",
    )
    queue_length: int = option(
        count(),
        1024,
        "Requests that may wait while every server is full. Further ones are answered 503. With 0 none may wait.",
        "100",
    )
    queue_timeout: float = option(
        TIME,
        5.0,
        "Time a request may wait while every server is full, or not checked yet. Then the answer is 503.",
        "1s",
    )
    queue_order: str = option(
        choice("fair", "fifo"),
        "fair",
        "Whose turn it is when a server has room: `fair` serves the addresses of clients in turn, so that one with "
        "many requests does not keep the others waiting, and drops the last of the longest line when the queue is "
        "full; `fifo` serves in the order of arrival.",
        "fifo",
    )
    pool_idle: int = option(
        count(),
        256,
        "Idle connections that are kept for each server. 0 keeps none: every request connects anew.",
        "32",
    )
    pool_idle_timeout: float = option(
        TIME,
        30.0,
        "Time an idle connection to a server is kept. It should be shorter than the server's own keep-alive time.",
        "4s",
    )
    pool_max_requests: int = option(
        count(),
        0,
        "Requests on one connection to a server, which is closed after the last of them. 0 means no limit.",
        "1000",
    )
    pool_max_age: float = option(
        ANY_TIME,
        0.0,
        "Age at which a connection to a server is no longer used for new requests. 0 means no limit.",
        "1h",
    )
    tls_verify: bool = option(
        BOOLEAN,
        True,
        "Whether the certificates of https servers are verified. With `off`, anyone on the path can read and "
        "change what is sent.",
        "off",
    )
    tls_ca: str = option(
        PATH,
        "",
        "File with the certificates, in PEM format, of the authorities that are trusted for https servers. "
        "Without it, the system's.",
        "/etc/relay/tls/internal-ca.pem",
    )
    tls_name: str = option(
        HOST_NAME,
        "",
        "The name that https servers are asked for (SNI) and that their certificate must have. Without it, the "
        "host of the server's URL.",
        "api.internal.example.org",
    )
    tls_cert: str = option(
        PATH,
        "",
        "File with a client certificate, in PEM format, for https servers that ask for one. `tls_key` must be "
        "given too.",
        "/etc/relay/tls/client.pem",
    )
    tls_key: str = option(
        PATH,
        "",
        "File with the private key of `tls_cert`, in PEM format.",
        "/etc/relay/tls/client.key",
    )

    @property
    def title(self) -> str:
        """Its section, as messages name it."""
        return f"[backend:{self.name}]"

    @property
    def label(self) -> str:
        """Its name among all groups of servers: in metrics, logs and commands."""
        return self.name

    @property
    def may_have_https(self) -> bool:
        """Whether some server speaks TLS, or may: those that a file will name are not known."""
        discover = self.discover
        may_come = discover is not None and (discover.kind == "file" or discover.scheme == "https")
        return may_come or any(server.scheme == "https" for server in self.servers)

    @property
    def times(self) -> tuple[float, ...]:
        """The limits that are kept by looking at the deadlines, in seconds; 0.0 for those that are not set."""
        return (
            self.response_timeout,
            self.per_try_timeout,
            self.idle_timeout,
            self.pool_idle_timeout,
            self.tunnel_timeout,
        )
