"""Health: who watches the servers of a backend, and the kinds of check by name."""

from collections.abc import Callable

from twisted_relay.health.failures import FailureLog
from twisted_relay.health.http_check import HTTPCheck
from twisted_relay.health.monitor import Check, Random
from twisted_relay.health.monitors import Monitors
from twisted_relay.health.passive import Ejector
from twisted_relay.health.watcher import Watcher
from twisted_relay.upstream.backend import Backend

CHECKS: dict[str, Callable[[Backend], Check]] = {
    "http": HTTPCheck,
}


def watchers_of(backend: Backend, random: Random) -> list[Watcher]:
    """Everyone whom the options of a backend ask for, not yet started; `random` gives numbers from 0 to 1."""
    watchers: list[Watcher] = []
    if backend.options.check is not None:
        watchers.append(Monitors(backend, CHECKS["http"](backend), random))
    watchers.append(FailureLog(backend))
    if backend.options.eject_after is not None:
        watchers.append(Ejector(backend, backend.options.eject_after))
    return watchers
