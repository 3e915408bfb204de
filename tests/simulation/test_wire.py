"""Between the relay and a modelled server: pools, tries and checks meet what they would meet on a network."""

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import USUAL, backend, run, scenario
from twisted_relay.config.values import CheckSpec, FieldMatch, StickySpec
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.http.message import Answer, Answered
from twisted_relay.simulation.world import Outcome, World

BOOM = USUAL + "[event:boom]\ndo = {do}\nservers = s1\nat = 10s\nlasts = 20s\n"

#: options of checks, and which faults each must see
CHECKS: tuple[tuple[Mapping[str, object], set[str]], ...] = (
    ({}, {"crash", "hang", "unreachable", "unhealthy"}),
    ({"check": CheckSpec("HEAD", "/", ((204, 204),))}, {"crash", "hang", "unreachable", "unhealthy"}),
    ({"check_reuse": False}, {"crash", "hang", "unreachable", "unhealthy"}),
    (
        {"check_expect_body": "ready", "check_expect_header": (FieldMatch("x-ready", "present"),)},
        {"crash", "hang", "unreachable", "unhealthy"},
    ),
    ({"check": CheckSpec(kind="tcp")}, {"crash", "unreachable"}),
    (
        {"check": CheckSpec(kind="tcp"), "check_send": b"PING\r\n", "check_expect": b"+PONG"},
        {"crash", "hang", "unreachable", "unhealthy"},
    ),
    ({"check": CheckSpec(kind="tcp"), "check_expect": b"220 "}, {"crash", "hang", "unreachable", "unhealthy"}),
)


def noting(destination: Destination, seen: dict[str, set[str]]) -> Destination:
    """The destination; in `seen` stands from which servers each client got answers."""

    def forward(exchange: Exchange, answered: Answered) -> None:
        def noted(answer: Answer) -> None:
            seen.setdefault(exchange.origin.client, set()).add(exchange.server)
            answered(answer)

        destination(exchange, noted)

    return forward


class WireTests(SynchronousTestCase):
    """Runs of a minute with three servers."""

    def outcome(self, do: str, **options: object) -> Outcome:
        """What comes of a fault of the server s1, for twenty seconds."""
        return run(scenario(self.mktemp(), BOOM.format(do=do), backend(**options)))

    def test_checks(self) -> None:
        """Every kind of check finds the faults that it would find, and no others; without a fault nobody is down."""
        for options, seen in CHECKS:
            for do in ("crash", "hang", "unreachable", "unhealthy", "slow 2x"):
                outcome = self.outcome(do, eject_after=None, **options)
                states = {(each.server, each.state) for each in outcome.state_changes}
                self.assertEqual(("s1", "down") in states, do in seen, (options, do))
                self.assertLessEqual({server for server, _ in states}, {"s1"})

    def test_time_limits(self) -> None:
        """Requests to a server that hangs end after the time that is configured, and not later than a tick."""
        cases: tuple[tuple[Mapping[str, object], float, str], ...] = (
            ({"response_timeout": 4.0}, 4.0, "timeout"),
            ({"per_try_timeout": 3.0, "retries": 0}, 3.0, "timeout"),
            ({"total_timeout": 2.0}, 2.0, "total_timeout"),
        )
        for options, limit, reason in cases:
            outcome = self.outcome("hang", check=None, eject_after=None, **options)
            self.assertEqual(set(outcome.total.errors), {reason}, options)
            self.assertTrue(limit <= outcome.total.times.longest <= limit + 0.5, (options, outcome.total.times.longest))

    def test_connect_timeout(self) -> None:
        """A server that cannot be reached costs the time to connect, and then another one is tried."""
        options = backend(check=None, eject_after=None, connect_timeout=1.5, pool_idle=0)
        text = BOOM.format(do="unreachable").replace("constant 20ms", "constant 0")
        outcome = run(scenario(self.mktemp(), text, options))
        self.assertEqual(outcome.total.failed, 0)
        self.assertTrue(1.5 < outcome.total.times.longest < 1.6, outcome.total.times.longest)

    def test_connections(self) -> None:
        """Connections are kept and used again as configured, and the limit of their uses holds."""
        made = scenario(self.mktemp(), USUAL)
        cases: tuple[tuple[Mapping[str, object], int], ...] = (({}, 60), ({"pool_max_requests": 10}, 200))
        for options, most in cases:
            world = World(made, backend(**options), 1, exact=True)
            total = world.run().total
            opened = sum(server.counters.connections for server in world.backend.servers)
            self.assertLessEqual(opened, most, options)
            self.assertGreaterEqual(opened, total.requests / 10 if "pool_max_requests" in options else 3)

    def test_sticky_clients(self) -> None:
        """Clients keep the cookie that they are given, and come back to their server."""
        text = USUAL.replace("rate = 20/s", "rate = 20/s\npopulation = 4")
        made = scenario(self.mktemp(), text, backend(sticky=StickySpec("relay"), balance=backend().balance))
        world = World(made, made.backend, 1, exact=True)
        seen: dict[str, set[str]] = {}
        for clients in world.clients:
            clients.destination = noting(clients.destination, seen)
        world.run()
        self.assertEqual({len(servers) for servers in seen.values()}, {1}, seen)
        self.assertEqual(len(seen), 4)
