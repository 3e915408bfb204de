"""Takes servers out that fail live requests, and brings them back. Why one should go is for others to find out.

How many may be out at once and for how long is decided in `ejection`.
"""

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_relay.health.ejection import Record, ejection_time, may_eject
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.server import EJECTED, Server


class Ejector:
    """Ejects servers of one backend; a `Watcher`."""

    _log = Logger(namespace="twisted_relay.health")

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._records: dict[Server, Record] = {}
        self._timers: dict[Server, IDelayedCall] = {}

    def start(self) -> None:
        """Follow who comes and goes."""
        if self in self._backend.memberships:
            return
        self._backend.memberships.append(self)
        for server in self._backend.servers:
            self.joined(server)

    def stop(self) -> None:
        """Bring nobody back any more: who is ejected stays so."""
        if self not in self._backend.memberships:
            return
        self._backend.memberships.remove(self)
        for server in self._backend.servers:
            self.left(server)

    def joined(self, server: Server) -> None:
        """See `Watcher`."""
        if self._backend.options.eject_until_check:
            server.on_good_check = self._checked

    def left(self, server: Server) -> None:
        """See `Watcher`."""
        server.on_good_check = None
        self._records.pop(server, None)
        timer = self._timers.pop(server, None)
        if timer is not None:
            timer.cancel()

    def eject(self, server: Server, kind: str, reason: str) -> None:
        """Take a usable server out, if it may go; `kind` is one of `EJECTION_REASONS`."""
        if not server.is_usable:
            return
        backend, options = self._backend, self._backend.options
        usable = sum(other.is_usable for other in backend.servers)
        ejected = sum(other.state == EJECTED and other.weight > 0 for other in backend.servers)
        if not may_eject(ejected, usable, options.eject_percent):
            backend.counters.ejections_refused += 1
            return
        record = self._records.setdefault(server, Record())
        duration = ejection_time(record.ejected(backend.now()), options.eject_for, options.eject_max)
        backend.counters.ejections[kind] += 1
        self._timers[server] = backend.reactor.callLater(duration, self._free, server, "its time out is over")
        server.eject(reason)
        self._log.warn(
            "server {name} of backend {backend} is ejected for {duration:g} s: {reason}",
            name=server.name,
            backend=backend.name,
            duration=duration,
            reason=reason,
        )

    def _checked(self, server: Server) -> None:
        """A check of a server was good: if that is the only reason why it is out, it comes back."""
        if server in self._timers and server.state == EJECTED:
            self._timers[server].cancel()
            self._free(server, "a good check")

    def _free(self, server: Server, reason: str) -> None:
        del self._timers[server]
        self._records[server].freed(self._backend.now())
        server.restore(reason)
        self._log.info(
            "server {name} of backend {backend} is no longer ejected, {reason}; it is {state}",
            name=server.name,
            backend=self._backend.name,
            reason=reason,
            state=server.state,
        )
