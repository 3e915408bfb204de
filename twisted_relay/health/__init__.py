"""Health: who watches the servers of a backend, and the kinds of check by name."""

from collections.abc import Callable
from typing import Protocol

from twisted_relay.health.check import Check
from twisted_relay.health.comparison import Comparison
from twisted_relay.health.connect_check import ConnectCheck
from twisted_relay.health.ejector import Ejector
from twisted_relay.health.failures import FailureLog
from twisted_relay.health.http_check import HTTPCheck
from twisted_relay.health.monitor import Random
from twisted_relay.health.monitors import Monitors
from twisted_relay.health.passive import ErrorsInARow
from twisted_relay.health.tcp_check import TCPCheck
from twisted_relay.health.tls_check import TLSCheck
from twisted_relay.health.watcher import Watcher
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.server import Server


class NetworkCheck(Check, Protocol):
    """A check that may keep something for each server."""

    def forget(self, server: Server) -> None:
        """Let go of what is kept for a server that is checked no more."""


CHECKS: dict[str, Callable[[Backend], NetworkCheck]] = {
    "http": HTTPCheck,
    "tcp": TCPCheck,
    "tls": TLSCheck,
    "connect": ConnectCheck,
}


def watchers_of(backend: Backend, random: Random) -> list[Watcher]:
    """Everyone whom the options of a backend ask for, not yet started; `random` gives numbers from 0 to 1."""
    watchers: list[Watcher] = []
    if backend.options.check is not None:
        check = CHECKS[backend.options.check.kind](backend)
        watchers.append(Monitors(backend, check, random, check.forget))
    watchers.append(FailureLog(backend))
    return [*watchers, *_ejecting(backend)]


def _ejecting(backend: Backend) -> list[Watcher]:
    """Who takes servers out, and who says which."""
    options, ejector = backend.options, Ejector(backend)
    watchers: list[Watcher] = []
    if options.eject_after is not None:
        watchers.append(ErrorsInARow(backend, ejector, options.eject_after))
    if options.eject_outliers is not None:
        watchers.append(Comparison(backend, ejector, options.eject_outliers))
    return [ejector, *watchers] if watchers else []
