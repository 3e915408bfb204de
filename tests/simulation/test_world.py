"""Whole runs: nothing is lost, the same seed gives the same, and faults have the consequences that they should have."""

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import USUAL, backend, run, scenario
from twisted_relay.simulation.html import as_html
from twisted_relay.simulation.report import Report, as_data
from twisted_relay.simulation.text import as_text
from twisted_relay.simulation.world import NotAccounted, World
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.delivery import Delivery

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

    def test_a_request_without_an_end(self) -> None:
        """If relay lost a request, or forgot that a server is done with one, the run would end with that, not with a
        report."""
        made = scenario(self.mktemp(), CRASH.format(do="crash"), backend(retries=0, eject_after=None))
        for broken, method in ((Delivery, "_answer"), (Backend, "released")):
            patch = self.patch(broken, method, lambda *arguments: None)
            failed = self.assertRaises(NotAccounted, run, made)
            self.assertRegex(str(failed), r"^\d+ requests (without an end|at servers)")
            patch.restore()

    def test_no_traffic(self) -> None:
        """Also a run in which nobody asks has a report."""
        outcome = run(scenario(self.mktemp(), USUAL.replace("20/s", "0/s")))
        self.assertEqual((outcome.total.requests, outcome.total.error_rate), (0, 0.0))
        made = scenario(self.mktemp(), USUAL.replace("20/s", "0/s"))
        self.assertIn("0 requests", as_text(Report(made, 1, True, [outcome])))
        self.assertIn("</html>", as_html(Report(made, 1, True, [outcome])))

    def test_rates_over_time(self) -> None:
        """The rate follows its curve, and an event changes it while it lasts."""
        text = (
            USUAL.replace("20/s", "\n    0s 0/s\n    60s 120/s") + "[event:x]\ndo = rate 10/s\nat = 30s\nlasts = 10s\n"
        )
        series = [each.requests for each in run(scenario(self.mktemp(), text)).series]
        for start, expected in ((0, 100), (10, 300), (20, 500), (30, 100), (40, 900), (50, 1100)):
            self.assertLess(abs(sum(series[start : start + 10]) - expected), 5 * expected**0.5, start)
