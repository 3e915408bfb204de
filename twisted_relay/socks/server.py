"""The side that is asked: reads what clients send, strictly and octet by octet if it comes so, and writes the answers.

Each `read_…` takes all octets of a message that have come and returns the message, or None while it is not complete;
what can be refused is refused with the first octet that tells. It makes no difference how the octets arrive, and what
comes behind a message is left to whoever reads the next one. All messages together are shorter than a kilobyte.
"""

import re
from typing import NamedTuple

from twisted_relay.socks.addresses import read_place, write_place
from twisted_relay.socks.codes import (
    PASSWORD_VERSION,
    VERSION,
    BadMessage,
    Command,
    Kind,
    Method,
    NotSupported,
    Reply,
)

_NAME = re.compile(rb"[A-Za-z0-9._-]+|(?=[^:]*:[^:]*:)[0-9A-Fa-f:.]+")
"""A name or an address in full. Some clients write addresses as names; then they are judged as addresses."""
_HTTP = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NOWHERE = write_place("0.0.0.0", 0)


class Greeting(NamedTuple):
    """The first message: the methods that a client can use."""

    methods: bytes
    end: int


class Credentials(NamedTuple):
    """A user name and a password. `octets` is the whole message: no two credentials have the same."""

    octets: bytes
    name: bytes
    password: bytes
    end: int

    def __repr__(self) -> str:
        return "<Credentials>"


class Wish(NamedTuple):
    """Where a client wants to be connected to. The host is not judged yet; IPv6 addresses are without brackets."""

    host: str
    port: int
    end: int


# -- reading ----------------------------------------------------------------------------------------------------------


def read_greeting(data: bytes) -> Greeting | None:
    """The methods that a client offers (RFC 1928 §3); raises `BadMessage`."""
    if not data:
        return None
    if data[0] != VERSION:
        raise BadMessage(_spoken(data[0]))
    if len(data) < 2:
        return None
    end = 2 + data[1]
    if end == 2:
        raise BadMessage("the client offers no method", write_method(Method.NOT_ACCEPTABLE))
    return Greeting(data[2:end], end) if len(data) >= end else None


def _spoken(first: int) -> str:
    """What a client speaks whose first octet this is."""
    if first == 4:
        return "the client speaks SOCKS4, only SOCKS5 is spoken here"
    if first == 0x16:
        return "the client speaks TLS, the listener has none"
    if first in _HTTP:
        return "the client speaks HTTP, or something like it, only SOCKS5 is spoken here"
    return f"the client does not speak SOCKS5: its first octet is {first:#04x}"


def read_credentials(data: bytes) -> Credentials | None:
    """A user name and a password (RFC 1929 §2); raises `BadMessage`.

    A password may be empty: it is then a wrong one like any other. A name may not.
    """
    if not data:
        return None
    if data[0] != PASSWORD_VERSION:
        raise BadMessage("what follows is not a user name and a password", write_verdict(granted=False))
    if len(data) < 2:
        return None
    split = 2 + data[1]
    if split == 2:
        raise BadMessage("the user name is empty", write_verdict(granted=False))
    if len(data) <= split:
        return None
    end = split + 1 + data[split]
    if len(data) < end:
        return None
    return Credentials(data[:end], data[2:split], data[split + 1 : end], end)


def read_wish(data: bytes) -> Wish | None:
    """The destination of CONNECT (RFC 1928 §4); raises `BadMessage` or `NotSupported`."""
    for reject, octet in zip((_reject_version, _reject_command, _reject_reserved, _reject_kind), data, strict=False):
        reject(octet)
    if len(data) > 4 and data[3] == Kind.NAME and not data[4]:
        raise _failed("the destination has an empty name")
    place = read_place(data, 3)
    if place is None:
        return None
    if place.kind is Kind.NAME and not _NAME.fullmatch(place.octets):
        raise _failed("the destination is neither a name nor an address")
    if not place.port:
        raise _failed("the destination has port 0")
    return Wish(place.host, place.port, place.end)


def _reject_version(octet: int) -> None:
    if octet != VERSION:
        raise _failed("the request is not SOCKS5")


def _reject_command(octet: int) -> None:
    if octet == Command.CONNECT:
        return
    known = next((each.name for each in Command if each == octet), f"command {octet}")
    raise NotSupported(f"only CONNECT is served, not {known}", write_reply(Reply.COMMAND_NOT_SUPPORTED))


def _reject_reserved(octet: int) -> None:
    if octet:
        raise _failed("the reserved octet of the request is not 0")


def _reject_kind(octet: int) -> None:
    if octet not in (Kind.IPV4, Kind.NAME, Kind.IPV6):
        raise NotSupported(f"there is no address of type {octet}", write_reply(Reply.ADDRESS_NOT_SUPPORTED))


def _failed(message: str) -> BadMessage:
    return BadMessage(message, write_reply(Reply.FAILED))


# -- writing ----------------------------------------------------------------------------------------------------------


def write_method(method: Method) -> bytes:
    """Which method is to be used (RFC 1928 §3)."""
    return bytes((VERSION, method))


def write_verdict(*, granted: bool) -> bytes:
    """Whether the credentials were right (RFC 1929 §2)."""
    return bytes((PASSWORD_VERSION, 0 if granted else 1))


def write_reply(reply: Reply) -> bytes:
    """What became of the request (RFC 1928 §6). The address from which we connected is nobody's business: it is
    0.0.0.0, port 0."""
    return bytes((VERSION, reply, 0)) + _NOWHERE
