"""Random outages in virtual time: whatever servers do and operators change, every request comes to one good end.

The conversations are those of `test_interleavings`, over backends with random options: any policy, sticky or not, with
limits, retries, hedging, slow start and what else there is. Servers fall, are taken out, come and go meanwhile.
"""

from collections import Counter
from dataclasses import replace
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import BACKEND, LISTENER, ROUTE, Conversation, servers
from tests.test_interleavings import STEPS, Client, Step, World
from twisted_relay.balancing import POLICIES
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import BalanceSpec, BreakerSpec, BudgetSpec, RetryOn, StickySpec
from twisted_relay.upstream.budget import TTL
from twisted_relay.upstream.server import DRAIN, MAINT, UP, Server

ADDRESSES = ("192.0.2.1", "192.0.2.2", "2001:db8::1")
_OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "balance": st.sampled_from(sorted(POLICIES)).map(lambda name: BalanceSpec(name, "client-ip")),
    "sticky": st.sampled_from((None, StickySpec("SRV"))),
    "max_requests_per_server": st.sampled_from((0, 1, 2)),
    "queue_length": st.sampled_from((0, 1, 5)),
    "queue_order": st.sampled_from(("fair", "fifo")),
    "panic_threshold": st.sampled_from((0.0, 0.0, 0.5)),
    "breaker": st.sampled_from((None, None, BreakerSpec(0.5, 10.0, 3))),
    "slow_start": st.sampled_from((0.0, 20.0)),
    "retries": st.sampled_from((0, 1, 3)),
    "retry_on": st.sampled_from(
        (RetryOn(("connect", "reset", "empty")), RetryOn(("connect", "timeout"), ((200, 200),)))
    ),
    "retry_methods": st.sampled_from((("safe",), ("any",))),
    "retry_budget": st.sampled_from((None, BudgetSpec(0.2, 0.1))),
    "per_try_timeout": st.sampled_from((0.0, 2.0)),
    "hedge": st.booleans(),
    "adaptive_limit": st.booleans(),
    "total_timeout": st.sampled_from((0.0, 5.0)),
}
PLACES = st.tuples(*[st.tuples(st.sampled_from((1, 1, 2)), st.sampled_from((False, False, True)))] * 3)
"""Of each server: its tier, and whether it is a backup."""
OPTIONS = st.builds(
    lambda given, places: replace(
        BACKEND,
        servers=tuple(
            replace(spec, tier=1 if backup else tier, backup=backup)
            for spec, (tier, backup) in zip(servers(3), places, strict=True)
        ),
        **given,
    ),
    st.fixed_dictionaries(_OPTIONS),
    PLACES,
)
CHANGES: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("change"), st.integers(0, 4), st.sampled_from(("set_down", "set_up", "eject", "restore"))),
    st.tuples(st.just("change"), st.integers(0, 4), st.just("set_checking")),
    st.tuples(st.just("mode"), st.integers(0, 4), st.sampled_from(("ready", "drain", "maint"))),
    st.tuples(st.just("weight"), st.integers(0, 4), st.sampled_from((0.0, 1.0, 7.0))),
    st.tuples(st.just("time"), st.just(0), st.just(0.2)),
    st.tuples(st.just("join"), st.just(0), st.just("")),
    st.tuples(st.just("leave"), st.integers(0, 4), st.just("")),
)


class Outage(World):
    """A world in which servers change, come and go; it looks at every choice."""

    def __init__(self, case: SynchronousTestCase, options: BackendOptions) -> None:
        self.talk = Conversation(case, LISTENER, options, replace(ROUTE, upgrade=("any",)))
        self.clients: list[Client] = []
        self.servers = []
        self.chosen: Counter[str] = Counter()
        self._began = self.talk.reactor.seconds()
        backend = self.talk.backend
        self._numbers = count(4)
        if backend.hedging is not None:  # as if more were known of the route: a second try after a moment
            case.patch(backend.hedging, "delay", lambda route, now: 0.05)
        self._took, backend.took = backend.took, self._look  # type: ignore[method-assign]
        self.connect(0, "")

    def _look(self, server: Server) -> None:
        """A server is given a request: it must be one that may have it, and have room."""
        case = self.talk.case
        if not any(tier.panics for tier in self.talk.backend.selection.tiers):
            case.assertIn(server.state, (UP, DRAIN))
        case.assertNotEqual(server.state, MAINT)
        case.assertTrue(server.has_room, "there was no room")
        if server.state == DRAIN or server.weight == 0:
            case.assertIsNotNone(self.talk.backend.sticky, "nobody sticks to it")
        self.chosen[server.name] += 1
        self._took(server)

    def connect(self, index: int, argument: str) -> None:
        """One more client, from another address."""
        if len(self.clients) < 3 and not self.talk.listener.draining:
            number = len(self.clients)
            client = Client(self.talk.client(ADDRESSES[number]), number, self.size)
            if self.talk.backend.sticky is not None:
                client.lines = (f"Cookie: SRV={self.talk.backend.sticky.value_for(f's{number + 1}').decode()}",)
            self.clients.append(client)

    def step(self, name: str, index: int, argument: str | float) -> None:
        """Do one thing, if it can be done."""
        backend = self.talk.backend
        server = backend.servers[index % len(backend.servers)] if backend.servers else None
        if name == "join":
            if len(backend.servers) < 6:
                backend.join(replace(servers(1)[0], name=f"s{next(self._numbers)}"))
        elif name == "state":
            pass
        elif name not in ("change", "mode", "weight", "leave"):
            super().step(name, index, argument)
        elif server is not None:
            self._change(server, name, argument)
        self.talk.settle()
        self._look_at_the_queue()

    def _look_at_the_queue(self) -> None:
        """Who has no room is known exactly, and nobody waits for any server while one has room."""
        case, backend = self.talk.case, self.talk.backend
        active = backend.selection.active
        case.assertEqual(backend.full, {server for server in active if not server.has_room})
        if any(not waiting.wanted for waiting in backend.queue):
            case.assertFalse([server.name for server in active if server.has_room])

    def _change(self, server: Server, name: str, argument: str | float) -> None:
        if name == "change":
            getattr(server, str(argument))("test")
        elif name == "mode":
            server.set_mode(str(argument), "test")
        elif name == "weight":
            server.set_weight(int(argument), "test")
        else:
            self.talk.backend.leave(server)

    def add_up(self) -> None:
        """What was counted in several places is the same everywhere."""
        talk, case = self.talk, self.talk.case
        finished = Counter(id(exchange) for exchange in talk.exchanges)
        case.assertEqual(set(finished.values()) - {1}, set(), "answered twice")
        tries = sum(exchange.tries for exchange in talk.exchanges)
        counters = talk.backend.counters
        fresh = sum(counters.retries.values()) - counters.redispatches
        case.assertLessEqual(tries, sum(self.chosen.values()))
        case.assertGreaterEqual(tries + fresh, sum(self.chosen.values()))
        budget = talk.backend.options.retry_budget
        if budget is not None:
            further = sum(max(0, exchange.tries - 1) for exchange in talk.exchanges)
            seconds = talk.reactor.seconds() - self._began
            case.assertLessEqual(further, budget.ratio * talk.begun + budget.reserve * (seconds + TTL))


class OutageTests(SynchronousTestCase):
    """No request is lost, answered twice or left waiting, and nobody gets one who should not."""

    @settings(max_examples=150, deadline=None)
    @given(OPTIONS, st.lists(st.one_of(STEPS, CHANGES), max_size=50))
    def test_any_outage(self, options: BackendOptions, steps: list[Step]) -> None:
        """Whatever happens: every exchange finishes once, counts are right, and nothing is left over."""
        world = Outage(self, options)
        for step in steps:
            world.step(*step)
        world.end()
        world.add_up()
