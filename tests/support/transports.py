"""Connections in memory under Twisted's own TCP transports.

Only the socket and the reactor's loop are made here; buffering, producers, half-close and the rest are the code that
runs in production. Time stands still until the reactor, a `Clock`, is advanced; `settle` lets everything happen that
needs no time. An exception in an event ends the test instead of being logged.
"""

import errno
import socket
import struct
from collections.abc import Callable
from itertools import count
from typing import Protocol, cast

from twisted.internet.interfaces import IProtocol
from twisted.internet.posixbase import _DisconnectSelectableMixin
from twisted.internet.protocol import ClientFactory
from twisted.internet.task import Clock
from twisted.internet.tcp import Connector

from twisted_relay.net.poller import Poller
from twisted_relay.net.transport import Dialling, Eager, EagerClient, EagerServer

START = 1000.0
"""Where the clock begins: 0.0 means "never" to much of the code."""
MAX_TURNS = 20_000
_DESCRIPTORS = count(1 << 20)  # never open, so that a call on one fails as on a closed socket


class MemorySocket:
    """A TCP connection: the near end as transports use a socket, and the far end as a test drives it."""

    def __init__(self) -> None:
        self.arrived = bytearray()
        """What the far end has sent and the transport has not yet read."""
        self.delivered = bytearray()
        """What the far end has got and the test has not yet taken."""
        self.read = self.written = 0
        """Octets that have gone through the near end, each way."""
        self.room: int | None = None
        """Octets that the far end still takes; None: any number."""
        self.refused = 0
        """The error that connecting ends with."""
        self.accepted = True
        self.closed = self.reset = self.ended = False
        """What the near end has done: closed all, by reset, or only stopped sending."""
        self._far_ended = self._far_closed = self._far_reset = False
        self._linger = True
        self._descriptor = next(_DESCRIPTORS)

    # -- the near end, for the transport --

    def fileno(self) -> int:
        """A number that belongs to no open file."""
        return self._descriptor

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""

    def send(self, data: bytes) -> int:
        """Send what there is room for."""
        if self._far_reset:
            raise ConnectionResetError(errno.ECONNRESET, "reset")
        if self._far_closed:
            self._far_reset = True
            return len(data)
        size = len(data) if self.room is None else min(len(data), self.room)
        if data and not size:
            raise BlockingIOError(errno.EWOULDBLOCK, "no room")
        if self.room is not None:
            self.room -= size
        self.delivered += data[:size]
        self.written += size
        return size

    def recv(self, size: int) -> bytes:
        """What has arrived, b"" at its end."""
        if self.arrived:
            data = bytes(self.arrived[:size])
            del self.arrived[:size]
            self.read += len(data)
            return data
        if self._far_reset:
            raise ConnectionResetError(errno.ECONNRESET, "reset")
        if self._far_ended:
            return b""
        raise BlockingIOError(errno.EWOULDBLOCK, "nothing there")

    def shutdown(self, how: int) -> None:
        """Stop sending."""
        self.ended = True

    def close(self) -> None:
        """Close; what has not been read makes it a reset, as the kernel does."""
        self.closed = self.ended = True
        self.reset = self.reset or bool(self.arrived)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Only the lingering that makes a close a reset has an effect."""
        if option == socket.SO_LINGER and value == struct.pack("ii", 1, 0):
            self.reset = True

    def getsockopt(self, level: int, option: int) -> int:
        """Why connecting failed, if it did."""
        return self.refused

    def connect_ex(self, address: object) -> int:
        """Whether it is connected by now."""
        return 0 if self.accepted else errno.EINPROGRESS

    def getsockname(self) -> tuple[str, int]:
        """The near address."""
        return ("192.0.2.200", 40000)

    @property
    def is_readable(self) -> bool:
        """Whether `recv` has something to say."""
        return bool(self.arrived) or self._far_ended or self._far_reset or bool(self.refused)

    @property
    def is_writable(self) -> bool:
        """Whether `send` has something to say."""
        if not self.accepted:
            return False
        return self.room != 0 or self._far_reset or bool(self.refused)

    # -- the far end, for the test --

    def far_sends(self, data: bytes) -> None:
        """Octets arrive."""
        self.arrived += data

    def far_ends(self) -> None:
        """The far end will send no more, but still reads."""
        self._far_ended = True

    def far_closes(self) -> None:
        """The far end closes; what is sent to it from now on is answered by a reset."""
        self._far_ended = self._far_closed = True

    def far_resets(self) -> None:
        """The far end is gone at once."""
        self._far_ended = self._far_closed = self._far_reset = True

    def pass_on(self) -> bool:
        """Whether the far end did something by itself: in memory everything is where it belongs at once."""
        return False


class _Descriptor(Protocol):
    """A transport as the loop sees it."""

    socket: MemorySocket

    def fileno(self) -> int: ...
    def doRead(self) -> object: ...
    def doWrite(self) -> object: ...


def _must_be_open(descriptor: _Descriptor) -> None:
    """As epoll has it."""
    if descriptor.fileno() < 0:
        raise ValueError("file descriptor cannot be a negative integer")


class MemoryReactor(_DisconnectSelectableMixin, Clock):
    """A reactor whose sockets are in memory. As the poller does, it sends what is written in a sweep at its end."""

    def __init__(self, make_socket: Callable[[], MemorySocket] = MemorySocket) -> None:
        super().__init__()
        self.rightNow = START
        self._readers: dict[_Descriptor, None] = {}
        self._writers: dict[_Descriptor, None] = {}
        self.sweeping = False
        self.dirty: list[Eager] = []
        self.sockets: list[MemorySocket] = []
        self._make_socket = make_socket

    def new_socket(self) -> MemorySocket:
        """A connection of the kind that this reactor has."""
        made = self._make_socket()
        self.sockets.append(made)
        return made

    def addReader(self, reader: _Descriptor) -> None:
        """Watch it for what arrives."""
        _must_be_open(reader)
        self._readers[reader] = None

    def addWriter(self, writer: _Descriptor) -> None:
        """Watch it for room."""
        _must_be_open(writer)
        self._writers[writer] = None

    def removeReader(self, reader: _Descriptor) -> None:
        """Watch it no more."""
        self._readers.pop(reader, None)

    def removeWriter(self, writer: _Descriptor) -> None:
        """Watch it no more."""
        self._writers.pop(writer, None)

    @property
    def watched(self) -> int:
        """How many descriptors are watched: none is forgotten when this is 0."""
        return len({*self._readers, *self._writers})

    def settle(self) -> None:
        """Let everything happen that can happen without time passing."""
        for _ in range(MAX_TURNS):
            if not self._turn():
                return
        raise AssertionError("the loop is busy for ever")

    def pass_time(self, seconds: float, step: float = 0.5) -> None:
        """Let time pass, with everything that happens on the way."""
        end = self.seconds() + seconds
        while self.seconds() < end:
            self.advance(min(step, end - self.seconds()))
            self.settle()

    def _turn(self) -> bool:
        busy = any(call.getTime() <= self.seconds() for call in self.getDelayedCalls())
        if busy:
            self.advance(0)
        for each_socket in self.sockets:
            busy |= each_socket.pass_on()
        ready: list[tuple[_Descriptor, bool]] = [(each, True) for each in self._readers if each.socket.is_readable]
        ready += [(each, False) for each in self._writers if each.socket.is_writable]
        self.sweeping = True
        for descriptor, reading in ready:
            if descriptor not in (self._readers if reading else self._writers):
                continue
            why = descriptor.doRead() if reading else descriptor.doWrite()
            if why is not None:
                self._disconnectSelectable(descriptor, why, reading)
        self.sweeping = False
        dirty, self.dirty = self.dirty, []
        for transport in dirty:
            transport.flush()
        return busy or bool(ready)


class _MemoryClient(EagerClient):
    """The transport of a connection that is being opened."""

    def createInternetSocket(self) -> MemorySocket:
        """A socket that connects when the test lets it."""
        made = cast(MemoryReactor, self.connector.reactor).new_socket()
        made.accepted = False
        return made


class Attempt(Connector):
    """One attempt to connect: the test accepts or refuses it."""

    transport: _MemoryClient | None = None

    def _makeTransport(self) -> _MemoryClient:
        made = _MemoryClient(self.host, self.port, self.bindAddress, self, self.reactor)
        made._batch = cast(Poller, self.reactor)
        return made

    @property
    def is_waiting(self) -> bool:
        """Whether it still waits for an answer."""
        return bool(self.state == "connecting" and self.transport is not None)

    @property
    def far_end(self) -> MemorySocket:
        """The socket behind the transport."""
        assert self.transport is not None
        return cast(MemorySocket, self.transport.socket)


class Network:
    """Takes the place of the network below `dial_tcp`."""

    def __init__(self, reactor: MemoryReactor) -> None:
        self.reactor = reactor
        self.attempts: list[Attempt] = []
        """Every attempt to connect so far."""

    def dial_tcp(
        self, reactor: object, host: str, port: int, factory: ClientFactory, timeout: float | None
    ) -> Dialling:
        """As `net.transport.dial_tcp`."""
        attempt = Attempt(host, port, factory, cast(float, timeout), None, reactor)
        self.attempts.append(attempt)
        attempt.connect()
        return attempt

    @property
    def waiting(self) -> list[Attempt]:
        """The attempts that nobody has answered, oldest first."""
        return [attempt for attempt in self.attempts if attempt.is_waiting]


def accept(reactor: MemoryReactor, make: Callable[[], IProtocol], address: str) -> EagerServer:
    """A connection from `address`, as a listening port would accept it."""
    protocol = make()
    transport = EagerServer(reactor.new_socket(), protocol, (address, 50000), None, 1, reactor)
    transport._batch = cast(Poller, reactor)
    protocol.makeConnection(transport)
    return transport
