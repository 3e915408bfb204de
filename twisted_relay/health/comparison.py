"""Looks at the success rates of a backend's servers from time to time: who fails more than the others is ejected.

Reads the counters that there are, so that a request costs nothing more. What is too low is decided in `outliers`.
"""

from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_relay.config.values import OutlierSpec
from twisted_relay.health.ejection import INTERVAL
from twisted_relay.health.ejector import Ejector
from twisted_relay.health.outliers import Totals, lowest_normal, totals_of
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.server import Server


class Comparison:
    """Compares the servers of one backend after every interval; a `Watcher`."""

    _log = Logger(namespace="twisted_relay.health")

    def __init__(self, backend: Backend, ejector: Ejector, spec: OutlierSpec) -> None:
        self._backend = backend
        self._ejector = ejector
        self._spec = spec
        self._seen: dict[Server, Totals] = {}
        self._loop = LoopingCall(self._look)
        self._loop.clock = backend.reactor

    def start(self) -> None:
        """Look after every interval."""
        if self._loop.running:
            return
        self._backend.memberships.append(self)
        self._count()
        self._loop.start(INTERVAL, now=False).addErrback(self._failed)

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()
            self._backend.memberships.remove(self)
            self._seen.clear()

    def joined(self, server: Server) -> None:
        """See `Watcher`: it has done nothing yet."""

    def left(self, server: Server) -> None:
        """See `Watcher`."""
        self._seen.pop(server, None)

    def _failed(self, failure: Failure) -> None:
        self._log.failure("success rates are not compared any more", failure)

    def _count(self) -> dict[Server, Totals]:
        """What came since the last look."""
        before, self._seen = self._seen, {each: totals_of(each.counters) for each in self._backend.servers}
        return {server: totals.since(before.get(server, Totals())) for server, totals in self._seen.items()}

    def _look(self) -> None:
        spec = self._spec
        recent = {
            server: totals
            for server, totals in self._count().items()
            if server.is_usable and totals.requests >= spec.requests
        }
        lowest = lowest_normal([totals.success_rate for totals in recent.values()], spec)
        for server, totals in sorted(recent.items(), key=lambda item: item[1].success_rate):
            if totals.success_rate >= lowest:
                return
            rate = f"success rate {_percent(totals.success_rate)} of {totals.requests} requests"
            reason = f"{rate}, below {_percent(lowest)} for {len(recent)} servers"
            self._ejector.eject(server, "success_rate", reason)


def _percent(rate: float) -> str:
    return f"{rate * 100:.4g} %"
