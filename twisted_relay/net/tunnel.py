"""Two transports tied together after a 101 response: octets pass both ways, whatever they mean.

Back-pressure is Twisted's own: each transport is the other's producer. A half-close is passed on where the
transport can do it (TLS cannot). The tunnel ends when both directions have ended, one side is lost, or nothing
has moved for `idle_timeout` seconds.
"""

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_relay.net.deadlines import NEVER, Deadlines

FLUSH_TIMEOUT = 10.0
"""Seconds that the surviving side has to take what is still queued for it."""


def take_over(transport: object, protocol: Protocol) -> None:
    """Make `protocol` the one that the transport, plain or TLS, talks to from now on."""
    if isinstance(transport, TLSMemoryBIOProtocol):
        transport.wrappedProtocol = protocol
    else:
        cast(Any, transport).protocol = protocol
    protocol.transport = cast(Any, transport)


@implementer(IHalfCloseableProtocol)
class _End(Protocol):
    """One end: what it receives goes to the other."""

    def __init__(self, tunnel: "Tunnel") -> None:
        self.tunnel = tunnel
        self.received = 0
        self.open = True
        self.reading = True
        self.other: _End

    def dataReceived(self, data: bytes) -> None:
        self.received += len(data)
        self.tunnel.touch()
        cast(Any, self.other.transport).write(data)

    def readConnectionLost(self) -> None:
        self.reading = False
        if not self.other.reading:
            self.tunnel.close()
            return
        lose_write = getattr(self.other.transport, "loseWriteConnection", None)
        if lose_write is None or isinstance(self.other.transport, TLSMemoryBIOProtocol):
            self.tunnel.close()
        else:
            lose_write()

    def writeConnectionLost(self) -> None:
        """We closed it ourselves; nothing follows from that."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.open = False
        self.tunnel.close()


class Tunnel:
    """Ties `client` and `server` together. `done(from client, from server)` gets the octets when both are closed."""

    def __init__(self, deadlines: Deadlines, idle_timeout: float, done: Callable[[int, int], None]) -> None:
        self.deadline = NEVER
        self.ends_at = NEVER
        """When it ends in any case."""
        self._deadlines = deadlines
        self._idle_timeout = idle_timeout or NEVER
        self._done: Callable[[int, int], None] | None = done
        self._closing = False
        self._client = _End(self)
        self._server = _End(self)
        self._client.other, self._server.other = self._server, self._client

    def join(self, client: object, server: object, early: bytes) -> None:
        """Take both transports over. `early` has come from the client already and goes to the server."""
        take_over(client, self._client)
        take_over(server, self._server)
        cast(Any, client).registerProducer(server, True)
        cast(Any, server).registerProducer(client, True)
        self._deadlines.members.add(self)
        self.touch()
        if early:
            self._client.dataReceived(early)
        cast(Any, client).resumeProducing()
        cast(Any, server).resumeProducing()

    def touch(self) -> None:
        """Something moved."""
        if not self._closing:
            self.deadline = min(self._deadlines.now() + self._idle_timeout, self.ends_at)

    def close(self) -> None:
        """End both sides; what is queued is still sent, for a while."""
        if not self._closing:
            self._closing = True
            self.deadline = self._deadlines.now() + FLUSH_TIMEOUT
            for end in (self._client, self._server):
                cast(Any, end.transport).unregisterProducer()
                if end.open:
                    cast(Any, end.transport).loseConnection()
        if not self._client.open and not self._server.open and self._done is not None:
            done, self._done = self._done, None
            self._deadlines.members.discard(self)
            done(self._client.received, self._server.received)

    def expired(self, now: float) -> None:
        """Idle for too long, or not flushed in time."""
        if not self._closing:
            self.close()
            return
        self.deadline = NEVER
        for end in (self._client, self._server):
            if end.open:
                cast(Any, end.transport).abortConnection()
