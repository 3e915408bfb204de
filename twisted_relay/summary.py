"""What the daemon says when it has started: listeners, routes in order, backends; and what somebody should know.

Plain functions of the configuration and of the addresses that were bound. Times are seconds.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from twisted_relay.config.balance import show_balance
from twisted_relay.config.discover import show_place
from twisted_relay.config.health import show_check
from twisted_relay.config.rates import show_rate
from twisted_relay.config.tree import BackendOptions, Config, ListenerOptions, ParentOptions, RouteOptions
from twisted_relay.config.values import FieldMatch, HostPattern, PathPattern, QueryMatch, Redirect, ServerSpec

MOST_LINES = 50
"""Lines for the routes, and for the backends, that are shown."""
MOST_ITEMS = 8
"""Values of one condition, or servers of one backend, that are shown."""


def summary(
    config: Config, bound: Mapping[str, Sequence[str]], admin: Sequence[str], control: Sequence[str] = ()
) -> list[str]:
    """The lines; `bound` has the addresses of each listener by its name, `admin` those of the private one, `control`
    the socket for control."""
    listeners = [_listener(options, bound.get(options.name, ())) for options in config.listeners]
    routes = [f"route {number}: {_route(options)}" for number, options in enumerate(config.routes, 1)]
    backends = [_backend(options) for options in config.backends.values()]
    logs = [f"log {options.name}: {options.format} to {options.to}" for options in config.logs.values()]
    private = [f"admin: {', '.join(admin)}: /metrics /-/healthy /-/ready"] if admin else []
    private += [f"control: {', '.join(control)}"] if control else []
    counted = config.accounting
    accounting = [f"accounting: the {counted.top} largest {' and '.join(counted.of)}"] if counted.top else []
    parents = [_parent(options) for options in config.parents.values()]
    return [
        *listeners,
        *_first(routes, "routes"),
        *_first(backends, "backends"),
        *_first(parents, "parents"),
        *logs,
        *accounting,
        *private,
    ]


def warnings(config: Config) -> list[str]:
    """What whoever runs this should know, although it may be meant so."""
    return [
        f"listener {options.name}: open = yes: everybody who reaches it can use it as a proxy"
        for options in config.listeners
        if options.open and options.leads_out
    ] + [
        f"{_named(options)}: tls_verify = off: anyone on the way to its servers can read and change what is sent"
        for options in (*config.backends.values(), *config.parents.values())
        if not options.tls_verify and options.may_have_https
    ]


def _first(lines: list[str], what: str) -> list[str]:
    if len(lines) <= MOST_LINES:
        return lines
    return [*lines[:MOST_LINES], f"and {len(lines) - MOST_LINES} more {what}"]


def _joined(items: Iterable[object]) -> str:
    texts = [str(item) for item in items]
    more = f" and {len(texts) - MOST_ITEMS} more" if len(texts) > MOST_ITEMS else ""
    return ", ".join(texts[:MOST_ITEMS]) + more


def _listener(options: ListenerOptions, bound: Sequence[str]) -> str:
    where = ", ".join(bound or map(str, options.bind))
    parts = [f"listener {options.name}: {where}", f"TLS with [tls:{options.tls}]" if options.tls else "no TLS"]
    if options.leads_out:
        kind = "SOCKS5 proxy" if options.mode == "socks5" else "forward proxy"
        parts.append(f"{kind} with [rules:{options.rules}]" if options.rules else f"{kind} without rules")
        if options.parent:
            parts.append(f"through parent {options.parent}")
        parts += _limits(options)
        if options.pac and options.mode == "forward":
            parts.append("PAC file at /proxy.pac")
    elif options.redirect is not None:
        parts.append(f"otherwise {_redirect(options.redirect)}")
    elif options.backend:
        parts.append(f"otherwise → backend {options.backend}")
    if options.auth:
        parts.append(f"for users of [auth:{options.auth}]")
    if options.access_log:
        parts.append(f"access log {options.access_log}")
    return "; ".join(parts)


def _limits(options: ListenerOptions) -> Iterator[str]:
    for rate, whose in (
        (options.bandwidth, ""),
        (options.bandwidth_per_user, " per user"),
        (options.bandwidth_per_client, " per client"),
    ):
        if rate:
            yield f"at most {show_rate(rate)}{whose}"


def _route(options: RouteOptions) -> str:
    users = f" → users of [auth:{options.auth}]" if options.auth else ""
    return f"{options.name}: {'; '.join(_conditions(options)) or 'every request'}{users} → {_destination(options)}"


def _conditions(options: RouteOptions) -> Iterator[str]:
    for name, values in (
        ("listener", options.listener),
        ("host", map(_host, options.host)),
        ("path", map(_path, options.path)),
        ("method", options.method),
        ("header", map(_field, options.header)),
        ("query", map(_query, options.query)),
        ("client", options.client),
    ):
        text = _joined(values)
        if text:
            yield f"{name} {text}"


def _destination(options: RouteOptions) -> str:
    if options.respond is not None:
        return f"respond {options.respond}"
    if options.redirect is not None:
        return _redirect(options.redirect)
    return f"backend {options.backend}"


def _redirect(redirect: Redirect) -> str:
    return f"redirect {redirect.status} to {redirect.target}"


def _host(pattern: HostPattern) -> str:
    return f"*.{pattern.text}" if pattern.kind == "wildcard" else pattern.text


def _path(pattern: PathPattern) -> str:
    if pattern.kind == "prefix":
        return f"{pattern.text}/*"
    return f"~{pattern.text}" if pattern.kind == "regex" else pattern.text


def _field(match: FieldMatch) -> str:
    if match.kind == "present":
        return match.name
    return f"{match.name}: {'~' if match.kind == 'regex' else ''}{match.text}"


def _query(match: QueryMatch) -> str:
    return match.name if match.kind == "present" else f"{match.name}={match.text}"


def _backend(options: BackendOptions) -> str:
    return "; ".join(_watched(options))


def _parent(options: ParentOptions) -> str:
    parts = list(_watched(options))
    if options.for_:
        names = _joined(f".{domain.name}" if domain.below else domain.name for domain in options.for_)
        parts.append(f"for {names}")
    if options.direct:
        parts.append("otherwise straight")
    return "; ".join(parts)


def _watched(options: BackendOptions) -> Iterator[str]:
    """Who the servers are, and how they are looked after."""
    yield f"{_named(options)}: {show_balance(options.balance)} over {_servers(options)}"
    if options.check is not None:
        check = options.check
        asked = f"{check.method} {check.path}" if check.kind == "http" else show_check(check)
        yield f"check {asked} every {options.check_interval:g}s"
    if options.eject_after is not None:
        yield f"ejected after {options.eject_after.errors} errors in {options.eject_after.window:g}s"
    if options.eject_outliers is not None:
        yield f"ejected {options.eject_outliers.deviations:g} standard deviations below the others"
    if options.breaker is not None:
        yield f"breaker opens at {options.breaker.share * 100:g}% errors in {options.breaker.window:g}s"


def _named(options: BackendOptions) -> str:
    return f"{'parent' if isinstance(options, ParentOptions) else 'backend'} {options.name}"


def _servers(options: BackendOptions) -> str:
    """The servers that are known, and where others are looked for."""
    known = _joined(map(_server, options.servers))
    if options.discover is None:
        return known
    found = f"what is found at {show_place(options.discover)} every {options.discover.every:g}s"
    return f"{known} and {found}" if known else found


def _server(spec: ServerSpec) -> str:
    text = str(spec.address) if spec.scheme == "http" else f"{spec.scheme}://{spec.address}"
    if spec.name != str(spec.address):
        text = f"{spec.name} {text}"
    if spec.weight != 1:
        text += f" weight={spec.weight}"
    return text + (" backup" if spec.backup else "")
