"""The data path's own epoll set, inside the reactor: events are handled in one sweep and answered at its end.

To Twisted the set is a single descriptor that becomes readable when any of its sockets has an event; to transports
it is the reactor that they register with. Two things are gained against registering each socket with the reactor:

* an event costs a dictionary look-up and a call, without the reactor's logging context around it (several µs);
* what was written during a sweep is sent at the end of it, a connection's writes in one `send`, and the sends one
  after another: peers are woken once for many messages instead of once for each.

Where there is no epoll, or the reactor takes no descriptors (tests with fake ones), transports use the reactor.
"""

import select
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

MAX_EVENTS = 256
"""Events of one sweep; the reactor gets its turn after each."""

_IN = getattr(select, "EPOLLIN", 1)
_OUT = getattr(select, "EPOLLOUT", 4)
_ERROR = getattr(select, "EPOLLERR", 8)
_GONE = getattr(select, "EPOLLHUP", 16) | _ERROR


@implementer(IReadDescriptor)
class Poller:
    """An epoll set that stands in the reactor as one descriptor, and for the reactor towards transports."""

    _log = Logger()

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._epoll = select.epoll()
        self._transports: dict[int, Any] = {}
        self._masks: dict[int, int] = {}
        self.sweeping = False
        """Whether events are being handled: what is written now is sent at the end."""
        self.dirty: list[Any] = []
        """Transports with something to send at the end of the sweep."""

    def __getattr__(self, name: str) -> Any:
        """Everything but descriptors is the reactor's."""
        return getattr(self._reactor, name)

    # -- the reactor's side of transports ---------------------------------------------------------------------------

    def addReader(self, transport: Any) -> None:
        """Tell the transport when it can read."""
        self._add(transport, _IN)

    def addWriter(self, transport: Any) -> None:
        """Tell the transport when it can write."""
        self._add(transport, _OUT)

    def removeReader(self, transport: Any) -> None:
        """Tell it no more."""
        self._remove(transport, _IN)

    def removeWriter(self, transport: Any) -> None:
        """Tell it no more."""
        self._remove(transport, _OUT)

    def _add(self, transport: Any, wanted: int) -> None:
        descriptor = transport.fileno()
        before = self._masks.get(descriptor, 0)
        if before & wanted:
            return
        if descriptor in self._masks:
            self._epoll.modify(descriptor, before | wanted)
        else:
            self._epoll.register(descriptor, wanted)
            if not self._transports:
                self._reactor.addReader(self)
            self._transports[descriptor] = transport
        self._masks[descriptor] = before | wanted

    def _remove(self, transport: Any, unwanted: int) -> None:
        descriptor = transport.fileno()
        if descriptor not in self._masks or self._transports[descriptor] is not transport:
            return
        before = self._masks[descriptor]
        if not before & unwanted and (before or not transport.disconnected):
            return
        mask = before & ~unwanted
        # Without any wish it stays in the set while it is connected: a reset is reported all the same.
        if mask or (transport.connected and not transport.disconnected):
            self._epoll.modify(descriptor, mask)
            self._masks[descriptor] = mask
            return
        self._forget(descriptor)

    def _forget(self, descriptor: int) -> None:
        del self._masks[descriptor], self._transports[descriptor]
        try:
            self._epoll.unregister(descriptor)
        except OSError:
            pass  # closing a descriptor has taken it out
        if not self._transports:
            self._reactor.removeReader(self)

    # -- the descriptor in the reactor ------------------------------------------------------------------------------

    def fileno(self) -> int:
        """The set's own descriptor."""
        return self._epoll.fileno()

    def logPrefix(self) -> str:
        """What Twisted writes before log lines of ours."""
        return "relay"

    def doRead(self) -> None:
        """Handle what has happened, then send what came of it."""
        transports = self._transports
        self.sweeping = True
        try:
            for descriptor, event in self._epoll.poll(0, MAX_EVENTS):
                transport = transports.get(descriptor)
                if transport is not None:
                    self._handle(transport, event)
        finally:
            self.sweeping = False
            dirty, self.dirty = self.dirty, []
            for transport in dirty:
                self._flush(transport)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor stops: so do all connections."""
        for transport in list(self._transports.values()):
            transport.connectionLost(reason)

    def close(self) -> None:
        """Give the set's descriptor back; only when no transport is left."""
        if not self._transports:
            self._epoll.close()

    def _flush(self, transport: Any) -> None:
        try:
            transport.flush()
        except Exception as error:
            self._log.failure("a connection failed in its protocol")
            self._disconnect(transport, error, reading=False)

    def _handle(self, transport: Any, event: int) -> None:
        try:
            if event & _IN:
                why = transport.doRead()
                if why is None and event & _OUT:
                    why = transport.doWrite()
                    if why is not None:
                        self._disconnect(transport, why, reading=False)
                elif why is not None:
                    self._disconnect(transport, why, reading=True)
            elif event & _GONE and transport.connected:
                descriptor = transport.fileno()
                if not self._masks.get(descriptor) and (not event & _ERROR or transport.keeps_unread()):
                    self._forget(descriptor)  # the peer is gone, but nobody wanted to read the rest yet
                    return
                reading = bool(self._masks.get(transport.fileno(), 0) & _IN)
                self._disconnect(transport, CONNECTION_DONE if reading else CONNECTION_LOST, reading=reading)
            else:
                why = transport.doWrite()
                if why is not None:
                    self._disconnect(transport, why, reading=False)
        except Exception as error:
            self._log.failure("a connection failed in its protocol")
            self._disconnect(transport, error, reading=False)

    def _disconnect(self, transport: Any, why: BaseException, *, reading: bool) -> None:
        """End a connection the way the reactor does; whatever it raises, the others go on."""
        try:
            self.removeReader(transport)
            if reading and isinstance(why, ConnectionDone):
                transport.readConnectionLost(Failure(why))
                return
            self.removeWriter(transport)
            transport.connectionLost(Failure(why if isinstance(why, Exception) else ConnectionLost()))
        except Exception:
            self._log.failure("a connection could not be ended in order")


def poller_in(reactor: Any) -> Any:
    """A poller in this reactor, or the reactor itself where that is not possible."""
    if not hasattr(select, "epoll") or not IReactorFDSet.providedBy(reactor):
        return reactor
    return Poller(reactor)
