"""The section towards clients: listener."""

# ruff: noqa: RUF009 (option() makes a dataclass field)

from dataclasses import dataclass, field

from twisted_relay.config.addresses import BINDS, NETWORKS
from twisted_relay.config.block_page import CONTACT
from twisted_relay.config.browsers import PAC_DIRECT, PAC_PROXIES
from twisted_relay.config.destinations import DESTINATIONS
from twisted_relay.config.option import Parser, option, required
from twisted_relay.config.ports import OWN_PORTS, PORTS, PortRange, has_port
from twisted_relay.config.rates import RATE_OR_OFF
from twisted_relay.config.responses import FIELD_LINES, FIELD_NAMES, REDIRECT
from twisted_relay.config.scalars import (
    ANY_TIME,
    BOOLEAN,
    MODE,
    PATH,
    SIZE,
    TIME,
    choice,
    count,
    reference,
    reference_or_off,
    size_between,
)
from twisted_relay.config.values import (
    NOWHERE,
    AllowedDestination,
    BindAddress,
    FieldLine,
    Location,
    Network,
    PacDirect,
    PacProxy,
    Redirect,
)

OWN_BOOLEAN: Parser[bool | None] = Parser(
    BOOLEAN.kind, BOOLEAN.read, lambda flag: "" if flag is None else BOOLEAN.show(flag)
)
WEB_OVER_TLS: tuple[PortRange, ...] = ((443, 443),)
WEB: tuple[PortRange, ...] = ((80, 80), (443, 443))
PROXIES = ("forward", "socks5")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerOptions:
    """Addresses where clients connect, with their limits."""

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    bind: tuple[BindAddress, ...] = required(
        BINDS,
        (),
        "One or more addresses to listen on: `127.0.0.1:8080`, `[::1]:8080`, `:8080` for all interfaces (IPv4 and "
        "IPv6), or `unix:/run/relay/web.sock`. Of names only `localhost` is understood. Port 0 takes a free port.",
        ":80 [::1]:8080",
    )
    tls: str = option(
        reference("tls"),
        "",
        "The `[tls:NAME]` section with the certificate. Without it the listener speaks plain HTTP, or plain SOCKS5.",
        "www",
    )
    backend: str = option(
        reference("backend"),
        "",
        "The `[backend:NAME]` section for requests that no route takes. Without it they are answered 404.",
        "app",
    )
    access_log: str = option(
        reference_or_off("log"),
        "",
        "The `[log:NAME]` section that gets a line for every request, or `off`.",
        "main",
    )
    max_connections: int = option(
        count(),
        20_000,
        "Open connections on this listener. Further ones wait in the system's queue until one is closed. 0 means "
        "no limit.",
        "5000",
    )
    max_connections_per_client: int = option(
        count(),
        0,
        "Open connections from one client address; further ones are closed at once. 0 means no limit.",
        "100",
    )
    max_requests: int = option(
        count(),
        10_000,
        "Requests on one connection, which is closed after the last of them. 0 means no limit.",
        "1000",
    )
    header_timeout: float = option(
        TIME,
        10.0,
        "Time from the first byte of a request to the end of its header. Then the answer is 408 and the "
        "connection is closed. With `mode = socks5` it is the time for each message of a client.",
        "5s",
    )
    body_timeout: float = option(
        TIME,
        30.0,
        "Time without any progress of a request's body. Then the answer is 408 and the connection is closed.",
        "1m",
    )
    send_timeout: float = option(
        TIME,
        60.0,
        "Time without any progress of writing to a client that does not read. Then its connection is closed.",
        "30s",
    )
    idle_timeout: float = option(
        TIME,
        60.0,
        "Time a connection may stay open without a request. Then it is closed silently.",
        "15s",
    )
    max_request_line: int = option(
        size_between(64, 1024**2),
        8 * 1024,
        "Length of the request line (method, target, version). Longer ones are answered 414.",
        "16k",
    )
    max_header: int = option(
        size_between(64, 16 * 1024**2),
        32 * 1024,
        "Size of all header fields of a request together. Larger ones are answered 431.",
        "64k",
    )
    max_header_fields: int = option(
        count(1, 100_000),
        200,
        "Number of header fields of a request. More are answered 431.",
        "100",
    )
    max_body: int = option(
        SIZE,
        0,
        "Size of a request's body. Larger ones are answered 413. Bodies are streamed, so that large ones cost no "
        "memory. A route may have its own `max_body`. 0 means no limit.",
        "10M",
    )
    backlog: int = option(
        count(1, 65_535),
        1024,
        "Connections that the system keeps waiting until they are accepted. The kernel's `net.core.somaxconn` "
        "limits it.",
        "4096",
    )
    socket_mode: int = option(
        MODE,
        0o660,
        "File permissions of UNIX sockets in `bind`, in octal.",
        "0666",
    )
    trusted_proxies: tuple[Network, ...] = option(
        NETWORKS,
        (),
        "Peers whose `X-Forwarded-*` and `Forwarded` fields are kept and appended to. From all others these "
        "fields are replaced, because anyone can write them. Name only proxies of your own.",
        "10.0.0.0/8 fd00::/8",
    )
    redirect: Redirect | None = option(
        REDIRECT,
        None,
        "Answers requests that no route takes with a redirect: `https` for the same URL on https (status 308), or "
        "a URL with a status before it if it shall not be 308. `{host}`, `{path}`, `{query}` and `{uri}` (path "
        "and query as received) are replaced.",
        "https",
    )
    half_close: str = option(
        choice("abort", "serve"),
        "abort",
        "What it means when a client closes its sending side while its request is served: `abort` takes it as "
        "gone and cancels the request, `serve` still sends the response.",
        "serve",
    )
    via: bool | None = option(
        OWN_BOOLEAN,
        None,
        "Whether a `Via` field is added to requests and responses (RFC 9110 §7.6.3). Without this option a gateway "
        "adds it and a forward proxy does not.",
        "off",
    )
    forwarded: bool | None = option(
        OWN_BOOLEAN,
        None,
        "Whether servers are told of the client in `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` and `Forwarded`. With "
        "`off` these fields are removed, whoever wrote them. Without this option a gateway tells and a forward proxy "
        "hides its clients.",
        "off",
    )
    mode: str = option(
        choice("gateway", *PROXIES),
        "gateway",
        "What the listener is: `gateway` answers for the servers behind it, by routes and backends; `forward` is a "
        "forward proxy, which goes where its clients say: `http://` URIs, and CONNECT for everything else; `socks5` is "
        "one for clients that speak SOCKS5 (RFC 1928), with tunnels only.",
        "forward",
    )
    auth: str = option(
        reference("auth"),
        "",
        "The `[auth:NAME]` section with the users of a forward proxy. Whoever is none of them is answered 407; "
        "with `mode = socks5` the connection is refused (RFC 1929).",
        "staff",
    )
    connect_ports: tuple[PortRange, ...] | None = option(
        OWN_PORTS,
        None,
        "Ports that clients of a forward proxy may reach with CONNECT: single ones, ranges, or `any`. Others are "
        "answered 403. Without this option it is 443; with `mode = socks5`, where plain HTTP is a tunnel too, it "
        "is 80 and 443.",
        "443 8443 9000-9099",
    )
    peek: str = option(
        choice("off", "sni"),
        "off",
        "Whether a look is taken at the name that a client asks for inside its tunnel. With `sni` the first TLS "
        "message is read, nothing is decrypted, and its name (SNI) is judged by the same `rules` as the destination of "
        "the tunnel. Both must be allowed.",
        "sni",
    )
    peek_ports: tuple[PortRange, ...] = option(
        PORTS,
        WEB_OVER_TLS,
        "Ports of destinations whose tunnels `peek` looks into: ports, ranges, or `any`.",
        "443 8000-8999",
    )
    peek_timeout: float = option(
        TIME,
        5.0,
        "Time from the first byte that a client sends through its tunnel to the end of its TLS hello. Then the tunnel "
        "is closed. A client that sends nothing has until `tunnel_idle_timeout`.",
        "2s",
    )
    sni_mismatch: str = option(
        choice("allow", "refuse"),
        "allow",
        "What becomes of a tunnel in which another name is asked for than CONNECT has named. An address "
        "that CONNECT names says nothing about names: then none is another.",
        "refuse",
    )
    sni_missing: str = option(
        choice("allow", "refuse"),
        "allow",
        "What becomes of a tunnel whose TLS hello asks for no name.",
        "refuse",
    )
    not_tls: str = option(
        choice("allow", "refuse"),
        "allow",
        "What becomes of a tunnel in which something else than TLS is spoken, or in which the server speaks first.",
        "refuse",
    )
    connect_timeout: float = option(
        TIME,
        5.0,
        "Time to connect to a destination of a forward proxy. Then the answer is 504.",
        "2s",
    )
    response_timeout: float = option(
        TIME,
        60.0,
        "Time from a request of a forward proxy's client sent to the header of the response. Then the answer is 504.",
        "30s",
    )
    tunnel_idle_timeout: float = option(
        TIME,
        600.0,
        "Time without any byte, either way, in a tunnel that a client of a forward proxy has opened. Then it is "
        "closed.",
        "1h",
    )
    tunnel_max_age: float = option(
        ANY_TIME,
        0.0,
        "Age at which such a tunnel is closed, whatever goes through it. 0 means no limit.",
        "12h",
    )

    allow_destination: tuple[AllowedDestination, ...] = option(
        DESTINATIONS,
        (),
        "Exceptions from the guard of a forward proxy, which refuses addresses that are private, of this machine, or "
        "otherwise not of the public Internet: networks, and names with whatever they resolve to, `.example.org` with "
        "all names below it. With `:PORT`, or several as in `:80,443,8000-8099`, only there. Listeners of relay itself "
        "are reached only by an exception that names their port.",
        "10.20.0.0/16 [fd00:1::/32]:443 wiki.example.org:80,443 .inner.example.org",
    )
    bandwidth: int = option(
        RATE_OR_OFF,
        0,
        "How fast content and tunnels of all clients of a forward proxy together may go, each way: bytes per second "
        "(`500kB/s`, `10MB/s`) or bits (`80Mbit/s`), or `off`. Whoever shares a limit gets about the same of it.",
        "80Mbit/s",
    )
    bandwidth_per_user: int = option(
        RATE_OR_OFF,
        0,
        "The same for each user of `auth`, whatever the number of connections.",
        "2MB/s",
    )
    bandwidth_per_client: int = option(
        RATE_OR_OFF,
        0,
        "The same for each client address.",
        "2MB/s",
    )
    rules: str = option(
        reference("rules"),
        "",
        "The `[rules:NAME]` section that says what clients of a forward proxy may do. Without it they may go anywhere "
        "that `connect_ports` and the guard allow.",
        "egress",
    )
    parent: str = option(
        reference("parent"),
        "",
        "The `[parent:NAME]` section through which requests of a forward proxy go out, unless a rule or `for` of "
        "another parent says otherwise. Without it they go straight to their destination.",
        "hq",
    )
    open: bool = option(
        BOOLEAN,
        False,
        "Whether a forward proxy may serve everybody: one that others than this machine can reach, and that asks for "
        "no authentication and has no rules, is an error without this.",
        "yes",
    )
    pac: bool = option(
        BOOLEAN,
        False,
        "Whether a forward proxy offers browsers a file that configures them, at `/proxy.pac` and `/wpad.dat`, to "
        "everybody and without authentication.",
        "yes",
    )
    pac_proxy: tuple[PacProxy, ...] = option(
        PAC_PROXIES,
        (),
        "The proxies that the file names, the first first: `HOST:PORT`, behind `http://`, `https://` or `socks5://` "
        "where it is not as this listener. `direct` at the end lets browsers do without when none answers. Without "
        "this option it is the host and port that the browser has asked for the file.",
        "proxy.example.org:3128 socks5://proxy.example.org:1080",
    )
    pac_direct: tuple[PacDirect, ...] = option(
        PAC_DIRECT,
        ("local", "private"),
        "What the file lets browsers reach without the proxy: names, `.example.org` with all names below it; networks, "
        "for hosts that are written as addresses; `local` for names without a dot, `localhost`, and loopback and "
        "link-local addresses; `private` for private addresses. What `allow_destination` names goes to the proxy, "
        "whatever these two words say. `off` for nothing.",
        "local private .corp.example.org 198.51.100.0/24",
    )

    @property
    def leads_out(self) -> bool:
        """Whether it is a proxy that goes where its clients say."""
        return self.mode in PROXIES

    block_page: str = option(
        PATH,
        "",
        "A file with the page that browsers show instead of what a forward proxy refuses or cannot get, not the "
        "built-in one: HTML without scripts, of at most 1 MiB, in which `{title}`, `{reason}`, `{host}`, `{rule}`, "
        "`{user}`, `{id}`, `{status}` and `{contact}` are replaced. It is read once, at the start.",
        "/etc/relay/blocked.html",
    )
    contact: str = option(
        CONTACT,
        "",
        "Whom people may ask about it, as that page says: a mail address, a URL or a few words.",
        "helpdesk@example.org",
    )
    set_request_header: tuple[FieldLine, ...] = option(
        FIELD_LINES,
        (),
        "Fields for the plain requests of a forward proxy, one on each line; they replace those of the same name. "
        "What is in tunnels, all of https, nobody changes.",
        "User-Agent: Mozilla/5.0\nDNT: 1",
    )
    add_request_header: tuple[FieldLine, ...] = option(
        FIELD_LINES,
        (),
        "Fields that are added to these requests, one on each line, beside those of the same name.",
        "Accept-Language: en",
    )
    remove_request_header: tuple[str, ...] = option(
        FIELD_NAMES,
        (),
        "Names of fields that are removed from these requests.",
        "Referer Cookie",
    )
    set_response_header: tuple[FieldLine, ...] = option(
        FIELD_LINES,
        (),
        "Fields for the responses to them, one on each line; they replace those of the same name.",
        "Referrer-Policy: no-referrer",
    )
    add_response_header: tuple[FieldLine, ...] = option(
        FIELD_LINES,
        (),
        "Fields that are added to these responses, one on each line, beside those of the same name.",
        "Vary: Accept-Language",
    )
    remove_response_header: tuple[str, ...] = option(
        FIELD_NAMES,
        (),
        "Names of fields that are removed from these responses.",
        "Server Set-Cookie",
    )

    @property
    def tells_via(self) -> bool:
        """Whether Via is added."""
        return not self.leads_out if self.via is None else self.via

    @property
    def tells_client(self) -> bool:
        """Whether servers are told of the client."""
        return not self.leads_out if self.forwarded is None else self.forwarded

    def looks_into(self, port: int) -> bool:
        """Whether the name is looked at that clients ask for inside tunnels to a port."""
        return self.peek == "sni" and has_port(self.peek_ports, port)

    def may_connect(self, port: int) -> bool:
        """Whether `connect_ports` lets clients reach a port."""
        ports = self.connect_ports
        if ports is None:
            ports = WEB if self.mode == "socks5" else WEB_OVER_TLS
        return has_port(ports, port)
