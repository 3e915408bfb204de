"""A tunnel whose first octets are looked at before they pass. Afterwards nothing of it is left in the tunnel's way.

Until the client speaks, the server may: what it sends ends the look, and passes if it may. From the client's first
octet on both wait: the client with what the look holds, the server in its own queue.
"""

from typing import Any, cast

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_relay.net.deadlines import NEVER, Deadlines
from twisted_relay.net.tunnel import End, Tunnel, take_over
from twisted_relay.peek.look import Look, Refuse, Told

LINGER = 2.0
"""Seconds for which a client that was refused is still read: what lies unread would destroy the answer."""
MAX_LINGER = 1 << 20
"""Octets of the same."""


@implementer(IHalfCloseableProtocol)
class _Before(Protocol):
    """Stands before one end of the tunnel."""

    def __init__(self, look: "FirstLook", end: End) -> None:
        self.look = look
        self.end = end

    def dataReceived(self, data: bytes) -> None:
        if self.end is self.look.client:
            self.look.from_client(data)
        else:
            self.look.from_server(data)

    def readConnectionLost(self) -> None:
        if self.end is self.look.client:
            self.look.client_ended()
        else:
            self.end.readConnectionLost()

    def writeConnectionLost(self) -> None:
        """We closed it ourselves; nothing follows from that."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.look.lost(self.end, reason)


class FirstLook:
    """Ties a tunnel as soon as `look` lets it; ends it when it does not."""

    def __init__(self, tunnel: Tunnel, deadlines: Deadlines, look: Look) -> None:
        self.deadline = NEVER
        self.client, self.server = tunnel.ends
        self._tunnel = tunnel
        self._deadlines = deadlines
        self._look: Look | None = look  # None once it has told
        self._served = look.served
        self._refused = False
        self._came = 0  # octets from the client
        self._waits = b""  # what the server sent before it was stopped

    def join(self, client: object, server: object, early: bytes) -> None:
        """See `Tunnel.join`."""
        self._tunnel.join(client, server, b"")
        for transport, end in ((client, self.client), (server, self.server)):
            take_over(transport, _Before(self, end))
        if self._served:
            self.from_server(self._served)
        if early and self._look is None and not self._refused:
            self.client.dataReceived(early)
        elif early:
            self.from_client(early)

    def from_client(self, data: bytes) -> None:
        """The client sent this."""
        self._came += len(data)
        if self._look is None:
            if self._came > MAX_LINGER:
                cast(Any, self.client.transport).abortConnection()
            return
        if self.deadline == NEVER:
            self.deadline = self._deadlines.now() + self._look.patience
            self._deadlines.members.add(self)
            cast(Any, self.server.transport).pauseProducing()
        self._tunnel.touch()
        told = self._look.received(data)
        if told is not None:
            self._do(told)

    def from_server(self, data: bytes) -> None:
        """The server sent this."""
        if self._look is None:
            return
        self._waits += data
        if self.deadline == NEVER:
            self._do(self._look.spoken_to())
        else:
            cast(Any, self.server.transport).pauseProducing()  # somebody has let it go on

    def client_ended(self) -> None:
        """The client sends no more."""
        if self._look is not None:
            self._do(self._look.ended())
        if self._refused:
            self._end()
        else:
            self.client.readConnectionLost()

    def _do(self, told: Told) -> None:
        """What the look tells."""
        self._look = None
        self._deadlines.members.discard(self)
        if isinstance(told, Refuse):
            self._refuse(told.answer)
            return
        waits, self._waits = self._waits, b""
        for end in (self.client, self.server):
            take_over(end.transport, end)
        if told.held:
            self.client.dataReceived(told.held)
        if waits:
            self.server.dataReceived(waits)
        if self.deadline != NEVER:
            self.server.go_on()

    def _refuse(self, answer: bytes) -> None:
        """Answer the client, leave the server, and end when the client has."""
        self._refused = True
        self._waits = b""
        client, server = cast(Any, self.client.transport), cast(Any, self.server.transport)
        for transport in (client, server):
            transport.unregisterProducer()  # or the end of one closes the other
        server.abortConnection()
        if answer:
            client.write(answer)
            self.server.received = len(answer)  # all that the client gets of this tunnel
        if isinstance(client, TLSMemoryBIOProtocol) or not self.client.reading:
            self._end()  # TLS cannot be closed in one direction only
            return
        client.loseWriteConnection()
        self.deadline = self._deadlines.now() + LINGER
        self._deadlines.members.add(self)

    def _end(self) -> None:
        self._deadlines.members.discard(self)
        self.client.received = self._came
        self._tunnel.close()

    def lost(self, end: End, reason: Failure) -> None:
        """One side is gone."""
        if self._look is not None:
            self._look.left()
            self._look = None
        if end is self.server and self._refused and self in self._deadlines.members:
            self.server.open = False  # we did it; the client is still being told
            return
        self._deadlines.members.discard(self)
        self.client.received = self._came
        end.connectionLost(reason)

    def expired(self, now: float) -> None:
        """The client has not said enough in time, or it stays although it was refused."""
        if self._look is not None:
            self._do(self._look.late())
        else:
            self._end()
