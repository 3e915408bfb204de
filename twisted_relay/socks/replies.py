"""Which reply a client gets for an error: all that it learns of a refusal. The log says the rest.

RFC 1928 §6 has eight words for what goes wrong. What rules and the guard refuse looks the same: a client shall not find
out what names inside mean by asking for them.
"""

from twisted_relay.errors import (
    ConnectFailed,
    ConnectRefused,
    ConnectTimeout,
    DestinationRefused,
    NameNotResolved,
    NameTimeout,
    NetworkUnreachable,
    RelayError,
)
from twisted_relay.socks.codes import Reply

_REPLIES: tuple[tuple[type[RelayError], Reply], ...] = (
    (DestinationRefused, Reply.NOT_ALLOWED),
    (ConnectRefused, Reply.REFUSED),
    (NetworkUnreachable, Reply.NETWORK_UNREACHABLE),
    (ConnectFailed, Reply.HOST_UNREACHABLE),
    (NameTimeout, Reply.TTL_EXPIRED),
    (NameNotResolved, Reply.HOST_UNREACHABLE),
    (ConnectTimeout, Reply.TTL_EXPIRED),
)
"""The first that fits: what is more special stands before what is more general."""


def reply_to(error: RelayError) -> Reply:
    """The reply for an error."""
    return next((reply for kind, reply in _REPLIES if isinstance(error, kind)), Reply.FAILED)
