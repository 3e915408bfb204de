"""The numbers of SOCKS5 (RFC 1928), and the errors that come of what is not SOCKS5."""

from enum import IntEnum

from twisted_relay.errors import BadRequest, MethodNotSupported

VERSION = 5
"""The first octet of every message but those of RFC 1929."""
PASSWORD_VERSION = 1
"""The first octet of those (RFC 1929 §2)."""


class Method(IntEnum):
    """How a client says who it is (RFC 1928 §3)."""

    NONE = 0
    PASSWORD = 2
    NOT_ACCEPTABLE = 255


class Command(IntEnum):
    """What a client wants (RFC 1928 §4)."""

    CONNECT = 1
    BIND = 2
    UDP_ASSOCIATE = 3


class Kind(IntEnum):
    """What an address is (RFC 1928 §5)."""

    IPV4 = 1
    NAME = 3
    IPV6 = 4


class Reply(IntEnum):
    """What became of a request (RFC 1928 §6)."""

    SUCCEEDED = 0
    FAILED = 1
    NOT_ALLOWED = 2
    NETWORK_UNREACHABLE = 3
    HOST_UNREACHABLE = 4
    REFUSED = 5
    TTL_EXPIRED = 6
    COMMAND_NOT_SUPPORTED = 7
    ADDRESS_NOT_SUPPORTED = 8


class BadMessage(BadRequest):
    """Octets that are not SOCKS5. `answer` is what the client is told before its connection is closed; may be empty."""

    def __init__(self, message: str, answer: bytes = b"") -> None:
        super().__init__(message)
        self.answer = answer


class NotSupported(MethodNotSupported):
    """A command or a kind of address that is not served; `answer` as in `BadMessage`."""

    def __init__(self, message: str, answer: bytes) -> None:
        super().__init__(message)
        self.answer = answer
