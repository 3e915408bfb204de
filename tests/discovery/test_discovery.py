"""A backend whose servers are found: what happens to it, look by look."""

from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import Address, DiscoverSpec, ServerSpec
from twisted_relay.discovery.answer import Answer, LookFailed
from twisted_relay.discovery.discovery import FIRST_WITHIN, MOST_SHOWN, Discovery
from twisted_relay.names.resolver import Resolver
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.upstream.assemble import Surroundings, assemble

DNS = DiscoverSpec("dns+a", "api.internal", 80, every=30.0)
WHERE = "dns+a://api.internal:80"


def server(number: int, weight: int = 1) -> ServerSpec:
    """A server that may be found."""
    return ServerSpec(f"10.0.0.{number}:80", "http", Address(f"10.0.0.{number}", 80), weight, host="api.internal")


ONE, TWO, THREE = server(1), server(2), server(3)
TIMEOUT = LookFailed("timeout", "A of api.internal: no answer")


class Scripted:
    """A source that finds what the test says, when it says so."""

    def __init__(self) -> None:
        self.looks: list[Deferred[Answer]] = []

    async def look(self) -> Answer:
        """As `Source`."""
        self.looks.append(Deferred())
        return await self.looks[-1]


class DiscoveryTests(SynchronousTestCase):
    """`Discovery`."""

    def make(self, spec: DiscoverSpec = DNS, servers: tuple[ServerSpec, ...] = (), hold: float = 60.0) -> None:
        """A backend and its discovery, started."""
        self.clock = Clock()
        self.clock.advance(1000)
        deadlines = Deadlines(self.clock, self.clock.seconds)
        surroundings = Surroundings(self.clock, None, deadlines, Resolver(self.clock))
        options = BackendOptions(name="app", servers=servers, discover=spec, discover_hold=hold)
        self.backend = assemble(options, surroundings)
        self.source = Scripted()
        self.discovery = Discovery(self.backend, spec, self.source, lambda: 1.7e9 + self.clock.seconds())
        self.discovery.start()

    def finds(self, *servers: ServerSpec, holds: float = 10.0, remarks: tuple[str, ...] = ()) -> None:
        """The look that is under way brings these."""
        self.source.looks.pop().callback(Answer(servers, holds, remarks))

    def fails(self, error: Exception = TIMEOUT) -> None:
        """The look that is under way fails."""
        self.source.looks.pop().errback(error)

    def looks_after(self, seconds: float) -> None:
        """The next look begins after this time, and not before."""
        self.assertEqual(self.source.looks, [])
        self.clock.advance(seconds - 0.01)
        self.assertEqual(self.source.looks, [])
        self.clock.advance(0.01)
        self.assertEqual(len(self.source.looks), 1)

    def names(self) -> list[str]:
        """The servers of the backend."""
        return [each.name for each in self.backend.servers]

    def test_servers_come_and_go(self) -> None:
        """What is found joins; what is missing leaves when it has been missing for `discover_hold`."""
        self.make(hold=15.0)
        self.assertEqual(self.names(), [])
        self.finds(ONE, TWO)
        self.assertEqual(self.names(), [ONE.name, TWO.name])
        self.looks_after(10.0)
        self.finds(TWO, THREE)
        self.assertEqual(self.names(), [ONE.name, TWO.name, THREE.name])
        self.looks_after(10.0)
        self.finds(TWO, THREE)
        self.assertIn(ONE.name, self.names())
        self.looks_after(5.0)
        self.finds(TWO, THREE)
        self.assertEqual(self.names(), [TWO.name, THREE.name])
        self.assertEqual(self.discovery.counters.changes, {"joined": 3, "left": 1, "reweighted": 0})
        self.assertEqual(self.discovery.counters.looks["success"], 4)
        self.assertEqual(self.discovery.counters.last_success, 1.7e9 + 1025)
        self.assertEqual(self.discovery.state, f"{WHERE}: 2 servers")

    def test_unchanged_servers_keep_their_state(self) -> None:
        """A server that is found again is the same object, in its state; another weight is set."""
        self.make()
        self.finds(ONE, TWO)
        before = list(self.backend.servers)
        before[0].set_down("test")
        self.looks_after(10.0)
        self.finds(replace(TWO, weight=5), ONE)
        self.assertEqual(self.backend.servers, before)
        self.assertEqual([(each.state, each.weight) for each in before], [("down", 1), ("up", 5)])

    def test_a_weight_that_an_operator_has_set(self) -> None:
        """It stays until another weight is found."""
        self.make()
        self.finds(ONE)
        self.backend.servers[0].set_weight(0, "test")
        for weight, expected in ((1, 0), (3, 3)):
            self.looks_after(10.0)
            self.finds(replace(ONE, weight=weight))
            self.assertEqual(self.backend.servers[0].weight, expected)

    def test_another_tier(self) -> None:
        """A server of another tier is a new one of the same name."""
        self.make()
        self.finds(ONE)
        before = self.backend.servers[0]
        self.looks_after(10.0)
        self.finds(replace(ONE, tier=2))
        [after] = self.backend.servers
        self.assertIsNot(after, before)
        self.assertEqual((after.name, after.spec.tier), (ONE.name, 2))

    def test_watchers_hear_of_it(self) -> None:
        """Who watches the servers of a backend hears who joins and who leaves."""
        self.make(hold=0.0)
        told: list[str] = []

        class Watching:
            def joined(self, server: object) -> None:
                told.append("joined")

            def left(self, server: object) -> None:
                told.append("left")

        self.backend.memberships.append(Watching())
        self.finds(ONE, TWO)
        self.looks_after(10.0)
        self.finds(TWO)
        self.assertEqual(told, ["joined", "joined", "left"])

    def test_static_servers(self) -> None:
        """Servers of the configuration stay; what is found of their name or address is one of them."""
        mine, other = replace(ONE, name="mine", host=""), replace(TWO, name=THREE.name, host="")
        self.make(servers=(mine, other), hold=0.0)
        self.finds(ONE, TWO, THREE, server(4))
        self.assertEqual(self.names(), ["mine", THREE.name, server(4).name])
        self.looks_after(10.0)
        self.finds(server(5))
        self.assertEqual(self.names(), ["mine", THREE.name, server(5).name])
        self.assertIs(self.backend.servers[0].spec, mine)

    def test_a_changed_name_of_the_same_address(self) -> None:
        """A line of a file that gets another name is another server."""
        self.make(DiscoverSpec("file", "/servers", every=2.0))
        self.finds(ONE, holds=2.0)
        self.looks_after(2.0)
        self.finds(replace(ONE, name="one"), holds=2.0)
        self.assertEqual(self.names(), ["one"])

    def test_failures(self) -> None:
        """A look that fails changes nothing; the next ones come after 1, 2, 4 … seconds, at most `every`."""
        self.make(hold=5.0)
        self.finds(ONE, TWO)
        self.looks_after(10.0)
        for pause in (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
            self.fails()
            self.assertEqual(self.names(), [ONE.name, TWO.name])
            self.looks_after(pause)
        self.assertEqual(self.discovery.counters.looks["timeout"], 7)
        self.assertEqual(self.discovery.failure, str(TIMEOUT))
        self.assertEqual(self.discovery.state, f"{WHERE}: {TIMEOUT}; what was found stays in use (2 servers)")
        self.finds(ONE, holds=1.0)
        self.assertEqual(self.discovery.failure, "")
        self.looks_after(1.0)
        self.fails()
        self.looks_after(1.0)

    def test_a_server_leaves_by_a_good_answer_only(self) -> None:
        """However long nobody answers, a server that was missing stays; back in the next answer it is as before."""
        self.make(hold=5.0)
        self.finds(ONE, TWO)
        self.looks_after(10.0)
        self.finds(ONE)
        self.looks_after(5.0)
        self.fails()
        self.assertEqual(self.names(), [ONE.name, TWO.name])
        self.looks_after(1.0)
        self.finds(ONE, TWO)
        self.looks_after(10.0)
        self.finds(ONE)
        self.assertEqual(self.names(), [ONE.name, TWO.name])

    def test_a_hold_that_ends_before_the_next_look(self) -> None:
        """The look comes when the hold ends, so that a server that is gone leaves in time."""
        self.make(hold=3.0)
        self.finds(ONE, TWO, holds=30.0)
        self.looks_after(30.0)
        self.finds(ONE, holds=30.0)
        self.looks_after(3.0)
        self.finds(ONE, holds=30.0)
        self.assertEqual(self.names(), [ONE.name])
        self.looks_after(30.0)

    def test_a_file_is_believed_at_once(self) -> None:
        """A server whose line is gone leaves with the next look."""
        self.make(DiscoverSpec("file", "/servers", every=2.0))
        self.finds(ONE, TWO, holds=2.0)
        self.looks_after(2.0)
        self.finds(TWO, holds=2.0)
        self.assertEqual(self.names(), [TWO.name])

    def test_requests_wait_for_the_first_answer(self) -> None:
        """Until the first answer, but not for ever."""
        self.make()
        self.assertTrue(self.discovery.is_waiting)
        self.fails()
        self.assertTrue(self.backend.is_discovering)
        self.assertEqual(self.discovery.state, f"{WHERE}: {TIMEOUT}; nothing was found yet")
        self.looks_after(1.0)
        self.finds(ONE)
        self.assertFalse(self.backend.is_discovering)
        self.make()
        self.assertEqual(self.discovery.state, f"{WHERE}: no answer yet")
        told: list[bool] = []
        self.patch(self.backend, "refresh", lambda: told.append(self.backend.is_discovering))
        self.clock.advance(FIRST_WITHIN)
        self.assertEqual((self.discovery.is_waiting, told), (False, [False]))

    def test_stopping(self) -> None:
        """Nothing is left after a stop, before, during and after a look; what a late look brings counts for nothing."""
        self.make()
        self.finds(ONE)
        self.discovery.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.names(), [ONE.name])
        self.make()
        self.discovery.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.names(), [])
        self.assertFalse(self.backend.is_discovering)
        self.discovery.stop()
        self.assertEqual(self.discovery.failure, "")

    def test_started_again(self) -> None:
        """A discovery that was stopped can go on."""
        self.make()
        self.discovery.stop()
        self.source.looks.clear()
        self.discovery.start()
        self.finds(ONE)
        self.assertEqual(self.names(), [ONE.name])

    def test_faults_of_ours(self) -> None:
        """Neither an exception of a source nor one of a backend ends the looking."""
        self.make()
        self.fails(ZeroDivisionError("oops"))
        self.assertEqual(self.discovery.failure, "ZeroDivisionError: oops")
        self.assertEqual(self.discovery.counters.looks["internal"], 1)
        self.looks_after(1.0)
        join = self.backend.join
        self.patch(self.backend, "join", lambda spec: 1 // 0)
        self.finds(ONE)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.looks_after(30.0)
        self.patch(self.backend, "join", join)
        self.finds(ONE)
        self.assertEqual(self.names(), [ONE.name])

    def test_what_is_said(self) -> None:
        """Changes, the first of many failures, their end, and what was left aside: each once."""
        self.make(hold=0.0)
        with capturedLogs() as events:
            self.finds(ONE, TWO, remarks=("x",))
            self.looks_after(10.0)
            self.finds(TWO, replace(THREE, weight=2), remarks=("x", "y"))
            self.looks_after(10.0)
            self.finds(TWO, replace(THREE, weight=3), remarks=("y",))
            self.looks_after(10.0)
            for pause in (1.0, 2.0):
                self.fails()
                self.looks_after(pause)
            self.finds(*(server(number) for number in range(10, 21)))
        lines = [(event["log_level"] is LogLevel.warn, formatEvent(event)) for event in events]
        a_few = ", ".join(server(number).name for number in range(10, 10 + MOST_SHOWN))
        self.assertEqual(
            lines,
            [
                (True, "discovery of backend app: x"),
                (False, f"backend app has 2 servers from {WHERE} (joined: {ONE.name}, {TWO.name})"),
                (True, "discovery of backend app: y"),
                (False, f"backend app has 2 servers from {WHERE} (joined: {THREE.name}; left: {ONE.name})"),
                (False, f"backend app has 2 servers from {WHERE} (reweighted: {THREE.name})"),
                (True, f"discovery of backend app fails: {TIMEOUT}; what was found stays (2 servers)"),
                (False, f"discovery of backend app works again: {WHERE}"),
                (
                    False,
                    f"backend app has 11 servers from {WHERE} (joined: {a_few} and 3 more; "
                    f"left: {TWO.name}, {THREE.name})",
                ),
            ],
        )

    def test_shown_by_its_backend(self) -> None:
        """Whoever looks at the backend can ask how it stands."""
        self.make()
        self.finds(ONE)
        assert self.backend.describe_discovery is not None
        self.assertEqual(self.backend.describe_discovery(), f"{WHERE}: 1 server")

    def test_a_thousand_servers(self) -> None:
        """The policy hears once of a thousand servers that join together."""
        self.make()
        told: list[int] = []
        self.patch(self.backend.selection, "update", lambda servers: told.append(len(servers)))
        self.finds(*(replace(server(n), name=f"s{n}", address=Address("10.0.0.1", n)) for n in range(1, 1001)))
        self.assertEqual(told, [1000])
