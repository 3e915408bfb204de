"""Servers that are taken out, and how they come back."""

from dataclasses import replace

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import OPTIONS, Group
from twisted_relay.config.sections.backend import BackendOptions
from twisted_relay.health.ejector import Ejector


class Ejection(Group):
    """A backend whose servers are ejected for 30 s at first, and 70 s at most."""

    def __init__(self, *names: str, options: BackendOptions = OPTIONS) -> None:
        super().__init__(*names, options=replace(options, eject_for=30.0, eject_max=70.0))
        self.ejector = Ejector(self.backend)
        self.ejector.start()

    def eject(self, *names: str) -> None:
        """These fail."""
        for server in self.servers:
            if server.name in names:
                self.ejector.eject(server, "errors", "it fails")

    @property
    def out(self) -> str:
        """The names of those that are ejected."""
        return "".join(server.name for server in self.servers if server.state == "ejected")


class EjectorTests(SynchronousTestCase):
    """Out and back."""

    def test_comes_back(self) -> None:
        """After its time it gets requests again, with the reason in its history."""
        group = Ejection("a", "b")
        group.eject("a")
        group.clock.advance(29.9)
        self.assertEqual(group.out, "a")
        group.clock.advance(0.1)
        self.assertEqual(group.out, "")
        self.assertEqual(
            [change[1:] for change in group.servers[0].history],
            [("ejected", "it fails"), ("up", "its time out is over")],
        )
        self.assertEqual(group.clock.getDelayedCalls(), [])

    def test_ejected_already(self) -> None:
        """A server that is out is not ejected again, whoever finds another reason: it comes back once."""
        group = Ejection("a", "b", "c", "d")
        group.eject("a")
        group.eject("a")
        self.assertEqual((group.backend.counters.ejections["errors"], len(group.clock.getDelayedCalls())), (1, 1))
        group.clock.advance(30.0)
        self.assertEqual((group.out, group.clock.getDelayedCalls()), ("", []))

    def test_longer_each_time(self) -> None:
        """Who fails again as soon as it is back is out for longer, up to the longest time; good conduct shortens it."""
        group = Ejection("a", "b")
        for good, seconds in ((0, 30), (0, 60), (0, 70), (20, 60), (500, 30)):
            group.clock.advance(good)
            group.eject("a")
            group.clock.advance(seconds - 0.1)
            self.assertEqual(group.out, "a", seconds)
            group.clock.advance(0.1)
            self.assertEqual(group.out, "", seconds)

    def test_each_for_itself(self) -> None:
        """The ejections of one server are not those of another."""
        group = Ejection("a", "b", "c", "d")
        group.eject("a")
        group.clock.advance(30)
        group.eject("a", "b")
        group.clock.advance(30)
        self.assertEqual(group.out, "a")

    def test_not_too_many(self) -> None:
        """Half of the servers at once and no more; how often it was refused is counted."""
        group = Ejection("a", "b", "c", "d", "e")
        group.eject("a", "b", "c", "d", "e")
        counters = group.backend.counters
        self.assertEqual((group.out, counters.ejections["errors"], counters.ejections_refused), ("ab", 2, 3))

    def test_what_counts_as_the_whole(self) -> None:
        """Servers that are down or take nothing anyway are not among those of which half may go."""
        group = Ejection("a", "b", "c", "d", "e", "f")
        group.servers[4].set_down("x")
        group.servers[5].set_weight(0, "x")
        group.eject("a", "b", "c")
        self.assertEqual(group.out, "ab")

    def test_stop(self) -> None:
        """After a stop no timer is left; starting twice is starting once."""
        group = Ejection("a", "b", "c")
        group.ejector.start()
        group.eject("a")
        group.ejector.stop()
        group.ejector.stop()
        self.assertEqual((group.backend.memberships, group.clock.getDelayedCalls()), ([], []))

    def test_leaves_while_ejected(self) -> None:
        """A server that leaves takes its timer with it."""
        group = Ejection("a", "b", "c")
        group.eject("a")
        server = group.servers[0]
        group.backend.leave(server)
        self.assertEqual((group.clock.getDelayedCalls(), server.on_good_check), ([], None))


class GoodCheckTests(SynchronousTestCase):
    """`eject_until_check`."""

    def checked(self, group: Ejection) -> None:
        """A check of the first server is good."""
        server = group.servers[0]
        if server.on_good_check is not None:
            server.on_good_check(server)

    def test_off(self) -> None:
        """A good check changes nothing without the option: what requests saw weighs more."""
        group = Ejection("a", "b")
        group.eject("a")
        self.checked(group)
        self.assertEqual(group.out, "a")

    def test_on(self) -> None:
        """With it the server is back at once; the log says why, and the next time is longer all the same."""
        group = Ejection("a", "b", options=replace(OPTIONS, eject_until_check=True))
        self.checked(group)
        group.eject("a")
        group.clock.advance(3)
        with capturedLogs() as events:
            self.checked(group)
            self.checked(group)
        self.assertEqual((group.out, group.clock.getDelayedCalls()), ("", []))
        self.assertEqual(
            [formatEvent(event) for event in events],
            ["server a of backend app is no longer ejected, a good check; it is up"],
        )
        group.eject("a")
        group.clock.advance(59)
        self.assertEqual(group.out, "a")

    def test_down_too(self) -> None:
        """One good check does not bring a server back that is down as well, but leaves that to its rise."""
        group = Ejection("a", "b", options=replace(OPTIONS, eject_until_check=True))
        group.eject("a")
        group.servers[0].set_down("x")
        self.checked(group)
        group.servers[0].set_up("x")
        self.assertEqual(group.out, "a")
        self.checked(group)
        self.assertEqual(group.out, "")
