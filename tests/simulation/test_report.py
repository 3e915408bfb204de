"""The results as data and as text: they add up, and say how much was really simulated."""

import json
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import USUAL, backend, run, scenario
from twisted_relay.config.words import BadValue
from twisted_relay.health.monitor import Monitor
from twisted_relay.simulation.report import MOST_SERVERS, Report, as_data
from twisted_relay.simulation.simulate import RelayFailed, parse_policies, simulate
from twisted_relay.simulation.text import as_text, clock_time, duration, percent

CRASH = USUAL + "[event:boom]\ndo = crash\nservers = s2\nat = 10s\nlasts = 20s\n"


class ReportTests(SynchronousTestCase):
    """One run in every form but HTML."""

    def report(self, text: str = CRASH, **options: object) -> Report:
        made = scenario(self.mktemp(), text, backend(**options))
        return Report(made, 1, True, [run(made)])

    def test_data_adds_up(self) -> None:
        """Requests are those that were answered, failed or were left; series and loads have the same sums."""
        report = self.report(CRASH.replace("20/s", "20/s\npatience = 30ms"), retries=0)
        read = json.loads(json.dumps(as_data(report)))
        (made,) = read["runs"]
        failed = sum(made["errors"].values())
        self.assertGreater(failed, 0)
        self.assertAlmostEqual(made["error_rate"], failed / made["requests"], 5)
        for key, name in (("requests", "requests"), ("tries", "tries"), ("clients_left", "clients_left")):
            self.assertEqual(sum(made["series"][key]), made[name], key)
        self.assertEqual(sum(made["series"]["errors"]), failed)
        self.assertEqual(set(made["load"]["by_server"]), {"s1", "s2", "s3"})
        self.assertEqual(made["simulated"], {"requests": made["requests"], "seconds": 60.0})
        self.assertEqual(read["events"][0], {"time": 10.0, "event": "boom", "do": "crash", "begins": True})
        self.assertEqual(made["state_changes"][0]["server"], "s2")
        self.assertEqual(read["servers"], 3)

    def test_many_servers(self) -> None:
        """Of many servers only what they have in common is told."""
        report = self.report(USUAL.replace("1m", f"10s\ngenerated_servers = {MOST_SERVERS + 1}"))
        (made,) = json.loads(json.dumps(as_data(report)))["runs"]
        self.assertEqual(set(made["load"]), {"least", "median", "most", "most_to_mean"})
        self.assertNotIn("  s1 ", as_text(report))

    def test_text(self) -> None:
        """Errors are told by reason, and so is what relay saw; numbers that are 0 are left out."""
        text = as_text(self.report(retries=0, eject_after=None))
        self.assertRegex(text, r"(?m)^error rate +[\d.]+ %$")
        self.assertRegex(text, r"(?m)^  refused +[\d.]+$")
        self.assertRegex(text, r"(?m)^ +0m1\ds  s2 down: GET /health: .*connection refused \(3 failures in a row\)$")
        self.assertNotIn("queue rejected", text)

    def test_what_was_left_out(self) -> None:
        """A report on a run with quiet time left out says how much was simulated."""
        report = self.report()
        report.outcomes[0].requests_simulated = 7
        self.assertRegex(as_text(report), r"round-robin: 7 of 1,\d{3} requests were simulated; quiet time counts as")

    def test_words_for_numbers(self) -> None:
        """Short enough to read, and never 0 for what is not."""
        for shown, expected in (
            (percent(0.0), "0 %"),
            (percent(0.12345), "12.3 %"),
            (percent(0.00001), "0.001 %"),
            (duration(0.0123), "12.3 ms"),
            (duration(12.345), "12.3 s"),
            (clock_time(59.9), "0m59s"),
            (clock_time(3725.0), "1h02m05s"),
        ):
            self.assertEqual(shown, expected)


class PoliciesTests(SynchronousTestCase):
    """Several policies in one run of the command."""

    def test_side_by_side(self) -> None:
        """Each process gives what a run alone gives, in the order that was asked for."""
        made = scenario(self.mktemp(), CRASH)
        policies = parse_policies("least-connections, round-robin,hash header:X-User bound=150%")
        together = simulate(made, policies, 1, exact=True)
        self.assertEqual(
            [outcome.policy for outcome in together],
            ["least-connections", "round-robin", "hash header:x-user bound=150%"],
        )
        for policy, outcome in zip(policies, together, strict=True):
            alone = run(replace(made, backend=replace(made.backend, balance=policy)))
            data = [as_data(Report(made, 1, True, [each])) for each in (alone, outcome)]
            self.assertEqual(*data)

    def test_a_fault_of_relay(self) -> None:
        """What the daemon would catch and log ends the run, with where it happened: the results would mean nothing."""
        made = scenario(self.mktemp(), CRASH)

        def fail(monitor: Monitor, *arguments: object) -> None:
            raise ZeroDivisionError("in a check")

        self.patch(Monitor, "_ended", fail)
        failed = self.assertRaises(RelayFailed, simulate, made, [made.backend.balance], 1, exact=True)
        self.assertIn("in a check", str(failed))
        self.flushLoggedErrors(ZeroDivisionError)

    def test_wrong(self) -> None:
        """What is no policy is refused, and so is nothing."""
        for text in ("round-robin,", "", "hash", "round robin"):
            self.assertRaises(BadValue, parse_policies, text)
