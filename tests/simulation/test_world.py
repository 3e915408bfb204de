"""Whole runs: nothing is lost, the same seed gives the same, and faults have the consequences that they should have."""

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import USUAL, backend, run, scenario
from twisted_relay.simulation.report import Report, as_data
from twisted_relay.simulation.world import World

CRASH = USUAL + "[event:boom]\ndo = {do}\nservers = s2\nat = 10s\nlasts = 20s\n"


class WorldTests(SynchronousTestCase):
    """What comes of a run."""

    def test_a_quiet_minute(self) -> None:
        """All requests are answered once, in the time that the servers take, and the servers share them evenly."""
        outcome = run(scenario(self.mktemp(), USUAL))
        total = outcome.total
        self.assertEqual((total.failed, total.aborted, total.tries), (0, 0, total.requests))
        self.assertEqual(outcome.requests_simulated, total.requests)
        self.assertLess(abs(total.requests - 1200), 5 * 1200**0.5)
        self.assertEqual(sum(total.load.values()), total.requests)
        self.assertLessEqual(max(total.load.values()) - min(total.load.values()), 1)
        self.assertLess(abs(total.times.at(0.5) - 0.02), 0.0005)
        self.assertEqual(sum(each.requests for each in outcome.series), total.requests)

    def test_faults(self) -> None:
        """Each fault of one of three servers, at 20 requests a second for 20 seconds: what clients see of it."""
        for do, options, errors, state in (
            ("crash", {}, set(), "down"),
            ("crash", {"retries": 0, "eject_after": None}, {"refused"}, "down"),
            ("hang", {"response_timeout": 4.0}, {"timeout"}, "down"),
            ("unreachable", {"connect_timeout": 1.0, "response_timeout": 4.0}, {"timeout"}, "down"),
            ("unhealthy", {}, set(), "down"),
            ("restart", {}, set(), "down"),
            ("flap 5s", {}, set(), "ejected"),
            ("errors 100% 500", {}, {"status 500"}, ""),
            ("errors 100% 503", {}, {"status 503"}, "ejected"),
            ("slow 5x", {}, set(), ""),
            ("maint", {}, set(), "maint"),
            ("drain", {}, set(), "drain"),
        ):
            made = scenario(self.mktemp(), CRASH.format(do=do), backend(**options))
            outcome = run(made)
            self.assertEqual(set(outcome.total.errors), errors, do)
            states = {change.state for change in outcome.state_changes if change.server == "s2"}
            self.assertEqual(states - {"up"} >= ({state} if state else set()), True, (do, states))
            self.assertEqual({change.server for change in outcome.state_changes} - {"s2"}, set(), do)

    def test_seeds(self) -> None:
        """The same seed gives the same run, another one another."""
        made = scenario(self.mktemp(), CRASH.format(do="crash"))
        one, same, other = (as_data(Report(made, seed, True, [run(made, seed)])) for seed in (1, 1, 2))
        self.assertEqual(one, same)
        self.assertNotEqual(one["runs"], other["runs"])

    def test_overload(self) -> None:
        """Servers that can do less than is asked for get slow; clients lose their patience and are counted as such."""
        text = USUAL.replace("constant 20ms", "constant 1s\ncapacity = 2").replace("20/s", "20/s\npatience = 2s")
        total = run(scenario(self.mktemp(), text, backend(check=None))).total
        self.assertGreater(total.aborted, total.requests // 3)
        self.assertEqual(total.failed, 0)
        self.assertEqual(total.times.count + total.aborted, total.requests)
        self.assertLessEqual(total.times.longest, 2.0)

    def test_nothing_is_left_behind(self) -> None:
        """After a run no timer of the backend, its checks or its connections is pending."""
        for do in ("crash", "hang", "unreachable", "flap 3s"):
            made = scenario(self.mktemp(), CRASH.format(do=do).replace("lasts = 20s", "lasts = 45s"))
            world = World(made, made.backend, 1, exact=True)
            world.run()
            world.clock.advance(7200.0)
            self.assertEqual(list(world.clock.getDelayedCalls()), [], do)
            self.assertEqual(world.clock.heap, [], do)
