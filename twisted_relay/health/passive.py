"""Passive health: a server that fails live requests is ejected for a while.

A failure is what a server did to a request: no connection, a broken or no response, or 502, 503 or 504. Clients
that leave do not count. Failures must come in a row: a good response forgives those before it, so that a busy
server with a rare bad answer stays (Envoy's consecutive errors). The last usable server is
never ejected: bad answers are better than none (Envoy's outlier detection has the same floor).
"""

from collections import deque
from typing import Any

from twisted.logger import Logger

from twisted_relay.config.values import EjectSpec
from twisted_relay.errors import RelayError, ServerError
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.server import Server

FIRST_FAILED, LAST_FAILED = 502, 504
"""Status codes by which a server says that it, or what is behind it, cannot answer."""


class Window:
    """The times of the last failures of one server, as many as eject it. Times are seconds of one clock."""

    def __init__(self, spec: EjectSpec) -> None:
        self._times: deque[float] = deque(maxlen=spec.errors)
        self._seconds = spec.window

    def failed(self, now: float) -> bool:
        """Note a failure; whether there are now too many in the window."""
        times = self._times
        times.append(now)
        return len(times) == times.maxlen and now - times[0] <= self._seconds

    def clear(self) -> None:
        """Forget all."""
        self._times.clear()


class Ejector:
    """Watches how the servers of one backend do with live requests, and takes out who fails too often."""

    _log = Logger(namespace="twisted_relay.health")

    def __init__(self, backend: Backend, spec: EjectSpec) -> None:
        self._backend = backend
        self._spec = spec
        self._windows: dict[str, Window] = {}
        self._timers: dict[str, Any] = {}

    def start(self) -> None:
        """Watch."""
        if self.observe not in self._backend.observers:
            self._backend.observers.append(self.observe)
            self._backend.memberships.append(self)

    def stop(self) -> None:
        """Watch no more; who is ejected stays so."""
        if self.observe in self._backend.observers:
            self._backend.observers.remove(self.observe)
            self._backend.memberships.remove(self)
        timers, self._timers = self._timers, {}
        for timer in timers.values():
            timer.cancel()

    def joined(self, server: Server) -> None:
        """See `Watcher`: nothing is known of it."""

    def left(self, server: Server) -> None:
        """See `Watcher`; what it still works on is of no interest any more."""
        self._windows.pop(server.name, None)
        timer = self._timers.pop(server.name, None)
        if timer is not None:
            timer.cancel()

    def observe(self, server: Server, error: RelayError | None, code: int) -> None:
        """Hear how a server did with a request; a `ServerObserver`."""
        if error is None:
            if FIRST_FAILED <= code <= LAST_FAILED:
                self._failed(server, f"answered {code}")
            elif self._windows:
                window = self._windows.get(server.name)
                if window is not None:
                    window.clear()
        elif isinstance(error, ServerError):
            self._failed(server, str(error))

    def _failed(self, server: Server, what: str) -> None:
        window = self._windows.get(server.name)
        if window is None:
            window = self._windows[server.name] = Window(self._spec)
        if not window.failed(self._backend.now()) or not self._can_go(server):
            return
        window.clear()
        spec, duration = self._spec, self._backend.options.eject_for
        reason = f"{spec.errors} errors in {spec.window:g} s, the last: {what}"
        self._timers[server.name] = self._backend.reactor.callLater(duration, self._restore, server)
        server.eject(reason)
        self._log.warn(
            "server {name} of backend {backend} is ejected for {duration:g} s: {reason}",
            name=server.name,
            backend=self._backend.name,
            duration=duration,
            reason=reason,
        )

    def _can_go(self, server: Server) -> bool:
        """Whether it takes part at all, and somebody else is left to do its work."""
        others = (other for other in self._backend.servers if other is not server)
        return server.is_usable and any(other.is_usable for other in others)

    def _restore(self, server: Server) -> None:
        del self._timers[server.name]
        server.restore("its time out is over")
        self._log.info(
            "server {name} of backend {backend} is no longer ejected; it is {state}",
            name=server.name,
            backend=self._backend.name,
            state=server.state,
        )
