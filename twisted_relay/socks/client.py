"""The side that asks another proxy: writes what it wants and reads the answers.

Each `read_…` takes all octets that have come and returns None while the message is not complete, or raises
`BadResponse` with the first octet that tells that the other side does not speak SOCKS5.
"""

from collections.abc import Sequence
from typing import NamedTuple

from twisted_relay.errors import BadResponse
from twisted_relay.socks.addresses import read_place, write_place
from twisted_relay.socks.codes import PASSWORD_VERSION, VERSION, Command, Kind, Method, Reply

LONGEST_CREDENTIAL = 255
"""Octets of a user name, and of a password."""


class Answer(NamedTuple):
    """What became of a request. `code` may be one that no RFC knows."""

    code: int
    end: int


# -- writing ----------------------------------------------------------------------------------------------------------


def write_greeting(methods: Sequence[Method]) -> bytes:
    """The methods that we offer (RFC 1928 §3)."""
    return bytes((VERSION, len(methods), *methods))


def write_credentials(name: bytes, password: bytes) -> bytes:
    """A user name and a password (RFC 1929 §2); raises `ValueError` if one has not 1 to 255 octets."""
    for part in (name, password):
        if not 0 < len(part) <= LONGEST_CREDENTIAL:
            raise ValueError(f"user name and password have 1 to {LONGEST_CREDENTIAL} octets each")
    return b"%c%c%b%c%b" % (PASSWORD_VERSION, len(name), name, len(password), password)


def write_wish(host: str, port: int) -> bytes:
    """CONNECT to a host, which is an address or a name that the other side resolves; raises `ValueError`."""
    return bytes((VERSION, Command.CONNECT, 0)) + write_place(host, port)


# -- reading ----------------------------------------------------------------------------------------------------------


def read_method(data: bytes) -> int | None:
    """The method that the other side has chosen, whatever it is; two octets."""
    if data and data[0] != VERSION:
        raise BadResponse("the proxy does not speak SOCKS5")
    return data[1] if len(data) >= 2 else None


def read_verdict(data: bytes) -> bool | None:
    """Whether the credentials were right; two octets."""
    if data and data[0] != PASSWORD_VERSION:
        raise BadResponse("the proxy does not know user names and passwords as in RFC 1929")
    return data[1] == 0 if len(data) >= 2 else None


def read_answer(data: bytes) -> Answer | None:
    """What became of the request; what stands behind `end` has come from the destination."""
    if data and data[0] != VERSION:
        raise BadResponse("the proxy does not speak SOCKS5")
    if len(data) > 2 and data[2]:
        raise BadResponse("the reserved octet of the proxy's reply is not 0")
    if len(data) > 3 and data[3] not in (Kind.IPV4, Kind.NAME, Kind.IPV6):
        raise BadResponse("the proxy's reply has an address of an unknown type")
    place = read_place(data, 3)
    return None if place is None else Answer(data[1], place.end)


def reply_text(code: int) -> str:
    """A reply in words, for the log."""
    return _TEXTS.get(code, f"reply {code}, which has no meaning")


_TEXTS: dict[int, str] = {
    Reply.SUCCEEDED: "succeeded",
    Reply.FAILED: "general failure",
    Reply.NOT_ALLOWED: "not allowed by its rules",
    Reply.NETWORK_UNREACHABLE: "network unreachable",
    Reply.HOST_UNREACHABLE: "host unreachable",
    Reply.REFUSED: "connection refused",
    Reply.TTL_EXPIRED: "TTL expired",
    Reply.COMMAND_NOT_SUPPORTED: "command not supported",
    Reply.ADDRESS_NOT_SUPPORTED: "address type not supported",
}
"""The words of RFC 1928 §6."""
