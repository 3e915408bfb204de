"""The checks of a backend's servers, as they come and go."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import an_exchange
from tests.health.watched import OPTIONS, Group
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.errors import NoServer
from twisted_relay.exchange import Exchange
from twisted_relay.health.check import CheckFailed
from twisted_relay.health.monitors import AT_ONCE, Monitors
from twisted_relay.http.message import Answer
from twisted_relay.upstream.delivery import forward_to
from twisted_relay.upstream.server import Server

NEW = ServerSpec("new", "http", Address("new.example.org", 8000))


class Endless:
    """A check without an end of its own, that knows whom it is asking."""

    def __init__(self) -> None:
        self.asking: list[str] = []
        self.forgotten: list[str] = []
        self._waiting: dict[str, Deferred[None]] = {}

    async def probe(self, server: Server) -> None:
        """See `Check`."""
        self.asking.append(server.name)
        try:
            self._waiting[server.name] = Deferred()
            await self._waiting[server.name]
        except CancelledError:
            self.asking.remove(server.name)
            raise

    def end(self, name: str, problem: CheckFailed | None) -> None:
        """The check of this server has a result."""
        if problem is None:
            self._waiting[name].callback(None)
        else:
            self._waiting[name].errback(problem)

    def forget(self, server: Server) -> None:
        """Nobody asks for this server any more."""
        self.forgotten.append(server.name)


class Watch:
    """Two servers that are checked by `check`, which does not end."""

    def __init__(self) -> None:
        self.group = Group("a", "b")
        self.check = Endless()
        self.monitors = Monitors(self.group.backend, self.check, lambda: 0.0, self.check.forget)
        self.monitors.start()
        self.group.clock.advance(0)


class MembershipTests(SynchronousTestCase):
    """Who is checked."""

    def test_members(self) -> None:
        """Servers that are there at the start are checked, and those that join, at once."""
        watch = Watch()
        self.assertEqual(watch.check.asking, ["a", "b"])
        watch.group.backend.join(NEW)
        watch.group.clock.advance(0)
        self.assertEqual(watch.check.asking, ["a", "b", "new"])

    def test_left(self) -> None:
        """The check of a server that leaves is called off, and what was kept for it is let go."""
        watch = Watch()
        watch.group.backend.leave(watch.group.servers[0])
        self.assertEqual((watch.check.asking, watch.check.forgotten), (["b"], ["a"]))

    def test_left_before_its_first_check(self) -> None:
        """A server that joins and leaves at once is never asked."""
        watch = Watch()
        watch.group.backend.leave(watch.group.backend.join(NEW))
        watch.group.clock.advance(60)
        self.assertEqual((watch.check.asking.count("new"), watch.check.forgotten), (0, ["new"]))

    def test_stop(self) -> None:
        """After a stop nothing runs on, nothing is kept, and nobody who joins is checked."""
        watch = Watch()
        watch.monitors.stop()
        watch.monitors.stop()
        self.assertEqual((watch.check.asking, watch.check.forgotten), ([], ["a", "b"]))
        watch.group.backend.join(NEW)
        self.assertEqual(watch.group.clock.getDelayedCalls(), [])


class SpreadTests(SynchronousTestCase):
    """When the first checks are made."""

    def times(self, servers: int, spread: float = 2.0) -> list[float]:
        """After how many seconds each of so many servers is asked first."""
        group = Group(*(f"s{number}" for number in range(servers)), options=replace(OPTIONS, check_spread=spread))
        check = Endless()
        Monitors(group.backend, check, lambda: 0.0, check.forget).start()
        times: list[float] = []
        for call in sorted(call.getTime() for call in group.clock.getDelayedCalls()):
            times.append(call - 1000.0)
        return times

    def test_few(self) -> None:
        """Few servers are all asked at once: requests wait for them."""
        for servers in (1, 2, AT_ONCE):
            self.assertEqual(self.times(servers), [0.0] * servers)

    def test_many(self) -> None:
        """Many are spread evenly over `check_spread`, after the first of them."""
        times = self.times(1000)
        self.assertEqual(times.count(0.0), AT_ONCE)
        gaps = [later - earlier for earlier, later in pairwise(times[AT_ONCE - 1 :])]
        self.assertAlmostEqual(min(gaps), 0.002)
        self.assertAlmostEqual(max(gaps), 0.002)
        self.assertLess(times[-1], 2.0)

    def test_no_spread(self) -> None:
        """Without a spread all are asked at once."""
        self.assertEqual(self.times(200, spread=0.0), [0.0] * 200)

    def test_later(self) -> None:
        """A server that joins later is asked at once, also where there are many."""
        group = Group(*(f"s{number}" for number in range(200)))
        check = Endless()
        monitors = Monitors(group.backend, check, lambda: 0.0, check.forget)
        monitors.start()
        group.clock.advance(1.9)
        self.assertNotIn("new", check.asking)
        group.backend.join(NEW)
        group.clock.advance(0.2)
        self.assertIn("new", check.asking)
        monitors.stop()
        self.assertEqual(group.clock.getDelayedCalls(), [])


class WaitingTests(SynchronousTestCase):
    """Requests and servers of which nothing is known yet."""

    def setUp(self) -> None:
        self.group = Group("a", "b", options=replace(OPTIONS, check_initial="checking", check_fall=1))
        self.check = Endless()
        self.monitors = Monitors(self.group.backend, self.check, lambda: 0.0, self.check.forget)
        self.monitors.start()
        self.group.clock.advance(0)
        self.answers: list[Answer] = []

    def ask(self) -> Exchange:
        """A request comes in."""
        exchange = an_exchange()
        forward_to(self.group.backend)(exchange, self.answers.append)
        return exchange

    def test_the_first_good_check(self) -> None:
        """A request that comes before any verdict waits, and goes to the first server that is up."""
        exchange = self.ask()
        self.assertEqual((self.group.calls.made, self.answers), ([], []))
        self.check.end("b", None)
        self.assertEqual((len(self.group.calls.made), exchange.server), (1, "b"))

    def test_nobody_is_up(self) -> None:
        """When all checks have failed it is answered at once, and does not wait for its time."""
        self.ask()
        self.check.end("a", CheckFailed("x"))
        self.assertEqual(self.answers, [])
        self.check.end("b", CheckFailed("x"))
        (answer,) = self.answers
        self.assertIsInstance(answer, NoServer)
        self.assertEqual(len(self.group.backend.queue), 0)

    def test_a_server_that_joins(self) -> None:
        """Who waits is not given to a server that has just come and was never checked."""
        exchange = self.ask()
        self.group.backend.join(NEW)
        self.assertEqual(self.group.calls.made, [])
        self.group.clock.advance(0)
        self.check.end("new", None)
        self.assertEqual(exchange.server, "new")

    def test_one_change_for_all(self) -> None:
        """The policy hears once of all servers that are being checked, however many there are."""
        group = Group(*(f"s{number}" for number in range(100)), options=replace(OPTIONS, check_initial="checking"))
        updates: list[int] = []
        selection = group.backend.selection
        update = selection.update

        def noted(servers: Sequence[Server]) -> None:
            updates.append(len(servers))
            update(servers)

        selection.update = noted  # type: ignore[method-assign]
        Monitors(group.backend, self.check, lambda: 0.0, self.check.forget).start()
        self.assertEqual(updates, [100])
