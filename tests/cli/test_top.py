"""`relay top`."""

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.canned import Daemon, answer, call

TOP: dict[str, object] = {
    "of": "destinations",
    "by": "requests",
    "window": "start",
    "seconds": 200.0,
    "total": {"requests": 200, "bytes": 4_000_000},
    "other": {"requests": 40, "bytes": 0},
    "names": 100,
    "top": [
        {
            "name": "big.example",
            "requests": 150,
            "requests_at_most": 150,
            "bytes": 3_999_500,
            "bytes_at_most": 3_999_900,
        },
        {"name": "late.example", "requests": 10, "requests_at_most": 12, "bytes": 500, "bytes_at_most": 500},
    ],
}
TABLE = """\
destinations by requests, in 3m 20s
  NAME          REQUESTS          BYTES
  big.example        150   75.0%  4 MB+  100.0%
  late.example       10+    5.0%  500 B    0.0%
  (others)            40   20.0%    0 B    0.0%
  (all)              200  100.0%   4 MB  100.0%
"""


class TopTests(SynchronousTestCase):
    """What it prints."""

    def test_table(self) -> None:
        """A line for each name, one for the others and one for all; a plus where it may be more."""
        there = Daemon(self, answer(TOP))
        self.assertEqual(call("top", "--socket", there.path), (0, TABLE, ""))
        self.assertIn(b"GET /api/top?of=destinations&by=requests&window=start&limit=20 ", there.asked[0])

    def test_choices(self) -> None:
        """What is asked for reaches the daemon; what it does not know is wrong use."""
        there = Daemon(self, answer(TOP))
        argv = ("top", "users", "--by", "bytes", "--window", "recent", "--limit", "5", "--socket", there.path)
        self.assertEqual(call(*argv)[0], 0)
        self.assertIn(b"GET /api/top?of=users&by=bytes&window=recent&limit=5 ", there.asked[0])
        self.assertEqual(call("top", "hosts")[0], 2)

    def test_nothing(self) -> None:
        """Before the first request there is no table."""
        there = Daemon(self, answer({**TOP, "top": [], "total": {"requests": 0, "bytes": 0}}))
        self.assertEqual(call("top", "--socket", there.path)[1], "destinations by requests, in 3m 20s: nothing yet\n")

    def test_json(self) -> None:
        """`--json` is what the daemon said, for programs."""
        there = Daemon(self, answer(TOP))
        self.assertEqual(json.loads(call("top", "--json", "--socket", there.path)[1]), TOP)

    def test_off(self) -> None:
        """A daemon that counts nothing says how to change that."""
        there = Daemon(self, answer({"error": "nothing is counted", "help": "write top = 100"}, 404))
        self.assertEqual(
            call("top", "--socket", there.path)[::2], (1, "relay: nothing is counted\n  write top = 100\n")
        )
