"""Leaving out quiet time: what comes of it is what an exact run gives, within bounds, and much less really runs."""

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import backend, run, scenario
from twisted_relay.simulation import quiet
from twisted_relay.simulation.quiet import MOST, expected_requests
from twisted_relay.simulation.report import Report, as_data
from twisted_relay.simulation.world import Outcome

HOUR = """
[scenario]
duration = 1h
[clients:web]
rate = 40/s
methods = GET:90% POST:10%
[servers]
latency = lognormal median=20ms p99=200ms
[event:crash]
do = crash
servers = s2
at = 20m
lasts = 2m
[event:errors]
do = errors 5% 500
servers = s3
at = 40m
lasts = 3m
"""
SHORT = """
[scenario]
duration = 10m
[clients:web]
rate = 50/s
[servers]
latency = uniform 10ms 30ms
[event:crash]
do = crash
servers = s2
at = 4m
lasts = 2m
"""
DAY = """
[scenario]
duration = 1d
[clients:web]
rate = 100/s
[servers]
latency = lognormal median=20ms p99=200ms
[event:noon]
do = crash
servers = s2
at = 12h
lasts = 10m
"""


RUNS: dict[str, tuple[Outcome, Outcome]] = {}
"""What came of scenarios that several tests look at."""


class QuietTests(SynchronousTestCase):
    """Runs with quiet time left out."""

    def setUp(self) -> None:
        self.patch(quiet, "SMALL", 0)

    def both(self, text: str) -> tuple[Outcome, Outcome]:
        """The exact run, and the quick one."""
        if text not in RUNS:
            made = scenario(self.mktemp(), text)
            RUNS[text] = run(made), run(made, exact=False)
        return RUNS[text]

    def test_agreement(self) -> None:
        """Requests to 3 %, errors as many but for chance, tries to 0.1 %, the median to 2 % and p99 to 8 %, and each
        server's share to 2 %."""
        exact, quick = self.both(HOUR)
        self.assertEqual(exact.requests_simulated, exact.total.requests)
        self.assertLess(quick.requests_simulated, 0.6 * exact.requests_simulated)
        for one, other, bound in (
            (exact.total.requests, quick.total.requests, 0.03),
            (exact.total.amplification, quick.total.amplification, 0.001),
            (exact.total.times.at(0.5), quick.total.times.at(0.5), 0.02),
            (exact.total.times.at(0.99), quick.total.times.at(0.99), 0.08),
            *((exact.total.load[name], quick.total.load[name], 0.04) for name in ("s1", "s2", "s3")),
        ):
            self.assertLess(abs(one - other), bound * one, (one, other))
        self.assertEqual(set(exact.total.errors), set(quick.total.errors))
        self.assertLess(abs(exact.total.failed - quick.total.failed), 5 * exact.total.failed**0.5)
        told = [[(each.server, each.state) for each in outcome.state_changes] for outcome in (exact, quick)]
        self.assertEqual(*told)
        for change, same in zip(exact.state_changes, quick.state_changes, strict=True):
            self.assertLess(abs(change.time - same.time), 11.0, (change, same))

    def test_events_come_at_their_times(self) -> None:
        """What is left out moves no event: the crash is seen when it is due."""
        _, quick = self.both(HOUR)
        first = quick.state_changes[0]
        self.assertEqual(first.server, "s2")
        self.assertTrue(1200 <= first.time < 1211, first)

    def test_a_day(self) -> None:
        """Of a day of a hundred requests a second only a small part is simulated; the report counts all."""
        made = scenario(self.mktemp(), DAY, backend(5))
        outcome = run(made, exact=False)
        self.assertLess(abs(outcome.total.requests - 8_640_000), 50_000)
        self.assertLess(outcome.requests_simulated, 600_000)
        self.assertEqual(sum(each.requests for each in outcome.series), outcome.total.requests)
        self.assertEqual(outcome.total.failed, 0)
        self.assertLess(outcome.time_simulated, 86400 / MOST + 1000)

    def test_not_quiet(self) -> None:
        """Nothing is left out while a server is out, while an event is near, or when there are too few requests."""
        for change in (
            ("at = 4m\nlasts = 2m", "at = 1s"),
            ("50/s", "5/s"),
            ("[event:crash]", "[event:burst]\ndo = rate 2x\nat = 10s\nlasts = 10s\nevery = 60s\n[event:crash]"),
            ("duration = 10m", "duration = 1m"),
        ):
            made = scenario(self.mktemp(), SHORT.replace(*change))
            outcome = run(made, exact=False)
            self.assertEqual(outcome.requests_simulated, outcome.total.requests, change)

    def test_a_changing_rate(self) -> None:
        """When the rate changes all the time less is left out, and the requests are counted right all the same."""
        text = HOUR.replace("rate = 40/s", "rate =\n    0s 30/s\n    30m 90/s\n    1h 30/s")
        exact, quick = self.both(text)
        self.assertLess(quick.requests_simulated, exact.requests_simulated)
        self.assertLess(abs(exact.total.requests - quick.total.requests), 0.02 * exact.total.requests)

    def test_the_same_again(self) -> None:
        """What is left out is the same for the same seed."""
        made = scenario(self.mktemp(), SHORT)
        one, same = (as_data(Report(made, 1, False, [run(made, exact=False)])) for _ in range(2))
        self.assertEqual(one, same)

    def test_small_runs_are_exact(self) -> None:
        """Without any option, a run that does not take long leaves nothing out."""
        self.patch(quiet, "SMALL", 1_000_000)
        made = scenario(self.mktemp(), SHORT)
        outcome = run(made, exact=False)
        self.assertEqual(outcome.requests_simulated, outcome.total.requests)
        self.assertLess(abs(expected_requests(made) - 30_000), 1.0)
        self.patch(quiet, "SMALL", 0)
        outcome = run(made, exact=False)
        self.assertLess(outcome.requests_simulated, outcome.total.requests)
