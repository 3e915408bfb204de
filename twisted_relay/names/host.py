"""What a host is, before anybody is asked: an address, a name in its normal form, or neither.

Pure functions of text. What a name is says `guard.hosts`, for names of clients and those of the operator alike. Source:
RFC 6761 §6.3 (localhost).
"""

from ipaddress import ip_address

from twisted_relay.guard.hosts import is_name

LOOPBACK = ("127.0.0.1", "::1")


def is_address(host: str) -> bool:
    """Whether a host is an address literal and needs no look-up."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def normal(host: str) -> str:
    """A name in lower case, without the dot at its end; empty for what nobody can be asked for.

    Only ASCII: international names come as A-labels (`xn--…`). Underscores are common inside of networks.
    """
    name = host.lower().removesuffix(".")
    return name if host.isascii() and is_name(name) else ""


def is_localhost(name: str) -> bool:
    """Whether a name in normal form means this machine, whatever name servers would say."""
    return name == "localhost" or name.endswith(".localhost")
