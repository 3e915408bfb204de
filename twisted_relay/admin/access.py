"""Who may ask the private listener: by address, and by the name under which a browser found it.

The Host is looked at because of DNS rebinding: a web page may make a browser on this machine send requests to a name
of its own that resolves to a loopback address. Such a request carries that name; addresses and `localhost` cannot be
taken over so. From other machines, which `allow` has to name, any Host is taken: scrapers use the names of services.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from twisted_relay.config.values import Network
from twisted_relay.networks import NetworkSet

_LOOPBACK = NetworkSet([ip_network("127.0.0.0/8"), ip_network("::1")])
_HOST = re.compile(rb"(?:\[([^\]]*)\]|([^:\[\]]*))(?::[0-9]*)?")
"""An address in brackets, or a name or IPv4 address; and a port."""


class Access:
    """The rule of one private listener."""

    def __init__(self, allow: Iterable[Network]) -> None:
        self._allowed = NetworkSet(allow)

    def refusal(self, client: str, hosts: Iterable[bytes]) -> str:
        """Why a client at this address, asking for these Hosts, may not; empty if it may. `client` is "" for a UNIX
        socket, whose file mode says who may."""
        if not client:
            return ""
        if client not in self._allowed:
            return f"{client} is not in [admin] allow"
        if client in _LOOPBACK and not all(is_address_or_localhost(host) for host in hosts):
            return "ask for it by its address or as localhost: other names are refused, against DNS rebinding"
        return ""


def is_address_or_localhost(host: bytes) -> bool:
    """Whether a Host field names an address or `localhost`, with or without port; or nothing at all."""
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = (match[1] or match[2]).decode("latin-1").lower()
    if name in ("", "localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
