"""Two transports tied together after a 101 response, or a 200 to CONNECT: octets pass both ways, whatever they mean.

Back-pressure is Twisted's own: each transport is the other's producer. Where a direction has to pay a toll, its end
stands between them, so that it reads again only when both the other side and the toll let it. A half-close is passed on
where the transport can do it (TLS cannot). The tunnel ends when both directions have ended, one side is lost, or
nothing has moved for `idle_timeout` seconds.

A direction through which much has come goes on inside the kernel (`splice`), if both ends are plain sockets; when it
rests it is copied again, so that a tunnel that is idle holds no pipes.
"""

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_relay.http.stream import Toll
from twisted_relay.net import splice
from twisted_relay.net.deadlines import NEVER, Deadlines
from twisted_relay.net.transport import plain_socket, read_at_most

FLUSH_TIMEOUT = 10.0
"""Seconds that the surviving side has to take what is still queued for it."""
SPLICE_FROM = 131072
"""Octets of one direction from which on it is worth its pipe."""
LOOKS = 4
"""Into how many parts the idle time is cut where octets pass unseen: one look at the end of each."""


def take_over(transport: object, protocol: Protocol) -> None:
    """Make `protocol` the one that the transport, plain or TLS, talks to from now on."""
    if isinstance(transport, TLSMemoryBIOProtocol):
        transport.wrappedProtocol = protocol
    else:
        cast(Any, transport).protocol = protocol
    protocol.transport = cast(Any, transport)


def _never(moved: int) -> None:
    """What has no end is never done."""


@implementer(IHalfCloseableProtocol, IPushProducer)
class End(Protocol):
    """One end: what it receives goes to the other."""

    def __init__(self, tunnel: "Tunnel") -> None:
        self.tunnel = tunnel
        self.received = 0
        self.pump: splice.Pump | None = None
        """Moves what comes from this end, while it does so inside the kernel."""
        self.copied = 0
        """Octets that were copied since the last pump."""
        self.toll: Toll | None = None
        """What it has to pay for what it receives."""
        self.blocked = False
        """The other side takes no more; only known where there is a toll."""
        self.open = True
        self.reading = True
        self.other: End

    def dataReceived(self, data: bytes) -> None:
        self.received += len(data)
        self.copied += len(data)
        self.tunnel.touch()
        cast(Any, self.other.transport).write(data)
        if self.toll is not None and not self.toll.spend(len(data)):
            if self.open and self.reading:
                cast(Any, self.transport).pauseProducing()
            return
        if self.copied >= SPLICE_FROM and self.reading and self.open and self.other.open:
            self._splice()

    def _splice(self) -> None:
        """Go on inside the kernel, if that can be done now."""
        self.copied = 0
        if not splice.AVAILABLE or self.pump is not None:
            return
        source, sink = plain_socket(self.transport), plain_socket(self.other.transport)
        if source is None or sink is None:
            return
        try:
            self.pump = splice.Pump(source, sink, splice.ENDLESS, _never)
        except OSError:
            return  # no descriptors left for a pipe: go on by copying
        self.pump.toll = self.toll
        self.tunnel.touch()

    def stop_pump(self) -> None:
        """Copy again, what the pipe still held first."""
        pump, self.pump = self.pump, None
        if pump is not None:
            rest = pump.salvage()
            self.received += pump.moved
            pump.stop()
            if rest and self.other.open:
                cast(Any, self.other.transport).write(rest)

    # -- the pace -------------------------------------------------------------------------------------------------

    @property
    def producer(self) -> object:
        """What the other transport pauses while it takes no more."""
        return self.transport if self.toll is None else self

    @property
    def is_held(self) -> bool:
        """Whether it is the toll that is waited for."""
        return self.toll is not None and self.toll.held

    def pauseProducing(self) -> None:
        """The other side takes no more."""
        self.blocked = True
        cast(Any, self.transport).pauseProducing()

    def resumeProducing(self) -> None:
        """The other side takes more."""
        self.blocked = False
        self.go_on()

    def stopProducing(self) -> None:
        """The other side is gone."""
        cast(Any, self.transport).stopProducing()

    def go_on(self) -> None:
        """Read, if nothing speaks against it."""
        if self.is_held or not self.open:
            return
        self.tunnel.touch()
        if self.pump is not None:
            self.pump.go_on()
        elif not self.blocked:
            cast(Any, self.transport).resumeProducing()

    # -- the end --------------------------------------------------------------------------------------------------

    @property
    def moved(self) -> int:
        """Octets until now."""
        return self.received if self.pump is None else self.received + self.pump.moved

    def readConnectionLost(self) -> None:
        self.reading = False
        self.stop_pump()
        if not (self.other.reading and self.other.open):
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
        self._moved = 0.0  # when something did, as far as we have seen
        self._client = End(self)
        self._server = End(self)
        self._client.other, self._server.other = self._server, self._client

    @property
    def ends(self) -> tuple[End, End]:
        """The client's and the server's."""
        return self._client, self._server

    def limit(self, from_client: Toll, from_server: Toll) -> None:
        """Let each direction pay a toll, which ends with the tunnel. To be called before `join`."""
        for end, toll in ((self._client, from_client), (self._server, from_server)):
            end.toll = toll
            toll.resume = end.go_on

    def join(self, client: object, server: object, early: bytes) -> None:
        """Take both transports over. `early` has come from the client already and goes to the server."""
        take_over(client, self._client)
        take_over(server, self._server)
        cast(Any, client).registerProducer(self._server.producer, True)
        cast(Any, server).registerProducer(self._client.producer, True)
        for end in (self._client, self._server):
            if end.toll is not None:
                read_at_most(end.transport, end.toll.room)
        self._deadlines.members.add(self)
        self.touch()
        if early:
            self._client.dataReceived(early)
        self._client.go_on()
        self._server.go_on()

    @property
    def moved(self) -> tuple[int, int]:
        """Octets until now: (from the client, from the server)."""
        return self._client.moved, self._server.moved

    def touch(self) -> None:
        """Something moved."""
        if not self._closing:
            self._moved = now = self._deadlines.now()
            pumping = self._client.pump is not None or self._server.pump is not None
            patience = self._idle_timeout / LOOKS if pumping else self._idle_timeout
            self.deadline = min(now + patience, self.ends_at)

    def _look(self, now: float) -> bool:
        """Whether something moved where we do not see it; a direction that rests is copied again."""
        moved = False
        for end in (self._client, self._server):
            if end.is_held:
                moved = True
            elif end.pump is not None:
                if end.pump.has_moved():
                    moved = True
                elif not end.pump.waits:
                    end.stop_pump()
        if moved:
            self.touch()
        elif now - self._moved < self._idle_timeout and now < self.ends_at:
            self.deadline = min(self._moved + self._idle_timeout, self.ends_at)
            moved = True
        return moved and now < self.ends_at

    def close(self) -> None:
        """End both sides; what is queued is still sent, for a while."""
        if not self._closing:
            self._closing = True
            self.deadline = self._deadlines.now() + FLUSH_TIMEOUT
            for end in (self._client, self._server):
                end.stop_pump()
                if end.toll is not None:
                    end.toll.close()
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
        if self._closing:
            self.abort()
        elif not self._look(now):
            self.close()

    def abort(self) -> None:
        """End both sides at once, whatever is queued."""
        self.deadline = NEVER
        for end in (self._client, self._server):
            if end.open:
                cast(Any, end.transport).abortConnection()
