"""Hosts as clients of a forward proxy write them: a name that may be looked up, an address, or neither.

Only one spelling of an address is taken. `0x7f.1`, `2130706433` and `0177.0.0.1` are addresses to `inet_aton`, and with
it to many resolvers, but not to a reader of rules; so what ends like a number and is not an address in full is refused
(the URL standard of browsers has the test, https://url.spec.whatwg.org, "ends in a number"), and no resolver sees it.
"""

import re
from ipaddress import IPv6Address

from twisted_relay.errors import BadRequest

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.DOTALL)
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}", re.ASCII)


def read_host(text: str) -> str:
    """The host in the only form that is compared: lower case, addresses in their shortest form.

    `http.target.host_of` has taken away a dot at its end; another one is a fault, so that nobody compares a name with
    a dot and dials it without. IPv6 addresses come with or without brackets and go without. Raises `BadRequest` for
    what is neither.
    """
    if ":" in text:
        return _read_ipv6(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    host = text.lower() if text.isascii() else ""
    if is_name(host) or _IPV4.fullmatch(host):
        return host
    if _NUMBER.fullmatch(host):
        raise BadRequest("the host looks like an address, but is none: IPv4 addresses are four decimal numbers")
    raise BadRequest("the host is neither a name nor an address")


def is_name(host: str) -> bool:
    """Whether a host in lower case is a name that may be looked up: of ASCII, without a dot at its end (RFC 1123 §2.1,
    RFC 5890 §2.3), and nothing that ends in a number."""
    return _NAME.fullmatch(host) is not None and _NUMBER.fullmatch(host) is None


def is_literal(host: str) -> bool:
    """Whether a host that `read_host` returned is an address."""
    return ":" in host or (host[-1].isdigit() and _IPV4.fullmatch(host) is not None)


def _read_ipv6(host: str) -> str:
    try:
        address = IPv6Address(host)
    except ValueError as error:
        raise BadRequest("the host is not a valid IPv6 address") from error
    if address.scope_id is not None:
        raise BadRequest("the host is an IPv6 address with a zone, which means nothing elsewhere")
    return str(address)
