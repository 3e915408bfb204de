"""Twisted's socket transports with two changes: they send at once when nothing is queued, and they can be spliced.

The stock `FileDescriptor.write` queues, asks epoll for writability and sends in the next turn of the loop: two
`epoll_ctl` and one more wakeup for each small message. Here `write` leads to one `send`, at the end of the poller's
sweep or at once, and only what the kernel does not take goes into the stock queue; everything else is Twisted's.
Reads and writes may be lent to a `splice.Pump` while content moves inside the kernel.
"""

import fcntl
import socket
import struct
import termios
from collections.abc import Callable
from typing import Any, Protocol, cast

from OpenSSL import SSL
from twisted.internet import main, tcp, unix
from twisted.internet.protocol import ClientFactory
from twisted.protocols.tls import TLSMemoryBIOProtocol

from twisted_relay.net.poller import Poller

Event = Callable[[], object]
"""Handles a readiness event; returns what `doRead` and `doWrite` return: None, or why the connection ends."""

READ_SIZE = 65536
FLUSH_FROM = 16384
"""Octets from which a write is sent at once: content that streams is not held back."""


class Eager:
    """What is added to a Twisted socket transport. Stands before it in the list of bases."""

    socket: socket.socket
    reactor: Any
    _batch: Poller | None = None
    on_readable: Event | None = None
    """Takes the place of reading while the transport is lent to a pump."""
    on_writable: Event | None = None
    """Takes the place of writing while the transport is lent to a pump."""

    read_size = READ_SIZE
    """Octets that are read at once at most."""
    _is_dirty = False

    def write(self, data: bytes) -> None:
        """Send at the end of the poller's sweep, or now if it is not sweeping or there is much to send."""
        transport = cast(Any, self)
        if not transport.connected or transport._writeDisconnected:
            return
        transport._tempDataBuffer.append(data)
        transport._tempDataLen += len(data)
        if transport.dataBuffer:
            transport._maybePauseProducer()  # the kernel is full: doWrite goes on when it is not
        elif transport._tempDataLen < FLUSH_FROM and self._batch is not None and self._batch.sweeping:
            if not self._is_dirty:
                self._is_dirty = True
                self._batch.dirty.append(self)
        else:
            self.flush()

    def flush(self) -> None:
        """Send what was written; what the kernel does not take waits in Twisted's queue."""
        self._is_dirty = False
        transport = cast(Any, self)
        buffers = transport._tempDataBuffer
        if not buffers or transport.dataBuffer or not transport.connected or transport._aborting:
            return
        data = buffers[0] if len(buffers) == 1 else b"".join(buffers)
        buffers.clear()
        transport._tempDataLen = 0
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = 0  # the queue's own attempt will meet the same error and end the connection in the usual way
        if sent < len(data):
            transport.dataBuffer = data
            transport.offset = sent
            transport.startWriting()
            transport._maybePauseProducer()

    def doRead(self) -> Any:
        """Read once and hand it to the protocol, or to the pump."""
        if self.on_readable is not None:
            return self.on_readable()
        try:
            data = self.socket.recv(self.read_size)
        except BlockingIOError:
            return None
        except OSError:
            return main.CONNECTION_LOST
        if not data:
            return main.CONNECTION_DONE
        cast(Any, self).protocol.dataReceived(data)
        return None

    def doWrite(self) -> Any:
        """Send what is queued, or let the pump write."""
        if self.on_writable is not None:
            return self.on_writable()
        return super().doWrite()  # type: ignore[misc]

    def keeps_unread(self) -> bool:
        """Whether there is something to read that matters more than the news that the peer is gone."""
        return False

    @property
    def unread(self) -> int:
        """Octets that have come and nobody has read."""
        try:
            answer = fcntl.ioctl(self.socket.fileno(), termios.FIONREAD, b"\0\0\0\0")
        except OSError:
            return 0
        return int(struct.unpack("i", answer)[0])

    @property
    def unsent(self) -> int:
        """Octets in our own queue; what waits for the end of the sweep is sent first."""
        if self._is_dirty:
            self.flush()
        transport = cast(Any, self)
        return len(transport.dataBuffer) - int(transport.offset) + int(transport._tempDataLen)


class EagerServer(Eager, tcp.Server):
    """An accepted TCP connection."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._batch = batch_of(self.reactor)


class EagerUNIXServer(Eager, unix.Server):
    """An accepted UNIX-socket connection."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._batch = batch_of(self.reactor)


class EagerClient(Eager, tcp.Client):
    """A TCP connection that we opened."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._batch = batch_of(arguments[-1])  # without a socket, Twisted's constructor has set nothing

    def keeps_unread(self) -> bool:
        """What a server has sent is worth reading, also after it has reset the connection."""
        return self.unread > 0


class EagerUNIXClient(Eager, unix.Client):
    """A UNIX-socket connection that we opened."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._batch = batch_of(arguments[-1])

    def keeps_unread(self) -> bool:
        """See `EagerClient`."""
        return self.unread > 0


def batch_of(reactor: object) -> Poller | None:
    """The poller that a transport is registered with, if it is one."""
    return reactor if isinstance(reactor, Poller) else None


class Roomy:
    """What is added to a listening socket: it accepts no more in one go than there is room for."""

    numberAccepts: int
    room: Callable[[], int] | None = None
    """How many more connections there may be now; None: any number."""

    def doRead(self) -> None:
        """Accept what waits."""
        if self.room is not None:
            room = self.room()
            if room <= 0:
                return
            self.numberAccepts = min(self.numberAccepts, room)
        super().doRead()  # type: ignore[misc]


class EagerPort(Roomy, tcp.Port):
    """A listening TCP socket."""

    transport = EagerServer  # type: ignore[assignment]


class EagerUNIXPort(Roomy, unix.Port):
    """A listening UNIX socket."""

    transport = EagerUNIXServer


class _Connector(tcp.Connector):
    def _makeTransport(self) -> tcp.Client:
        return EagerClient(self.host, self.port, self.bindAddress, self, self.reactor)


class _UNIXConnector(unix.Connector):
    def _makeTransport(self) -> unix.Client:  # type: ignore[override]
        return EagerUNIXClient(self.address, self, self.reactor)


class StreamTransport(Protocol):
    """What the protocols use of a transport, plain or TLS."""

    def write(self, data: bytes) -> None: ...
    def loseConnection(self) -> None: ...
    def abortConnection(self) -> None: ...
    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...
    def registerProducer(self, producer: object, streaming: bool) -> None: ...
    def unregisterProducer(self) -> None: ...


class Dialling(Protocol):
    """An attempt to connect that can be called off."""

    def disconnect(self) -> None: ...


def dial_tcp(reactor: object, host: str, port: int, factory: ClientFactory, timeout: float | None) -> Dialling:
    """Start connecting to an address literal; the factory hears how it went."""
    connector = _Connector(host, port, factory, cast(Any, timeout), None, reactor)
    connector.connect()
    return cast(Dialling, connector)


def dial_unix(reactor: object, path: str, factory: ClientFactory, timeout: float | None) -> Dialling:
    """Start connecting to a UNIX socket; the factory hears how it went."""
    connector = _UNIXConnector(path, factory, timeout, reactor, False)
    connector.connect()
    return cast(Dialling, connector)


def plain_socket(transport: object) -> Eager | None:
    """The transport, if octets go through it unchanged and its queue is empty: it can be spliced."""
    if isinstance(transport, Eager) and not transport.unsent:
        return transport
    return None


def read_at_most(transport: object, octets: int) -> None:
    """Let a transport, plain or TLS, read no more than this at once, and not more than others do."""
    while not isinstance(transport, Eager):
        transport = getattr(transport, "transport", None)  # TLS stands around the socket's transport
        if transport is None:
            return
    transport.read_size = min(octets, READ_SIZE)


def in_flight(transport: object) -> tuple[int, int]:
    """(octets in our queue, octets that the kernel holds and the peer has not acknowledged); zeros if unknown."""
    while not isinstance(transport, Eager):
        transport = getattr(transport, "transport", None)  # TLS stands around the socket's transport
        if transport is None:
            return 0, 0
    try:
        answer = fcntl.ioctl(transport.socket.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    except OSError:
        return transport.unsent, 0
    return transport.unsent, struct.unpack("i", answer)[0]


_NOTHING = b"\0\0\0\0"


def surplus(transport: object) -> bool:
    """Whether octets have come that nobody asked for, in the kernel or in TLS; they belong to no later reader."""
    if isinstance(transport, Eager):
        try:
            return fcntl.ioctl(transport.socket, termios.FIONREAD, _NOTHING) != _NOTHING
        except (OSError, ValueError):
            return False  # no socket to ask
    if not isinstance(transport, TLSMemoryBIOProtocol):
        return False
    connection = transport._tlsConnection
    try:
        if connection is None or connection.recv(1, socket.MSG_PEEK):
            return True
    except SSL.WantReadError:
        return surplus(transport.transport)
    except SSL.Error:
        pass
    return True
