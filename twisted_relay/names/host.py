"""What a host is, before anybody is asked: an address, a name in its normal form, or neither.

Pure functions of text. Source: RFC 1123 §2.1 and RFC 5890 §2.3 (names), RFC 6761 §6.3 (localhost), and the "ends in a
number" rule of the URL standard: what other programs take for an IPv4 address in odd digits is not asked as a name.
"""

import re
from ipaddress import ip_address

LONGEST = 253
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
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
    if not host.isascii() or not 0 < len(name) <= LONGEST:
        return ""
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]) or not all(map(_LABEL.fullmatch, labels)):
        return ""
    return name


def is_localhost(name: str) -> bool:
    """Whether a name in normal form means this machine, whatever name servers would say."""
    return name == "localhost" or name.endswith(".localhost")
