"""Events that last, together and after each other: the state of a server follows from all of them."""

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import USUAL, backend, scenario
from twisted_relay.simulation.scenario import Change
from twisted_relay.simulation.values import Action
from twisted_relay.simulation.world import World


class FaultsTests(SynchronousTestCase):
    """What events do to the server s1."""

    def setUp(self) -> None:
        made = scenario(self.mktemp(), USUAL)
        self.world = World(made, backend(), 1, exact=True)
        self.model = self.world.models["s1"]
        (self.server,) = (server for server in self.world.backend.servers if server.name == "s1")

    def change(self, event: str, action: Action, *, begins: bool = True, names: tuple[str, ...] = ("s1",)) -> None:
        self.world.faults.apply(Change(0.0, event, action, begins, names))

    def test_overlapping(self) -> None:
        """The end of one event does not undo another one."""
        for first, second in ((Action("crash"), Action("crash")), (Action("restart"), Action("crash"))):
            self.change("a", first)
            self.change("b", second)
            self.change("a", first, begins=False)
            self.assertTrue(self.model.is_refusing)
            self.change("b", second, begins=False)
            self.assertFalse(self.model.is_refusing)
        self.change("a", Action("hang"))
        self.change("b", Action("unreachable"))
        self.change("a", Action("hang"), begins=False)
        self.assertEqual((self.model.is_hung, self.model.is_unreachable), (True, True))
        self.change("b", Action("unreachable"), begins=False)
        self.assertEqual((self.model.is_hung, self.model.is_unreachable), (False, False))

    def test_slow_and_slower(self) -> None:
        """Factors multiply; at the end the server is as quick as before."""
        self.change("a", Action("slow", 10.0))
        self.change("b", Action("slow", 2.0))
        self.assertEqual(self.model.slowness, 20.0)
        self.change("a", Action("slow", 10.0), begins=False)
        self.assertEqual(self.model.slowness, 2.0)
        self.change("b", Action("slow", 2.0), begins=False)
        self.assertEqual(self.model.slowness, 1.0)

    def test_errors_and_health(self) -> None:
        """Errors and ill health come and go with their events."""
        self.change("a", Action("errors", 0.5, 503))
        self.change("b", Action("unhealthy"))
        self.assertEqual((self.model.errors, self.model.is_unhealthy), ((0.5, 503), True))
        self.change("a", Action("errors", 0.5, 503), begins=False)
        self.change("b", Action("unhealthy"), begins=False)
        self.assertEqual((self.model.errors[0], self.model.is_unhealthy), (0.0, False))

    def test_what_is_done_in_relay(self) -> None:
        """Drain and maint are modes of the server in relay, and its history names the event."""
        self.server.set_up("test")
        self.change("upgrade", Action("drain"))
        self.assertEqual(self.server.state, "drain")
        self.change("repair", Action("maint"))
        self.assertEqual((self.server.state, self.server.reason), ("maint", "event repair"))
        self.change("repair", Action("maint"), begins=False)
        self.change("upgrade", Action("drain"), begins=False)
        self.assertEqual(self.server.state, "up")
        self.assertEqual([self.world.models[name].is_refusing for name in ("s1", "s2")], [False, False])

    def test_rates(self) -> None:
        """A factor multiplies the usual rate, a rate takes its place, in the order of the events."""
        rate = self.world.faults.rate
        self.assertEqual(rate("web", 10.0), 10.0)
        self.change("a", Action("rate", 3.0), names=("web",))
        self.assertEqual((rate("web", 10.0), rate("other", 10.0)), (30.0, 10.0))
        self.change("b", Action("rate", 7.0, is_rate=True), names=("web",))
        self.assertEqual(rate("web", 10.0), 7.0)
        self.change("b", Action("rate", 7.0, is_rate=True), begins=False, names=("web",))
        self.change("a", Action("rate", 3.0), begins=False, names=("web",))
        self.assertEqual(rate("web", 10.0), 10.0)
