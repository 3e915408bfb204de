"""Says in the log, once and in words, that a server fails live requests, and that it answers again.

Also without a check and with a single server, which is never ejected, somebody who reads the log must learn why
requests fail. A server that fails and answers in turn is not written of more often than every `PAUSE` seconds.
"""

from twisted.logger import Logger

from twisted_relay.errors import RelayError, ServerError
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.server import Server

PAUSE = 10.0
"""Seconds between two warnings of one server."""


class FailureLog:
    """Watches the servers of one backend; a `ServerObserver` once it is started."""

    _log = Logger(namespace="twisted_relay.upstream")

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._failing: set[str] = set()
        self._warned: dict[str, float] = {}

    def start(self) -> None:
        """Watch."""
        if self.observe not in self._backend.observers:
            self._backend.observers.append(self.observe)
            self._backend.memberships.append(self)

    def stop(self) -> None:
        """Watch no more."""
        if self.observe in self._backend.observers:
            self._backend.observers.remove(self.observe)
            self._backend.memberships.remove(self)

    def joined(self, server: Server) -> None:
        """See `Watcher`: nothing is known of it."""

    def left(self, server: Server) -> None:
        """See `Watcher`: another server may have its name later."""
        self._failing.discard(server.name)
        self._warned.pop(server.name, None)

    def observe(self, server: Server, error: RelayError | None, code: int) -> None:
        """Hear how a server did with a request."""
        if error is None:
            if self._failing and server.name in self._failing:
                self._failing.discard(server.name)
                self._log.info(
                    "server {name} of backend {backend} answers again", name=server.name, backend=self._backend.name
                )
        elif isinstance(error, ServerError) and server.name not in self._failing:
            self._warn(server, error)

    def _warn(self, server: Server, error: ServerError) -> None:
        if self._backend.pools.get(server.name) is not server.pool:
            return  # it has left, and nobody would forget it
        now = self._backend.now()
        if now - self._warned.get(server.name, -PAUSE) < PAUSE:
            return
        self._warned[server.name] = now
        self._failing.add(server.name)
        self._log.warn(
            "server {name} of backend {backend} fails requests: {error}",
            name=server.name,
            backend=self._backend.name,
            error=str(error),
        )
