"""The section of a list of names and networks."""

# ruff: noqa: RUF009 (option() makes a dataclass field)

from dataclasses import dataclass, field

from twisted_relay.config.lists import EXCEPTIONS, LIST_URL, PATHS
from twisted_relay.config.option import option
from twisted_relay.config.scalars import ANY_TIME, PATH, TIME, choice, percent, size_between
from twisted_relay.config.values import NOWHERE, ListUrl, Location


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """A list of names and networks, such as one of advertisers. A name in it stands for all names below it too."""

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    file: tuple[str, ...] = option(
        PATHS,
        (),
        "Files of the list, one on each line; all of them together are the list. They may be packed with gzip. A list "
        "has this option, or `url`, or both.",
        "/etc/relay/lists/ads.hosts",
    )
    url: ListUrl | None = option(
        LIST_URL,
        None,
        "Where the list is fetched, when relay starts and every `reload`. Only what has changed is sent "
        "(`If-None-Match`, `If-Modified-Since`); what came is kept in `[relay] state_dir` and used at the next start. "
        "The certificate of https is verified. Redirects are followed five times, never from https to http, and to "
        "another host only if a client of a forward proxy might go there.",
        "https://lists.example.org/ads.txt",
    )
    format: str = option(
        choice("auto", "hosts", "domains", "dnsmasq", "adblock", "networks"),
        "auto",
        "How the files are written. `hosts`: `0.0.0.0 ads.example`. `domains`: `ads.example`, also with `*.` or a dot "
        "before it. `dnsmasq`: `address=/ads.example/` and `server=` or `local=` without a server. `adblock`: "
        "`||ads.example^`, with `@@||ads.example^` as an exception; rules for less than a whole domain are counted and "
        "skipped. `networks`: `192.0.2.0/24`. `auto` looks at the first lines of each file.",
        "hosts",
    )
    reload: float = option(
        ANY_TIME,
        3600.0,
        "Time between two looks at the files and the URL; what has not changed is not read again. 0: only at the "
        "start.",
        "15m",
    )
    exceptions: tuple[str, ...] = option(
        EXCEPTIONS,
        (),
        "What is not in the list whatever its files say: names (with all below them), networks, or `list:NAME` for all "
        "that is in another list.",
        "cdn.example.org list:allowed",
    )
    max_shrink: float = option(
        percent(100),
        0.9,
        "An update that has lost more than this many of the entries is taken for a broken one and refused. With `100%` "
        "only an empty one is.",
        "50%",
    )
    max_size: int = option(
        size_between(1024, 1024 * 1024 * 1024),
        64 * 1024 * 1024,
        "The largest size of the files together, when they are unpacked, and of what is fetched.",
        "256M",
    )
    timeout: float = option(
        TIME,
        60.0,
        "Time for one fetch of `url`, redirects and all.",
        "5m",
    )
    tls_ca: str = option(
        PATH,
        "",
        "PEM file with the authorities that may have signed the certificate of `url`. Without it those of the system.",
        "/etc/relay/tls/internal-ca.pem",
    )
