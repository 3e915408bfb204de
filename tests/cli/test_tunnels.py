"""`relay tunnels`."""

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.canned import Daemon, answer, call

TUNNEL: dict[str, object] = {
    "listener": "proxy",
    "client": "192.0.2.1",
    "user": "ann",
    "destination": "a.example",
    "server": "a.example:443",
    "parent": "",
    "rule": "",
    "age": 200.0,
    "bytes_received": 1500,
    "bytes_sent": 2_500_000,
}
TABLE = """\
2 tunnels open, 1 of them shown
  LISTENER  CLIENT     USER  DESTINATION       AGE  FROM CLIENT  TO CLIENT
  proxy     192.0.2.1  ann   a.example:443  3m 20s       1.5 kB     2.5 MB
"""


class TunnelsTests(SynchronousTestCase):
    """What it prints."""

    def test_table(self) -> None:
        """A line for each tunnel."""
        there = Daemon(self, answer({"open": 2, "tunnels": [TUNNEL]}))
        argv = ("tunnels", "--user", "ann", "--by", "bytes", "--limit", "1", "--socket", there.path)
        self.assertEqual(call(*argv), (0, TABLE, ""))
        self.assertIn(b"GET /api/tunnels?by=bytes&user=ann&limit=1 ", there.asked[0])

    def test_parents(self) -> None:
        """Of what goes through a parent the destination is named, not the proxy that leads there."""
        tunnel = {**TUNNEL, "server": "p1", "parent": "hq"}
        there = Daemon(self, answer({"open": 1, "tunnels": [tunnel]}))
        self.assertIn("  a.example through hq  ", call("tunnels", "--socket", there.path)[1])

    def test_none(self) -> None:
        """No tunnel, no table."""
        there = Daemon(self, answer({"open": 0, "tunnels": []}))
        self.assertEqual(call("tunnels", "--socket", there.path), (0, "no tunnel is open\n", ""))

    def test_json(self) -> None:
        """`--json` is what the daemon said, for programs."""
        there = Daemon(self, answer({"open": 1, "tunnels": [TUNNEL]}))
        self.assertEqual(
            json.loads(call("tunnels", "--json", "--socket", there.path)[1]), {"open": 1, "tunnels": [TUNNEL]}
        )
