"""Twisted's socket transports with two changes: they send at once when nothing is queued, and they can be spliced.

The stock `FileDescriptor.write` queues, asks epoll for writability and sends in the next turn of the loop: two
`epoll_ctl` and one more wakeup for each small message (`performance.md`). Here `write` tries `send` first and
falls back to the stock queue when the kernel would block; everything else is Twisted's. Reads and writes may be
lent to a `splice.Pump` while content moves inside the kernel.
"""

import fcntl
import socket
import struct
import termios
from collections.abc import Callable
from typing import Any, Protocol, cast

from twisted.internet import main, tcp, unix
from twisted.internet.protocol import ClientFactory

Event = Callable[[], object]
"""Handles a readiness event; returns what `doRead` and `doWrite` return: None, or why the connection ends."""

READ_SIZE = 65536


class Eager:
    """What is added to a Twisted socket transport. Stands before it in the list of bases."""

    socket: socket.socket
    on_readable: Event | None = None
    """Takes the place of reading while the transport is lent to a pump."""
    on_writable: Event | None = None
    """Takes the place of writing while the transport is lent to a pump."""

    def write(self, data: bytes) -> None:
        """Send now if nothing is queued, and queue what the kernel does not take."""
        transport = cast(Any, self)
        if transport._tempDataBuffer or transport.dataBuffer or not transport.connected or transport._writeDisconnected:
            super().write(data)  # type: ignore[misc]
            return
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = 0  # the queue's own attempt will meet the same error and end the connection in the usual way
        if sent < len(data):
            super().write(data[sent:] if sent else data)  # type: ignore[misc]

    def doRead(self) -> Any:
        """Read once and hand it to the protocol, or to the pump."""
        if self.on_readable is not None:
            return self.on_readable()
        try:
            data = self.socket.recv(READ_SIZE)
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

    @property
    def unsent(self) -> int:
        """Octets in our own queue."""
        transport = cast(Any, self)
        return len(transport.dataBuffer) - int(transport.offset) + int(transport._tempDataLen)


class EagerServer(Eager, tcp.Server):
    """An accepted TCP connection."""


class EagerUNIXServer(Eager, unix.Server):
    """An accepted UNIX-socket connection."""


class EagerClient(Eager, tcp.Client):
    """A TCP connection that we opened."""


class EagerUNIXClient(Eager, unix.Client):
    """A UNIX-socket connection that we opened."""


class EagerPort(tcp.Port):
    """A listening TCP socket."""

    transport = EagerServer


class EagerUNIXPort(unix.Port):
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
