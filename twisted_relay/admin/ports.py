"""The sockets of the private listener."""

from typing import Any, cast

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.web.server import Site

from twisted_relay.config.values import Address, BindAddress
from twisted_relay.errors import BindError
from twisted_relay.net.binding import hosts_to_bind, remove_stale_socket

SOCKET_MODE = 0o660
"""Who may look: owner and group."""
CONTROL_MODE = 0o600
"""Who may change something: the owner."""


class AdminPorts:
    """Every address of `[admin] stats`, or that of `bind`. `reactor` gives `listenTCP` and `listenUNIX`."""

    def __init__(
        self, binds: tuple[BindAddress, ...], site: Site, reactor: object, socket_mode: int = SOCKET_MODE
    ) -> None:
        self._binds = binds
        self._site = site
        self._reactor = cast(Any, reactor)
        self._socket_mode = socket_mode
        self._ports: list[IListeningPort] = []
        self.addresses: list[str] = []
        """Where it listens, as text; with the port that was taken for port 0."""

    def open(self) -> None:
        """Listen on every address; raises `BindError` and listens on none if one cannot be had."""
        for bind in self._binds:
            try:
                self._open(bind)
            except (CannotListenError, OSError) as error:
                self.close()
                reason = error.socketError if isinstance(error, CannotListenError) else error
                raise BindError(f"[admin] cannot listen on {bind}: {reason}") from error

    def close(self) -> Deferred[object]:
        """Accept nothing more."""
        ports, self._ports = self._ports, []
        return cast("Deferred[object]", gatherResults([maybeDeferred(port.stopListening) for port in ports]))

    def _open(self, bind: BindAddress) -> None:
        if not isinstance(bind, Address):
            remove_stale_socket(bind.path)
            self._ports.append(self._reactor.listenUNIX(bind.path, self._site, mode=self._socket_mode))
            self.addresses.append(str(bind))
            return
        for host in hosts_to_bind(bind.host):
            port = self._reactor.listenTCP(bind.port, self._site, interface=host)
            self._ports.append(port)
            taken = port.getHost()
            self.addresses.append(str(Address(taken.host, taken.port)))
