"""The checks of a backend's servers, as they come and go."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import Group
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.health.monitors import Monitors
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
