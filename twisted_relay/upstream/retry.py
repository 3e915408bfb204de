"""Whether a failed try may be made again (RFC 9110 §9.2.2, RFC 9112 §9.3.1): a pure decision."""

from enum import Enum

from twisted_relay.errors import (
    ConnectFailed,
    ConnectionReset,
    ConnectTimeout,
    NameNotResolved,
    RelayError,
    TLSFailed,
)
from twisted_relay.http.message import Request

IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))
"""Methods whose repetition means the same as doing it once (RFC 9110 §9.2.2)."""

NOT_SENT = (ConnectFailed, ConnectTimeout, NameNotResolved, TLSFailed)
"""Failures before anything of the request was sent: every request may be tried again."""


class Again(Enum):
    """What to do after a failed try."""

    NO = "no"
    FRESH = "fresh"
    """The same server over a new connection: an idle one was closed as we sent."""
    NEXT = "next"
    """Another server."""


def again(error: RelayError, request: Request, *, reused: bool, tries: int, retries: int) -> Again:
    """What to do after `tries` tries of which the last failed before any octet of a response.

    `reused`: the connection had served before and no fresh one has been tried for this reason yet; such a try
    is not counted against `retries`.
    """
    if isinstance(error, NOT_SENT):
        return Again.NEXT if tries <= retries else Again.NO
    if not isinstance(error, ConnectionReset) or not can_replay(request):
        return Again.NO
    if reused:
        return Again.FRESH
    return Again.NEXT if tries <= retries else Again.NO


def can_replay(request: Request) -> bool:
    """Whether the request can be sent a second time: its method allows it and all of its content is at hand."""
    return request.stream is None and request.method in IDEMPOTENT
