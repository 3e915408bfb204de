"""A client's connection below what is said on it: flow control both ways, progress, tunnels, closing in good order.

What is said is the business of the protocols that build on this (`http1`, `socks5`). Time limits are kept coarsely: see
`net.deadlines`.
"""

from typing import Any, cast

from twisted.internet.interfaces import IHandshakeListener, IPushProducer
from twisted.internet.protocol import Protocol
from zope.interface import implementer

from twisted_relay.downstream.listener import Connection, Listener
from twisted_relay.exchange import Exchange
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Upgraded
from twisted_relay.http.stream import Flow
from twisted_relay.net.deadlines import NEVER
from twisted_relay.net.first_look import FirstLook
from twisted_relay.net.transport import Eager, in_flight
from twisted_relay.net.tunnel import Tunnel

MAX_LINGER = 1 << 20
LINGER_TIME = 5.0
"""Octets and seconds for which a connection is still read after its last answer, so that no reset overtakes it."""
MIN_SEND_PROGRESS = 1024
"""Octets that a client must take within `send_timeout`: one octet a minute is no progress."""


@implementer(IHandshakeListener, IPushProducer)
class ClientConnection(Protocol):
    """The connection of one client."""

    def __init__(self, listener: Listener, origin: Origin) -> None:
        self.deadline = NEVER
        self._out: Any = None  # the transport, once there is one
        self._listener = listener
        self._origin = origin
        self._flow: Flow | None = None  # content that goes to the client inside the kernel
        self._blocked = False  # the transport asked us to write no more
        self._producing = False
        self._input_paused = False
        self._lingering = 0  # octets that may still be dropped before closing
        self._ending = False  # nothing more is read from this client
        self._handshaking = False
        self._tunnelled = False
        self._progress = (0, 0, 0)

    def connectionMade(self) -> None:
        """A client has connected."""
        listener = self._listener
        self._out = self.transport
        set_no_delay = getattr(self.transport, "setTcpNoDelay", None)
        if set_no_delay is not None and self._origin.client:
            set_no_delay(True)
        listener.connected(cast(Connection, self), self._origin.client)
        self._producing = True
        self._out.registerProducer(self, True)
        self._handshaking = self._origin.proto == b"https"
        wait = listener.options.header_timeout if self._handshaking else listener.options.idle_timeout
        self.deadline = listener.now() + wait

    def handshakeCompleted(self) -> None:
        """The TLS handshake is done."""
        self._handshaking = False
        self._listener.counters.handshakes["success"] += 1
        self.deadline = self._listener.now() + self._listener.options.idle_timeout

    def pauseProducing(self) -> None:
        """The client reads slower than we write."""
        self._blocked = True
        self._watch_sending()

    def resumeProducing(self) -> None:
        """The client has taken everything that was queued."""
        self._blocked = False

    def stopProducing(self) -> None:
        """The transport is gone; `connectionLost` follows."""

    def writeConnectionLost(self) -> None:
        """We half-closed it ourselves."""

    # -- reading --------------------------------------------------------------------------------------------------

    def _pause_input(self) -> None:
        if not self._input_paused:
            self._input_paused = True
            self._out.pauseProducing()

    def _resume_input(self) -> None:
        if self._input_paused and not self._ending:
            self._input_paused = False
            self._out.resumeProducing()

    # -- progress -------------------------------------------------------------------------------------------------

    def _watch_sending(self) -> None:
        self._progress = self._measure()
        self.deadline = self._listener.now() + self._listener.options.send_timeout

    def _has_progressed(self) -> bool:
        """Whether the client has taken anything worth the name since the last look, or owes us nothing."""
        before, self._progress = self._progress, self._measure()
        queued, in_kernel, moved = self._progress
        if not queued and not in_kernel:
            return True
        return moved - before[2] + (before[0] - queued) + (before[1] - in_kernel) >= MIN_SEND_PROGRESS

    def _measure(self) -> tuple[int, int, int]:
        """(octets in our queue, octets that the kernel holds unacknowledged, octets spliced so far)."""
        queued, in_kernel = in_flight(self.transport)
        return queued, in_kernel, self._flow.moved if self._flow is not None else 0

    # -- tunnels --------------------------------------------------------------------------------------------------

    def _tie(self, exchange: Exchange, upgraded: Upgraded, early: bytes) -> None:
        """Become a tunnel; the exchange lasts as long. `early` has come from the client already."""
        listener = self._listener
        self._stop_producing()
        self._tunnelled = True
        listener.deadlines.members.discard(cast(Connection, self))

        def done(from_client: int, from_server: int) -> None:
            exchange.bytes_received += from_client
            exchange.bytes_sent += from_server
            listener.counters.bytes_received += from_client - len(early)
            listener.counters.active_requests -= 1
            listener.tunnels.pop(tunnel, None)
            upgraded.closed()
            exchange.finish(listener.now())
            listener.disconnected(cast(Connection, self), self._origin.client)

        tunnel = Tunnel(listener.deadlines, upgraded.idle_timeout, done)
        tunnel.ends_at = upgraded.ends_at
        if exchange.tolls is not None:
            tunnel.limit(*exchange.tolls)
        listener.tunnels[tunnel] = exchange
        look, exchange.look = exchange.look, None
        way = tunnel if look is None else FirstLook(tunnel, listener.deadlines, look)
        way.join(self.transport, upgraded.transport, early)

    # -- closing --------------------------------------------------------------------------------------------------

    def _close_in_order(self, now: float) -> None:
        """Close when everything is sent."""
        self._ending = True
        self._progress = self._measure()
        self.deadline = now + self._listener.options.send_timeout
        self._lose()

    def _close_lingering(self, now: float) -> None:
        """Close when everything is sent, but read on for a moment first: the client may still be sending, and closing
        a socket with unread octets resets the connection and may destroy the answer (RFC 9112 §9.6)."""
        self._lingering = MAX_LINGER
        if not isinstance(cast(object, self._out), Eager):
            if self._input_paused:
                self._input_paused = False
                self._out.resumeProducing()
            self._close_in_order(now)  # TLS cannot be closed in one direction only
            return
        self._ending = True
        self._progress = self._measure()
        self.deadline = now + LINGER_TIME
        self._input_paused = False
        self._stop_producing()
        self._out.loseWriteConnection()
        self._out.resumeProducing()

    def _lose(self) -> None:
        """Close when everything is sent: a producer that stays registered would hold that up."""
        self._stop_producing()
        self._out.loseConnection()

    def _linger(self, count: int) -> None:
        self._lingering -= count
        if self._lingering < 0:
            self._out.abortConnection()

    def _stop_producing(self) -> None:
        if self._producing:
            self._producing = False
            self._blocked = False
            self._out.unregisterProducer()

    def _check_end(self, now: float) -> None:
        """The deadline of a connection that is ending has passed: cut it, unless its last octets still move."""
        queued, in_kernel, _ = self._measure()
        if not (queued or in_kernel) or not self._has_progressed():
            self._cut()
        else:
            self.deadline = now + self._listener.options.send_timeout

    def _say_goodbye(self) -> None:
        """Close a connection on which nothing is being done: the daemon stops."""
        self._ending = True
        self.deadline = self._listener.now() + LINGER_TIME
        self._lose()
        if self._origin.proto == b"https":
            self._out.abortConnection()  # goodbye is said; an idle client need not answer it

    def _cut(self) -> None:
        """End at once."""
        self.deadline = NEVER
        self._out.abortConnection()
