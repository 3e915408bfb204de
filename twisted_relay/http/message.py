"""Requests and responses as the codec reads them and the forwarder writes them (RFC 9110 §6).

A message carries the content that has already arrived (`content`) and, when there is more to come, a `stream`.
A small message is thus complete at once and needs no stream; a large one flows through at bounded memory.
"""

from collections.abc import Callable
from typing import Protocol

from twisted_relay.errors import RelayError
from twisted_relay.http.fields import Fields
from twisted_relay.http.stream import Stream


class Upgraded(Protocol):
    """The server's side of a connection that left HTTP with a 101 response."""

    transport: object
    """What writes to the server; whoever takes the response owns it."""
    early: bytes
    """Octets that came behind the head of the response."""
    idle_timeout: float
    """Seconds without any octet after which the tunnel ends."""
    ends_at: float
    """When the tunnel ends in any case, in seconds of the deadlines' clock."""

    def closed(self) -> None:
        """The tunnel has ended."""


class Request:
    """A request. `target` is in origin-form or `*`; the authority stands in `authority`."""

    __slots__ = (
        "authority",
        "claims_connection",
        "content",
        "credentials",
        "drop",
        "expects_continue",
        "fields",
        "has_id",
        "host",
        "keep_alive",
        "length",
        "method",
        "minor",
        "path",
        "query",
        "reveals",
        "stream",
        "target",
        "tells_way",
        "trailers",
        "upgrade",
        "wants_trailers",
    )

    def __init__(self, method: bytes, target: bytes, fields: Fields) -> None:
        self.method = method
        self.target = target
        """What is sent to the server; starts as what the client sent."""
        self.fields = fields
        self.minor = 1
        """The minor version of HTTP/1 that the client speaks: 0 or 1."""
        self.authority = b""
        """host[:port] as sent, from an absolute-form target or from Host."""
        self.host = b""
        """The host of `authority` in lower case, without port; what routes compare."""
        self.path = b""
        """The path of the target in the normal form that routes compare; never sent."""
        self.query = b""
        """What follows the first `?` of the target, without it."""
        self.length: int | None = 0
        """Octets of content; None when it is chunked."""
        self.content = b""
        self.stream: Stream | None = None
        self.trailers: Fields | None = None
        self.keep_alive = True
        self.expects_continue = False
        self.upgrade = b""
        """The protocols of Upgrade when Connection names it, else empty."""
        self.wants_trailers = False
        """TE named `trailers`."""
        self.tells_way = True
        """There may be a field that says where the request has been: Via, Forwarded, X-Forwarded-*."""
        self.reveals = True
        """There may be a field that says who the client is, of those that nobody but forward proxies looks at."""
        self.credentials: list[bytes] = []
        """The values of Proxy-Authorization, which are for us; filled by `http.proxied`, emptied by whoever judges."""
        self.claims_connection = False
        """It authenticates the connection it comes on, not itself alone: to the server nobody else may use that one."""
        self.has_id = True
        """There may be an X-Request-Id."""
        self.drop: list[int] = []
        """Indices of the lines in `fields` that belong to the client's connection, in rising order."""


class Response:
    """A final or informational response."""

    __slots__ = (
        "chunked",
        "content",
        "drop",
        "fields",
        "keep_alive",
        "length",
        "minor",
        "reason",
        "status",
        "stream",
        "trailers",
        "upgraded",
    )

    def __init__(self, status: int, reason: bytes, fields: Fields) -> None:
        self.status = status
        self.reason = reason
        self.fields = fields
        self.minor = 1
        self.chunked = False
        """The server sent its content in chunks."""
        self.length: int | None = 0
        """Octets of content; None when only its end will tell. For HEAD and 304: what a GET would have had,
        None if the server did not say."""
        self.content = b""
        self.stream: Stream | None = None
        self.trailers: Fields | None = None
        self.keep_alive = True
        self.upgraded: Upgraded | None = None
        self.drop: list[int] = []


Answer = Response | RelayError
"""What an exchange comes to, before it is written to the client."""

Answered = Callable[[Answer], None]
"""Called exactly once with the answer, at once or later."""
