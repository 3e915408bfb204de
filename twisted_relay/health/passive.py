"""Passive health: a server that fails several live requests in a row should be ejected for a while.

A failure is what a server did to a request: no connection, a broken or no response, or 502, 503 or 504, and those of
500 and above that `retry_on` names: what is worth another try was a failure (nginx's `proxy_next_upstream`). Clients
that leave do not count. A good response forgives those before it, so that a busy server with a rare bad answer stays
(Envoy's consecutive errors).
"""

from twisted_relay.config.values import EjectSpec
from twisted_relay.errors import RelayError, ServerError
from twisted_relay.health.ejection import Window
from twisted_relay.health.ejector import Ejector
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.server import Server

FAILED = frozenset((502, 503, 504))
"""Status codes by which a server says that it, or what is behind it, cannot answer."""


class ErrorsInARow:
    """Hears how the servers of one backend do with live requests; a `Watcher`."""

    def __init__(self, backend: Backend, ejector: Ejector, spec: EjectSpec) -> None:
        self._backend = backend
        self._ejector = ejector
        self._spec = spec
        self._statuses = FAILED | {status for status in backend.rules.statuses if status >= 500}
        self._windows: dict[Server, Window] = {}

    def start(self) -> None:
        """Listen."""
        if self not in self._backend.memberships:
            self._backend.memberships.append(self)
            self._backend.observers.append(self.observe)

    def stop(self) -> None:
        """Listen no more, and forget."""
        if self in self._backend.memberships:
            self._backend.memberships.remove(self)
            self._backend.observers.remove(self.observe)
            self._windows.clear()

    def joined(self, server: Server) -> None:
        """See `Watcher`: nothing is known of it."""

    def left(self, server: Server) -> None:
        """See `Watcher`; what it still works on is of no interest any more."""
        self._windows.pop(server, None)

    def observe(self, server: Server, error: RelayError | None, code: int) -> None:
        """Hear how a server did with a request; a `ServerObserver`."""
        if error is None:
            if code in self._statuses:
                self._failed(server, f"answered {code}")
            elif self._windows:
                window = self._windows.get(server)
                if window is not None:
                    window.clear()
        elif isinstance(error, ServerError):
            self._failed(server, str(error))

    def _failed(self, server: Server, what: str) -> None:
        spec = self._spec
        if not server.is_usable:
            return
        window = self._windows.get(server)
        if window is None:
            window = self._windows[server] = Window(spec)
        if window.failed(self._backend.now()):
            window.clear()
            self._ejector.eject(server, "errors", f"{spec.errors} errors in {spec.window:g} s, the last: {what}")
