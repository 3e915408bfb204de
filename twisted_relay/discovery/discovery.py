"""Gives a backend the servers that are found, while it runs: looks, again and again, and lets servers join and leave.

Whatever happens to a look, the servers of the last good one stay. Servers of the configuration are never touched.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_relay.config.discover import show_place
from twisted_relay.config.values import DiscoverSpec, ServerSpec
from twisted_relay.discovery.answer import Answer, LookFailed
from twisted_relay.discovery.changes import Changes, Limits, Present, changes, next_removal
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.server import Server

FIRST_WITHIN = 10.0
"""Seconds from the start in which requests wait for the first answer; then a backend without servers answers 503."""
SOONEST = 1.0
"""Seconds between a look that failed and the next one; then twice as many, up to `every`."""
MOST_SHOWN = 8
"""Servers that one line of the log names."""

RESULTS = (
    "success",
    "nxdomain",
    "empty",
    "servfail",
    "refused",
    "timeout",
    "malformed",
    "network",
    "unreadable",
    "invalid",
    "internal",
)
"""How a look may end, for metrics."""


class Source(Protocol):
    """A place where servers are looked for."""

    async def look(self) -> Answer:
        """The servers now; raises `LookFailed`. May be cancelled at any time."""


class DiscoveryCounters:
    """What is counted for one backend's discovery."""

    __slots__ = ("changes", "last_success", "looks")

    def __init__(self) -> None:
        self.looks = dict.fromkeys(RESULTS, 0)
        """Looks by how they ended."""
        self.changes = {"joined": 0, "left": 0, "reweighted": 0}
        """Servers."""
        self.last_success = 0.0
        """When the last good answer came, in seconds since 1970; 0 before the first."""


class Discovery:
    """Looks for the servers of one backend from `start` to `stop`. `wall` gives seconds since 1970."""

    _log = Logger(namespace="twisted_relay.discovery")

    def __init__(
        self, backend: Backend, spec: DiscoverSpec, source: Source, wall: Callable[[], float] = time.time
    ) -> None:
        self.name = backend.name
        """Of the backend."""
        self.counters = DiscoveryCounters()
        self.failure = ""
        """Why the last look failed, for people; empty when it did not, and before the first."""
        self.servers: dict[str, Server] = {}
        """Those that were found and are in the backend, by name."""
        self._backend = backend
        self._spec = spec
        self._source = source
        self._wall = wall
        self._clock = backend.reactor
        hold = 0.0 if spec.kind == "file" else backend.options.discover_hold
        self._limits = Limits(hold, spec.most)
        self._specs: dict[str, ServerSpec] = {}
        self._missing: dict[str, float] = {}
        self._is_running = False
        self._failures = 0  # in a row
        self._told: tuple[str, ...] = ()
        self._timer: Any = None
        self._patience: Any = None
        self._looking: Deferred[None] | None = None
        backend.describe_discovery = lambda: self.state

    @property
    def state(self) -> str:
        """How it stands, in words."""
        where = show_place(self._spec)
        if self.failure:
            kept = f"what was found stays in use ({self._count_servers()})" if self.servers else "nothing was found yet"
            return f"{where}: {self.failure}; {kept}"
        return f"{where}: {self._count_servers()}" if self.counters.last_success else f"{where}: no answer yet"

    @property
    def is_waiting(self) -> bool:
        """Whether requests wait for its first answer."""
        return self._backend.is_discovering

    def start(self) -> None:
        """Look now, and then again and again. Requests wait for the first answer."""
        self._is_running = self._backend.is_discovering = True
        self._patience = self._clock.callLater(FIRST_WITHIN, self._lose_patience)
        self._look()

    def stop(self) -> None:
        """Look no more; a look that is under way is called off. The servers stay."""
        for timer in (self._timer, self._patience):
            if timer is not None and timer.active():
                timer.cancel()
        self._timer = self._patience = None
        self._is_running = self._backend.is_discovering = False
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()

    def _lose_patience(self) -> None:
        """Nothing was found in time: whoever waits is told now."""
        self._backend.is_discovering = False
        self._backend.refresh()

    # -- looking --------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self._timer = None
        looking = Deferred.fromCoroutine(self._source.look())
        self._looking = done = looking.addCallbacks(self._found, self._failed)
        done.addErrback(self._survive)
        if done.called:
            self._looking = None

    def _again(self, seconds: float) -> None:
        self._looking = None
        self._timer = self._clock.callLater(seconds, self._look)

    def _found(self, answer: Answer) -> None:
        """Apply an answer."""
        if not self._is_running:
            return
        self._count("success")
        self.counters.last_success = self._wall()
        if self.failure:
            self._log.info("discovery of backend {name} works again: {where}", **self._words())
        self.failure, self._failures = "", 0
        self._tell(answer.remarks)
        self._apply(answer.servers)
        self._backend.is_discovering = False
        removal = next_removal(self._missing, self._clock.seconds(), self._limits.hold)
        self._again(min(answer.holds, max(SOONEST, removal)))

    def _failed(self, failure: Failure) -> None:
        """A look came to nothing: all stays as it is."""
        if not self._is_running:
            return
        failed = failure.value
        reason = failed.reason if isinstance(failed, LookFailed) else "internal"
        text = str(failed) if isinstance(failed, LookFailed) else f"{type(failed).__name__}: {failed}"
        self._count(reason)
        if not self.failure or (self._spec.kind == "file" and text != self.failure):
            kept = f"what was found stays ({self._count_servers()})" if self.servers else "nothing was found yet"
            words = self._words()
            self._log.warn("discovery of backend {name} fails: {text}; {kept}", text=text, kept=kept, **words)
        self.failure = text
        self._again(min(self._spec.every, SOONEST * 2 ** min(self._failures, 16)))
        self._failures += 1

    def _survive(self, failure: Failure) -> None:
        """A fault of ours must not end the looking."""
        self._log.failure("what was found could not be used", failure)
        if self._timer is None:
            self._again(self._spec.every)

    def _count(self, result: str) -> None:
        self.counters.looks[result] = self.counters.looks.get(result, 0) + 1

    def _count_servers(self) -> str:
        return "1 server" if len(self.servers) == 1 else f"{len(self.servers)} servers"

    def _words(self) -> dict[str, str]:
        return {"name": self.name, "where": show_place(self._spec)}

    def _tell(self, remarks: tuple[str, ...]) -> None:
        """Say what was left aside, once as long as it is the same."""
        for remark in remarks[:MOST_SHOWN]:
            if remark not in self._told:
                self._log.warn("discovery of backend {name}: {remark}", name=self.name, remark=remark)
        self._told = remarks[:MOST_SHOWN]

    # -- changing -------------------------------------------------------------------------------------------------

    def _apply(self, found: Iterable[ServerSpec]) -> None:
        """Make the backend have these servers, but for those that it has from its configuration."""
        own = [server for server in self._backend.servers if server.name not in self.servers]
        names, addresses = {server.name for server in own}, {server.spec.address for server in own}
        new = [each for each in found if each.name not in names and each.address not in addresses]
        todo = changes(Present(self._specs, self._missing), new, self._clock.seconds(), self._limits)
        self._missing = dict(todo.missing)
        if todo.is_nothing:
            return
        with self._backend.changing():
            self._change(todo)
        self._say(todo)

    def _change(self, todo: Changes) -> None:
        for name in todo.leave:
            del self._specs[name]
            self._backend.leave(self.servers.pop(name))
        for spec in todo.join:
            self.servers[spec.name] = self._backend.join(spec)
            self._specs[spec.name] = spec
        for spec in todo.reweigh:
            self.servers[spec.name].set_weight(spec.weight, "discovered")
            self._specs[spec.name] = spec

    def _say(self, todo: Changes) -> None:
        joined = [spec.name for spec in todo.join]
        kinds = (("joined", joined), ("left", todo.leave), ("reweighted", [spec.name for spec in todo.reweigh]))
        for what, names in kinds:
            self.counters.changes[what] += len(names)
        text = "; ".join(f"{what}: {_shown(names)}" for what, names in kinds if names)
        self._log.info(
            "backend {name} has {count} from {where} ({text})",
            count=self._count_servers(),
            text=text,
            **self._words(),
        )


def _shown(names: Iterable[str]) -> str:
    all_names = list(names)
    more = f" and {len(all_names) - MOST_SHOWN} more" if len(all_names) > MOST_SHOWN else ""
    return ", ".join(all_names[:MOST_SHOWN]) + more
