"""The sections about the process itself and about what it shows: relay, admin, metrics, log."""

# ruff: noqa: RUF009 (option() makes a dataclass field)

from dataclasses import dataclass, field
from ipaddress import ip_network

from twisted_relay.config.addresses import BINDS, CONTROL_SOCKET, NAMESERVERS, NETWORKS
from twisted_relay.config.option import option, required
from twisted_relay.config.scalars import (
    ANY_TIME,
    BOOLEAN,
    BUCKETS,
    COUNT_OR_OFF,
    HOSTS_FILE,
    LOG_TARGET,
    PATH,
    TIME,
    WORDS,
    choice,
    count,
    words_of,
)
from twisted_relay.config.values import NOWHERE, Address, BindAddress, Location, Network, UnixAddress

KINDS = ("destinations", "users", "clients")
"""What `[accounting]` can count."""
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))
OPENTELEMETRY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayOptions:
    """The process as a whole."""

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    include: tuple[str, ...] = option(
        WORDS,
        (),
        "More files to read, as paths or patterns (`*`, `?`, `[a-z]`, and `**` for folders at any depth), "
        "relative to the file that includes them. They are read in alphabetical order, and their sections come "
        "after all sections of the including file, which matters for routes. A path without a pattern must exist; "
        "a pattern may find nothing. An included file may include others, up to 8 deep, in a `[relay]` section "
        "that holds only `include`.",
        "conf.d/*.ini",
    )
    grace: float = option(
        ANY_TIME,
        30.0,
        "How long a stop waits for running requests to end before it closes their connections. 0 does not wait.",
        "1m",
    )
    shutdown_delay: float = option(
        ANY_TIME,
        0.0,
        "How long, when a stop begins, `/-/ready` already answers 503 while connections are still accepted, so "
        "that a load balancer in front can turn away first. 0 stops accepting at once.",
        "5s",
    )
    state_dir: str = option(
        PATH,
        "",
        "Directory for what relay keeps from one start to the next: lists that were fetched (`url` in `[list:]`), and "
        "what was made of lists, which makes a start with large ones quick. It must exist and be "
        "writable. Under systemd, `StateDirectory=relay` makes `/var/lib/relay`.",
        "/var/lib/relay",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminOptions:
    """The private side: control, metrics and health of the process itself. Keep it off public addresses."""

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    bind: UnixAddress | None = option(
        CONTROL_SOCKET,
        None,
        "UNIX socket for control: `relay servers`, `relay server` and `relay explain --live` ask there. It belongs to "
        "the user that relay runs as, with mode 0600: who can open it can take servers out. There is no control over "
        "TCP. Without this option there is none at all.",
        "unix:/run/relay/admin.sock",
    )
    stats: tuple[BindAddress, ...] = option(
        BINDS,
        (),
        "Addresses for the private listener, which serves `/metrics`, `/-/healthy` and `/-/ready` over plain "
        "HTTP. Without this option there is none.",
        "127.0.0.1:9180",
    )
    allow: tuple[Network, ...] = option(
        NETWORKS,
        LOOPBACK,
        "Clients that may use the private listener; the others get 403. Who comes over a UNIX socket is always "
        "allowed.",
        "127.0.0.0/8 10.1.2.3",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsOptions:
    """How names are looked up: those in `servers`, those that `discover` names, and those that clients of a forward
    proxy ask for. relay asks name servers itself and remembers what they said."""

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    servers: tuple[Address, ...] = option(
        NAMESERVERS,
        (),
        "Name servers: addresses, with a port if it is not 53. The first is asked, the next one when it does not "
        "answer in time or cannot answer; all of them should know the same names. They must answer for all names: "
        "relay does not ask further by itself. Without this option, those of `/etc/resolv.conf`, which is read again "
        "when it has changed.",
        "10.20.0.2 10.20.0.3:5353",
    )
    timeout: float = option(
        TIME,
        2.0,
        "Time for one name server to answer, before the next one is asked. Each is asked twice.",
        "500ms",
    )
    hosts: str = option(
        HOSTS_FILE,
        "/etc/hosts",
        "File with addresses of names, for which nobody is asked; `off` for none. It is read again when it has "
        "changed; what is beyond 1 MiB is not used. `discover` does not look into it. `localhost` and names below it "
        "are always this machine, unless the file says otherwise.",
        "/etc/relay/hosts",
    )
    search: bool = option(
        BOOLEAN,
        False,
        "Whether a name without a dot is looked for in the search domains of `/etc/resolv.conf` first, one after the "
        "other, and then as it is.",
        "on",
    )
    prefer: str = option(
        choice("both", "ipv4", "ipv6"),
        "both",
        "Which addresses are tried first when a name has several: `both` begins with IPv6 and takes turns, `ipv4` and "
        "`ipv6` try all of these before the others. A kind for which this machine has no route comes last.",
        "ipv4",
    )
    min_ttl: float = option(
        TIME,
        1.0,
        "For how long every answer is believed, also one that says less.",
        "10s",
    )
    max_ttl: float = option(
        TIME,
        86_400.0,
        "For how long an answer is believed at most, whatever it says.",
        "1h",
    )
    negative_ttl: float = option(
        TIME,
        30.0,
        "For how long it is believed at most that there is no such name, or no address. The zone may say less; "
        "when it says nothing, 5 seconds.",
        "5s",
    )
    stale: float = option(
        ANY_TIME,
        86_400.0,
        "For how long after its end an answer is still used when the name servers fail, or take longer than 1.8 "
        "seconds (RFC 8767). Names in `servers` keep their last good answer for ever. 0 uses none.",
        "10m",
    )
    cache: int = option(
        count(1),
        10_000,
        "Names that are remembered. Of more, those that nobody has asked for longest are forgotten. A name costs "
        "about a kilobyte.",
        "50000",
    )
    max_lookups_per_client: int = option(
        count(),
        50,
        "Names that are looked up at one time for clients of forward proxies that come from one address (of IPv6 one "
        "/64). Further names of theirs are answered 429; names that are remembered do not count. 0 means no limit.",
        "200",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsOptions:
    """What `/metrics` shows."""

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    buckets: tuple[float, ...] = option(
        BUCKETS,
        OPENTELEMETRY_BUCKETS,
        "Upper bounds of the buckets of request durations: plain numbers of seconds, rising. More of them cost "
        "more series. The default is the recommendation of OpenTelemetry.",
        "0.01 0.1 0.5 1 5",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountingOptions:
    """Who uses the forward proxies, and where they go: the largest of each, for `relay top`. Only in memory: nothing
    of it is written anywhere, and metrics never have names of hosts or users."""

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    top: int = option(
        COUNT_OR_OFF,
        0,
        "How many names of each kind are kept, with their requests and bytes; `off` counts nothing. However many there "
        "are, one that has more than this part of all (with 100: more than 1%) is among them. Each costs about 2 kB.",
        "100",
    )
    of: tuple[str, ...] = option(
        words_of(*KINDS),
        KINDS,
        "What is counted: `destinations` (the hosts that are asked for), `users` (who have authenticated), `clients` "
        "(addresses).",
        "destinations users",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """An access log, which listeners name with `access_log`."""

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    to: str = required(
        LOG_TARGET,
        "off",
        "Where the lines go: a file (reopened on SIGUSR1, so that it can be rotated), `stderr`, `stdout`, or "
        "`off` to write none.",
        "/var/log/relay/access.log",
    )
    format: str = option(
        choice("common", "combined", "json"),
        "combined",
        "How a line is written: `common` and `combined` as Apache and nginx do, or `json` with one object on each "
        "line.",
        "json",
    )
