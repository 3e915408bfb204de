"""The section that says which requests go where, and what is changed on the way."""

# ruff: noqa: RUF009 (option() makes a dataclass field)

from dataclasses import dataclass, field

from twisted_relay.config.addresses import HOST_CHOICE, NETWORKS
from twisted_relay.config.option import Parser, option
from twisted_relay.config.patterns import FIELD_MATCHES, HOSTS, METHODS, PATHS, PREFIX, QUERIES, REWRITE
from twisted_relay.config.responses import FIELD_LINES, FIELD_NAMES, MEDIA_TYPE, REDIRECT, STATUS, UPGRADES
from twisted_relay.config.scalars import PATH, SIZE, TEXT, reference, references, show_size
from twisted_relay.config.values import (
    NOWHERE,
    FieldLine,
    FieldMatch,
    HostPattern,
    Location,
    Network,
    PathPattern,
    QueryMatch,
    Redirect,
    Rewrite,
)

OWN_SIZE: Parser[int | None] = Parser(SIZE.kind, SIZE.read, lambda size: "" if size is None else show_size(size))
"""A size that may be left to another section."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOptions:
    """Which requests are taken, and what happens to them.

    Routes are tried in the order of the file and the first that matches takes the request. Several conditions in one
    route must all hold; of several values of one condition one is enough. A route without conditions takes everything.
    Each route has exactly one of `backend`, `respond` and `redirect`.
    """

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    listener: tuple[str, ...] = option(
        references("listener"),
        (),
        "Condition: the listeners that the route is for. Without it, all of them.",
        "web internal",
    )
    host: tuple[HostPattern, ...] = option(
        HOSTS,
        (),
        "Condition: the host of the request, without port. `*.example.org` takes all names below `example.org` at "
        "any depth, but not that name itself.",
        "example.org *.example.org",
    )
    path: tuple[PathPattern, ...] = option(
        PATHS,
        (),
        "Condition: the path of the request. `/a/b` takes exactly that path; `/a/*` takes `/a`, `/a/` and "
        "everything below; other patterns with `*` (any characters, also `/`) or `?` (one character) are compared "
        "with the whole path; after `~` stands a regular expression (Python's `re`), matched from the start of "
        "the path.",
        "/static/* *.css ~^/v[12]/",
    )
    method: tuple[str, ...] = option(
        METHODS,
        (),
        "Condition: the method of the request, in capital letters.",
        "GET HEAD",
    )
    header: tuple[FieldMatch, ...] = option(
        FIELD_MATCHES,
        (),
        "Condition: fields of the request, one on each line. `Name` asks that the field is there, `Name: value` "
        "that it has this value, `Name: ~expression` that the regular expression matches its value from the "
        "start. Of several lines with the same name one is enough; every name must match.",
        "X-Tenant: ~acme-[0-9]+\nX-Debug",
    )
    query: tuple[QueryMatch, ...] = option(
        QUERIES,
        (),
        "Condition: parameters of the query. `name` asks that it is there, `name=value` that it has this value. "
        "Of several values for the same name one is enough; every name must match.",
        "version=2 preview",
    )
    client: tuple[Network, ...] = option(
        NETWORKS,
        (),
        "Condition: the address of the client.",
        "10.0.0.0/8 ::1",
    )
    auth: str = option(
        reference("auth"),
        "",
        "The `[auth:NAME]` section with the users who may take the route. Whoever is none of them is answered 401: the "
        "routes below are not tried.",
        "staff",
    )
    backend: str = option(
        reference("backend"),
        "",
        "Destination: the `[backend:NAME]` section whose servers get the request.",
        "api",
    )
    strip_prefix: str = option(
        PREFIX,
        "",
        "Removes this from the start of the path before the request is forwarded, by whole segments: with `/v1`, "
        "`/v1/users` becomes `/users`. `Location` and the paths of cookies in responses get it back.",
        "/v1",
    )
    rewrite: Rewrite | None = option(
        REWRITE,
        None,
        "Changes the path before the request is forwarded: a regular expression, and what replaces its first "
        r"match (`\1` is the first group). It is applied after `strip_prefix`.",
        r"^/old/(.*) /new/\1",
    )
    upstream_host: str = option(
        HOST_CHOICE,
        "",
        "The `Host` that the server gets: `preserve` for the client's, `backend` for the server's own, or a name. "
        "Without it, `host` of the backend says.",
        "shop.example.org",
    )
    set_request_header: tuple[FieldLine, ...] = option(
        FIELD_LINES,
        (),
        "Fields for the request, one on each line; they replace those of the same name.",
        "X-Api-Version: 1\nX-Env: ${ENVIRONMENT:-test}",
    )
    add_request_header: tuple[FieldLine, ...] = option(
        FIELD_LINES,
        (),
        "Fields that are added to the request, one on each line, beside those of the same name.",
        "Accept-Encoding: identity",
    )
    remove_request_header: tuple[str, ...] = option(
        FIELD_NAMES,
        (),
        "Names of fields that are removed from the request.",
        "X-Debug Cookie",
    )
    set_response_header: tuple[FieldLine, ...] = option(
        FIELD_LINES,
        (),
        "Fields for the response, one on each line; they replace those of the same name.",
        "Cache-Control: no-store",
    )
    add_response_header: tuple[FieldLine, ...] = option(
        FIELD_LINES,
        (),
        "Fields that are added to the response, one on each line, beside those of the same name.",
        "Vary: X-Tenant",
    )
    remove_response_header: tuple[str, ...] = option(
        FIELD_NAMES,
        (),
        "Names of fields that are removed from the response.",
        "Server X-Powered-By",
    )
    respond: int | None = option(
        STATUS,
        None,
        "Destination: relay answers itself with this status, from 200 to 599.",
        "503",
    )
    respond_body: str = option(
        TEXT,
        "",
        r"The content of that answer. `\n` is a line break; several indented lines are understood too.",
        r"Back in an hour.\n",
    )
    respond_type: str = option(
        MEDIA_TYPE,
        "text/plain; charset=utf-8",
        "The `Content-Type` of that answer.",
        "text/html; charset=utf-8",
    )
    respond_file: str = option(
        PATH,
        "",
        "A file with the content of that answer, instead of `respond_body`. It is read once, when the "
        "configuration is loaded, and may have at most 1 MiB.",
        "/etc/relay/maintenance.html",
    )
    redirect: Redirect | None = option(
        REDIRECT,
        None,
        "Destination: a redirect. `https` is the same URL on https (status 308); otherwise a URL, with a status "
        "(301, 302, 303, 307, 308) before it if it shall not be 308. `{host}`, `{path}`, `{query}` and `{uri}` "
        "(path and query as received) are replaced.",
        "301 https://www.example.org{uri}",
    )
    upgrade: tuple[str, ...] = option(
        UPGRADES,
        (),
        "Protocols to which a connection may change with HTTP/1.1 `Upgrade`, such as `websocket`; `any` allows "
        "all, `off` none.",
        "websocket",
    )
    max_body: int | None = option(
        OWN_SIZE,
        None,
        "Size of a request's body. Larger ones are answered 413. 0 means no limit. Without it, the listener's "
        "`max_body` holds.",
        "100M",
    )
