"""The name servers and search domains of the system: those of `/etc/resolv.conf`, read again when it has changed.

Source: resolv.conf(5). Options are not used.
"""

from dataclasses import dataclass
from ipaddress import ip_address

from twisted_relay.config.values import Address
from twisted_relay.names.host import normal
from twisted_relay.names.watched_file import WatchedFile

PATH = "/etc/resolv.conf"
MOST = 3
"""As many as the C library uses."""
MOST_DOMAINS = 6
"""As many as the C library used for long."""
LARGEST = 64 * 1024
NONE_WRITTEN: tuple[Address, ...] = (Address("127.0.0.1", 53),)
"""Who is asked when the file names nobody, or is not there."""


@dataclass(frozen=True, slots=True)
class Written:
    """What the file says."""

    servers: tuple[Address, ...] = NONE_WRITTEN
    """At least one."""
    domains: tuple[str, ...] = ()
    """In lower case, without a dot at the end."""


def parse_resolv_conf(text: str) -> Written:
    """What the text of the file says; lines that are not understood are left aside."""
    servers, domains = [], []
    for line in text.splitlines():
        keyword, *words = line.split() or [""]
        if keyword == "nameserver" and words and _is_address(words[0]):
            servers.append(Address(words[0], 53))
        elif keyword in ("search", "domain"):  # the last such line counts
            domains = [domain for word in words if (domain := normal(word))]
    return Written(tuple(servers[:MOST]) or NONE_WRITTEN, tuple(domains[:MOST_DOMAINS]))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


class ResolvConf:
    """The file."""

    def __init__(self, path: str = PATH) -> None:
        self._file = WatchedFile(path, LARGEST)
        self._written = Written()

    def servers(self) -> tuple[Address, ...]:
        """The name servers now; those of before while the file cannot be read."""
        return self._read().servers

    def domains(self) -> tuple[str, ...]:
        """The search domains now; those of before while the file cannot be read."""
        return self._read().domains

    def _read(self) -> Written:
        text = self._file.news()
        if text is not None:
            self._written = parse_resolv_conf(text)
        return self._written
