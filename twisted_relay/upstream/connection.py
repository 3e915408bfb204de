"""One connection to a server: established, idle in its pool, lent to a use, or gone.

It outlives its uses. What it carries is the use's business; octets that come while it is idle belong to nobody, and
end it.
"""

from collections.abc import Callable
from typing import Any
from typing import Protocol as Interface

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_relay.net.deadlines import NEVER
from twisted_relay.upstream.server import Server


class Use(Interface):
    """What a connection is lent to: a try of an exchange."""

    def received(self, data: bytes) -> None:
        """Octets from the server."""

    def lost(self, *, in_order: bool) -> None:
        """The connection is gone; `in_order`: the server closed it, nothing was cut."""

    def expired(self, now: float) -> None:
        """The connection's deadline has passed."""


class Owner(Interface):
    """What a connection goes back to."""

    server: Server

    def give_back(self, connection: "UpstreamConnection") -> None: ...
    def lost(self, connection: "UpstreamConnection") -> None: ...


@implementer(IHandshakeListener)
class UpstreamConnection(Protocol):
    """One connection to a server."""

    def __init__(self, owner: Owner, now: Callable[[], float]) -> None:
        self.owner = owner
        self.now = now
        self._counters = owner.server.counters
        self.deadline = NEVER
        self._out: Any = None  # the transport, once there is one
        self.opened = 0.0
        self.uses = 0
        self.current: Use | None = None
        """What the connection is lent to; None while it is idle."""
        self.on_ready: Callable[[], None] | None = None
        """Called when the connection is established, over TLS after the handshake."""
        self.on_failure: Callable[[Failure], None] | None = None
        """Called when it is lost before that."""
        self.secure = False
        self.asked = 0.0
        """When a parent was asked for the way to the destination; 0.0 where there is none."""
        self.early = b""
        """What the destination has sent right behind the parent's answer."""
        self.gone = False

    def connectionMade(self) -> None:
        """The TCP or UNIX connection stands."""
        self._out = self.transport
        set_no_delay = getattr(self.transport, "setTcpNoDelay", None)
        if set_no_delay is not None:
            set_no_delay(True)
        if not self.secure:
            self._ready()

    def handshakeCompleted(self) -> None:
        """The TLS handshake is done and the certificate was accepted."""
        self._ready()

    def _ready(self) -> None:
        ready, self.on_ready, self.on_failure = self.on_ready, None, None
        if ready is not None:
            ready()

    def dataReceived(self, data: bytes) -> None:
        """Octets from the server; on an idle connection they belong to nobody and nobody may get them."""
        self._counters.bytes_received += len(data)
        if self.current is not None:
            self.current.received(data)
        else:
            self.owner.lost(self)
            self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self.gone = True
        self.deadline = NEVER
        failed, self.on_failure, self.on_ready = self.on_failure, None, None
        if failed is not None:
            failed(reason)
        self.owner.lost(self)
        if self.current is not None:
            self.current.lost(in_order=reason.check(ConnectionDone) is not None)

    def expired(self, now: float) -> None:
        """The deadline has passed: of the try, or of being idle."""
        if self.current is not None:
            self.current.expired(now)
        elif self.deadline != NEVER:
            self.owner.lost(self)
            self.close()

    def write(self, data: bytes) -> None:
        """Send octets."""
        self._counters.bytes_sent += len(data)
        self._out.write(data)

    @property
    def has_unsent(self) -> bool:
        """Whether the kernel has not taken everything that was written."""
        return bool(getattr(self.transport, "dataBuffer", b""))

    def close(self) -> None:
        """Close in good order."""
        self._out.loseConnection()
        if self.secure:
            self._out.abortConnection()

    def finish(self) -> None:
        """Close in good order; over TLS it ends when the server has closed its side too, which may never be."""
        self._out.loseConnection()

    def abort(self) -> None:
        """Close at once."""
        self._out.abortConnection()
