"""The checks of a backend's servers, as they come and go."""

from dataclasses import replace
from itertools import pairwise

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import OPTIONS, Group
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.health.monitors import AT_ONCE, Monitors
from twisted_relay.upstream.server import Server

NEW = ServerSpec("new", "http", Address("new.example.org", 8000))


class Endless:
    """A check without an end, that knows whom it is asking."""

    def __init__(self) -> None:
        self.asking: list[str] = []
        self.forgotten: list[str] = []

    async def probe(self, server: Server) -> None:
        """See `Check`."""
        self.asking.append(server.name)
        try:
            await Deferred()
        except CancelledError:
            self.asking.remove(server.name)
            raise

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
