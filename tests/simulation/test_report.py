"""The results as data: they add up."""

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import CRASH, USUAL, report
from twisted_relay.simulation.report import MOST_SERVERS, as_data


class ReportTests(SynchronousTestCase):
    """One run as JSON has it."""

    def test_data_adds_up(self) -> None:
        """Requests are those that were answered, failed or were left; series and loads have the same sums."""
        made_of = report(self.mktemp(), CRASH.replace("20/s", "20/s\npatience = 30ms"), retries=0)
        read = json.loads(json.dumps(as_data(made_of)))
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
        made_of = report(self.mktemp(), USUAL.replace("1m", f"10s\ngenerated_servers = {MOST_SERVERS + 1}"))
        (made,) = json.loads(json.dumps(as_data(made_of)))["runs"]
        self.assertEqual(set(made["load"]), {"least", "median", "most", "most_to_mean"})
