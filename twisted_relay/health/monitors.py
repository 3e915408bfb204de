"""The active checks of a whole backend: a monitor for each of its servers, as they come and go.

Verdicts are wanted soon, so few servers are asked at once; many are not, to keep relay and them from a shock.
"""

from collections.abc import Callable
from math import inf

from twisted_relay.health.monitor import Check, Monitor, Random
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.server import Server

AT_ONCE = 50
"""First checks that are made without delay."""


class Monitors:
    """Watches the servers of one backend with one kind of check; a `Watcher`. `random` gives numbers from 0 to 1.

    `forget` is called for each server whose checks have ended, to let go of what the check keeps for it.
    """

    def __init__(
        self, backend: Backend, check: Check, random: Random, forget: Callable[[Server], None] | None = None
    ) -> None:
        self._backend = backend
        self._check = check
        self._random = random
        self._forget = forget
        self._monitors: dict[Server, Monitor] = {}
        self._is_running = False
        self._turn = -inf  # when the next first check may be made, if it were not for the first AT_ONCE

    def start(self) -> None:
        """Check every server that is there, and those that join."""
        if self._is_running:
            return
        self._is_running = True
        self._backend.memberships.append(self)
        with self._backend.changing():
            for server in list(self._backend.servers):
                self.joined(server)

    def stop(self) -> None:
        """Check no more; what is under way is called off."""
        if not self._is_running:
            return
        self._is_running = False
        self._backend.memberships.remove(self)
        for server in list(self._monitors):
            self.left(server)

    def joined(self, server: Server) -> None:
        """See `Watcher`."""
        monitor = self._monitors[server] = Monitor(server, self._check, self._backend.reactor, self._random)
        monitor.start(self._delay())

    def left(self, server: Server) -> None:
        """See `Watcher`."""
        monitor = self._monitors.pop(server, None)
        if monitor is None:
            return
        monitor.stop()
        if self._forget is not None:
            self._forget(server)

    def _delay(self) -> float:
        """Seconds until the first check of one more server: as many servers as there are take `check_spread`."""
        now = self._backend.reactor.seconds()
        gap = self._backend.options.check_spread / len(self._backend.servers)
        self._turn = max(self._turn, now - AT_ONCE * gap) + gap
        return max(0.0, self._turn - now)
