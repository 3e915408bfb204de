"""One run of a scenario: the backend as the daemon makes it, the model around it, and time going by in windows.

Two clocks: the scenario's, and the virtual clock that everything in the run reads. They differ by what was left out
(`quiet`); for the backend time never jumps.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import cast

from twisted_relay.config.balance import show_balance
from twisted_relay.config.tree import BackendOptions
from twisted_relay.health import watchers_of
from twisted_relay.names.resolver import Resolver
from twisted_relay.net.deadlines import Deadlines, Limited, tick_for
from twisted_relay.simulation.clients import Clients
from twisted_relay.simulation.clock import VirtualClock
from twisted_relay.simulation.faults import Faults
from twisted_relay.simulation.measures import Measures, Tally
from twisted_relay.simulation.quiet import Quiet
from twisted_relay.simulation.scenario import Scenario
from twisted_relay.simulation.server import ModelServer
from twisted_relay.simulation.values import rate_at
from twisted_relay.simulation.wire import ModelTry, Network
from twisted_relay.upstream.assemble import Surroundings, assemble
from twisted_relay.upstream.backend import Backend, BackendCounters
from twisted_relay.upstream.delivery import forward_to
from twisted_relay.upstream.server import Server

WINDOWS = 2880
"""A run has about so many windows, if none gets shorter than `SHORTEST_WINDOW`: thirty seconds each in a day."""
SHORTEST_WINDOW = 1.0
BUCKETS = 240
"""At most so many points on the charts."""
LONGEST_START = 60.0
"""Seconds before the first request in which all servers should have passed their first check."""
LONGEST_END = 7200.0
"""Seconds after the last request in which all must have got their answers."""


EPOCH = 1000.0
"""What the virtual clock shows at the start: not 0.0, which means "never" to many."""


class NotAccounted(Exception):
    """A request was lost, or left waiting: the relay is broken, not the scenario."""


@dataclass(frozen=True, slots=True)
class StateChange:
    """A server entered a state, in the relay's eyes."""

    time: float
    server: str
    state: str
    reason: str


@dataclass(slots=True)
class Outcome:
    """What came of a run."""

    policy: str
    window: float
    """Seconds."""
    bucket: float
    """Seconds between two points of `series`."""
    total: Measures = field(default_factory=Measures)
    series: list[Measures] = field(default_factory=list)
    state_changes: list[StateChange] = field(default_factory=list)
    requests_simulated: int = 0
    """Requests that really ran; the others are those of windows that others stand for."""
    time_simulated: float = 0.0
    """Seconds of the run that were not left out."""


class World:
    """Everything of one run."""

    def __init__(self, scenario: Scenario, options: BackendOptions, seed: int, *, exact: bool) -> None:
        self.scenario = scenario
        self.clock = VirtualClock()
        self.clock.rightNow = EPOCH
        self.deadlines = Deadlines(self.clock, self.clock.seconds, tick_for(options.times))
        self.deadlines.members = cast("set[Limited]", Ordered())
        self.models = {
            name: ModelServer(name, each, self.clock, random.Random(f"{seed}:server:{name}").random)
            for name, each in scenario.servers.items()
        }
        draw = random.Random(f"{seed}:relay").random
        network = Network(self.clock, self.models)
        surroundings = Surroundings(
            self.clock, self.clock, self.deadlines, Resolver(self.clock), draw, network.make_dialler
        )
        # what checks want to read is not modelled: servers answer what is right
        options = replace(options, discover=None, check_expect_header=(), check_expect_body="")
        self.backend = assemble(options, surroundings)
        self.backend.make_try = ModelTry
        self.watchers = watchers_of(self.backend, draw)
        self.clients = [
            Clients(each, self.clock, forward_to(self.backend), options, f"{seed}:clients") for each in scenario.clients
        ]
        self.faults = Faults(self.models, self.backend.servers)
        self.quiet = Quiet(self.backend, scenario, exact=exact)
        self.skipped = 0.0
        """Seconds by which the scenario's time is ahead of the clock's."""
        self._due = list(reversed(scenario.changes))
        self._load: dict[str, int] = dict.fromkeys(self.models, 0)
        self._counted: dict[str, int] = {}
        self._told: dict[str, int] = {}

    # -- time -----------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Let it all happen, once the first checks are over.

        Raises `NotAccounted` or `AnsweredTwice` if the relay loses a request or doubles one.
        """
        duration = self.scenario.options.duration
        window = max(SHORTEST_WINDOW, duration / WINDOWS)
        count = max(1, round(duration / window))
        window = duration / count
        per_bucket = -(-count // BUCKETS)
        outcome = Outcome(show_balance(self.backend.options.balance), window, window * per_bucket)
        outcome.series = [Measures() for _ in range(-(-count // per_bucket))]
        self._start()
        place = 0
        while place < count:
            tally = self._pass_window(place * window, (place + 1) * window)
            weight = 1 + self.quiet.windows_to_skip(tally, place + 1, window)
            self._take(outcome, tally, range(place, place + weight), per_bucket)
            outcome.time_simulated += window
            place += weight
            self.skipped += (weight - 1) * window
        self._finish(outcome, per_bucket)
        return outcome

    def _start(self) -> None:
        self.deadlines.start()
        for watcher in self.watchers:
            watcher.start()
        end = self.clock.rightNow + LONGEST_START
        while self.clock.rightNow < end and any(server.is_checking for server in self.backend.servers):
            self.clock.advance(1.0)
        self.skipped = -self.clock.rightNow
        self._told = {server.name: _changes_of(server) for server in self.backend.servers}
        self._growth()

    def _pass_window(self, start: float, end: float) -> Tally:
        """Let a window pass, of the scenario's time, with all that happens in it."""
        tally = Tally()
        for clients in self.clients:
            clients.tally = tally
        middle = (start + end) / 2
        self._set_rates(middle)
        while self._due and self._due[-1].time < end:
            change = self._due.pop()
            self.clock.run_until(max(self.clock.rightNow, change.time - self.skipped))
            self.faults.apply(change)
            self._set_rates(middle)
        self.clock.run_until(end - self.skipped)
        return tally

    def _set_rates(self, time: float) -> None:
        for clients in self.clients:
            clients.set_rate(self.faults.rate(clients.options.name, rate_at(clients.options.rate, time)))

    # -- measuring ------------------------------------------------------------------------------------------------

    def _take(self, outcome: Outcome, tally: Tally, windows: range, per_bucket: int) -> None:
        """Count a window, and those that it stands for."""
        load, counted = self._growth()
        outcome.total.add(tally, load, counted, len(windows))
        buckets = Counter(min(place // per_bucket, len(outcome.series) - 1) for place in windows)
        for bucket, weight in buckets.items():
            outcome.series[bucket].add(tally, load, counted, weight)
        for measures in (outcome.total, *(outcome.series[bucket] for bucket in buckets)):
            measures.queue = max(measures.queue, len(self.backend.queue))
        outcome.requests_simulated += tally.ended
        self._note_states(outcome)

    def _growth(self) -> tuple[dict[str, int], dict[str, int]]:
        """What servers were asked, and what the backend counted, since the last time."""
        load: dict[str, int] = {}
        for name, model in self.models.items():
            if model.asked != self._load[name]:
                load[name] = model.asked - self._load[name]
                self._load[name] = model.asked
        before, self._counted = self._counted, dict(counts_of(self.backend))
        return load, {name: number - before.get(name, 0) for name, number in self._counted.items()}

    def _note_states(self, outcome: Outcome) -> None:
        for server in self.backend.servers:
            total = _changes_of(server)
            new = total - self._told.get(server.name, 0)
            if new:
                self._told[server.name] = total
                for time, state, reason in list(server.history)[-new:]:
                    outcome.state_changes.append(StateChange(time + self.skipped, server.name, state, reason))

    # -- the end --------------------------------------------------------------------------------------------------

    def _finish(self, outcome: Outcome, per_bucket: int) -> None:
        """Nobody asks any more: let all get their answers, then stop as the daemon does and see what is left."""
        tally = Tally()
        for clients in self.clients:
            clients.tally = tally
            clients.set_rate(0.0)
        begun = sum(clients.begun for clients in self.clients)
        end = self.clock.rightNow + LONGEST_END
        while outcome.requests_simulated + tally.ended < begun and self.clock.rightNow < end:
            self.clock.advance(1.0)
        self._take(
            outcome, tally, range(len(outcome.series) * per_bucket - 1, len(outcome.series) * per_bucket), per_bucket
        )
        self._check(outcome, begun)
        for watcher in self.watchers:
            watcher.stop()
        self.backend.close()
        self.deadlines.stop()

    def _check(self, outcome: Outcome, begun: int) -> None:
        left = {
            "requests without an end": begun - outcome.requests_simulated,
            "requests in the queue": len(self.backend.queue),
            "requests at servers": sum(abs(server.active_requests) for server in self.backend.servers),
        }
        if any(left.values()):
            raise NotAccounted(", ".join(f"{number} {what}" for what, number in left.items() if number))


def _changes_of(server: Server) -> int:
    """How often the state of a server has changed."""
    return sum(server.counters.state_changes.values())


def counts_of(backend: Backend) -> Iterator[tuple[str, int]]:
    """Every number that a backend counts, by a name for people."""
    yield from _numbers_of(backend.counters)
    if backend.budget is not None:
        yield from ((f"refused by the retry budget: {reason}", n) for reason, n in backend.budget.refused.items())
    if backend.hedging is not None:
        yield from (("hedges", backend.hedging.made), ("hedges that won", backend.hedging.won))
    if backend.breaker is not None:
        yield from (("breaker opened", backend.breaker.opened), ("breaker rejected", backend.breaker.rejected))


def _numbers_of(counters: BackendCounters) -> Iterator[tuple[str, int]]:
    for name in sorted(counters.__slots__):
        value = getattr(counters, name)
        if isinstance(value, int):
            yield name.replace("_", " "), value
        elif isinstance(value, dict):
            for key, number in value.items():
                yield f"{name.replace('_', ' ')}: {key}", number


class Ordered(dict[Limited, None]):
    """A set that is gone through in the order of adding, so that runs are alike."""

    def add(self, member: Limited) -> None:
        """See `set`."""
        self[member] = None

    def discard(self, member: Limited) -> None:
        """See `set`."""
        self.pop(member, None)
