"""Listening sockets: they accept, look at limits, and give each client a connection object."""

from typing import Any, cast

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IReactorCore
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions
from twisted.protocols.tls import TLSMemoryBIOFactory

from twisted_relay.config.values import Address, BindAddress
from twisted_relay.downstream.connection import ClientConnection
from twisted_relay.downstream.http1 import HTTP1Connection
from twisted_relay.downstream.listener import Listener, address_text
from twisted_relay.downstream.socks5 import SOCKS5Connection
from twisted_relay.errors import BindError
from twisted_relay.net.binding import hosts_to_bind, remove_stale_socket
from twisted_relay.net.transport import EagerPort, EagerUNIXPort


class ListenerPorts:
    """All sockets of one listener. `open` and `close` are called once each."""

    def __init__(self, listener: Listener, reactor: IReactorCore, context: CertificateOptions | None) -> None:
        self._listener = listener
        self._reactor = reactor
        self._context = context
        self._ports: list[Any] = []
        self.addresses: list[str] = []
        """Where it listens, as text; with the port that was taken for port 0."""

    def open(self) -> None:
        """Listen on every address; raises `BindError` and listens on none if one cannot be had."""
        for bind in self._listener.options.bind:
            try:
                self._open(bind)
            except (CannotListenError, OSError) as error:
                self.close()
                reason = error.socketError if isinstance(error, CannotListenError) else error
                raise BindError(f"[listener:{self._listener.name}] cannot listen on {bind}: {reason}") from error
        self._listener.on_room = self._accept_again
        self._listener.on_full = self._stop_accepting

    def close(self) -> Deferred[object]:
        """Accept nothing more; what is connected stays."""
        ports, self._ports = self._ports, []
        self._listener.on_room = self._listener.on_full = None
        return cast("Deferred[object]", gatherResults([maybeDeferred(port.stopListening) for port in ports]))

    def _open(self, bind: BindAddress) -> None:
        if isinstance(bind, Address):
            for host in hosts_to_bind(bind.host):
                self._open_tcp(host, bind.port)
            return
        remove_stale_socket(bind.path)
        options = self._listener.options
        factory = self._secured(ClientFactory(self._listener, 0))
        port = EagerUNIXPort(cast(Any, bind.path), factory, options.backlog, options.socket_mode, self._reactor)
        port.room = self._listener.room
        port.startListening()
        self._ports.append(port)
        self.addresses.append(str(bind))

    def _open_tcp(self, host: str, number: int) -> None:
        factory = ClientFactory(self._listener, number)
        port = EagerPort(number, self._secured(factory), self._listener.options.backlog, host, self._reactor)
        port.room = self._listener.room
        port.startListening()
        self._ports.append(port)
        taken = port.getHost()
        factory.port = taken.port
        self.addresses.append(str(Address(taken.host, taken.port)))

    def _secured(self, factory: Factory) -> Factory:
        if self._context is None:
            return factory
        secured: Any = SecureClientFactory(self._context, False, factory, cast(Any, self._reactor))
        secured.noisy = False
        return cast(Factory, secured)

    def _stop_accepting(self) -> None:
        for port in self._ports:
            port.stopReading()

    def _accept_again(self) -> None:
        for port in self._ports:
            port.startReading()


class SecureClientFactory(TLSMemoryBIOFactory):
    """TLS around the connections of a factory, which may refuse one."""

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A connection for a new client, or None to close it at once."""
        inner = self.wrappedFactory.buildProtocol(addr)
        return None if inner is None else self.protocol(self, inner)


class ClientFactory(Factory):
    """Makes the connection object of each client."""

    noisy = False

    def __init__(self, listener: Listener, port: int) -> None:
        self._listener = listener
        self.port = port
        """The port that clients connected to; 0 for a UNIX socket."""

    def logPrefix(self) -> str:
        """What Twisted calls us when it says that a socket listens."""
        return f"listener {self._listener.name}"

    def buildProtocol(self, addr: IAddress | None) -> ClientConnection | None:
        """A connection for a new client, or None to close it at once."""
        client = address_text(getattr(addr, "host", ""))
        if not self._listener.admit(client):
            return None
        make = SOCKS5Connection if self._listener.options.mode == "socks5" else HTTP1Connection
        return make(self._listener, self._listener.origin(client, self.port))
