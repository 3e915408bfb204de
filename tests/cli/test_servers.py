"""`relay servers`."""

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.canned import SERVER, Daemon, answer, call
from twisted_relay.cli.servers import duration

SPARE = {
    **SERVER,
    "name": "spare",
    "state": "down",
    "mode": "drain",
    "reason": "GET / answered 500",
    "backup": True,
    "weight": 10,
    "share": 2.5,
}
BACKENDS = {
    "backends": [
        {"name": "app", "balance": "round-robin", "queue": {"length": 2, "limit": 9}, "servers": [SERVER, SPARE]},
        {
            "name": "api",
            "balance": "random",
            "discovery": "file:/etc/relay/api.txt: 1 server",
            "queue": {"length": 0, "limit": 9},
            "servers": [SERVER],
        },
    ]
}
TABLE = """\
backend app: round-robin, 2 of at most 9 requests waiting
  SERVER  STATE  FOR           WEIGHT  ACTIVE  CONNECTIONS  WHY
  one     up     3m 20s             2       3  4 (1 idle)
  spare   down   3m 20s  10 (now 2.5)       3  4 (1 idle)   backup; GET / answered 500 (mode drain)

backend api: random
  discovery: file:/etc/relay/api.txt: 1 server
  SERVER  STATE  FOR     WEIGHT  ACTIVE  CONNECTIONS  WHY
  one     up     3m 20s       2       3  4 (1 idle)
"""


class ServersTests(SynchronousTestCase):
    """What it prints."""

    def test_table(self) -> None:
        """A table for each backend, aligned, with the reason behind a server that is not as it should be."""
        there = Daemon(self, answer(BACKENDS))
        self.assertEqual(call("servers", "--socket", there.path), (0, TABLE, ""))

    def test_one_backend(self) -> None:
        """Only the one that was named; another name is an error that tells the right ones."""
        there = Daemon(self, answer(BACKENDS))
        self.assertNotIn("backend app", call("servers", "api", "--socket", there.path)[1])
        status, _, errors = call("servers", "apl", "--socket", there.path)
        self.assertEqual((status, errors), (1, 'relay: no backend "apl"\n  there are: app, api\n'))

    def test_json(self) -> None:
        """`--json` is what the daemon said, for programs."""
        there = Daemon(self, answer(BACKENDS))
        self.assertEqual(json.loads(call("servers", "--json", "--socket", there.path)[1]), BACKENDS)

    def test_the_socket_of_a_configuration(self) -> None:
        """`--config` finds the socket; without one in the file it is said what to write."""
        there = Daemon(self, answer(BACKENDS))
        path = Path(self.mktemp())
        for admin, status, part in (
            (f"[admin]\nbind = unix:{there.path}\n", 0, ""),
            (f"[admin]\nbind = unix:{there.path}\n[tls:x]\ncert = /nonexistent\nkey = /nonexistent\n", 0, ""),
            ("", 1, "has no control socket\n  add bind = unix:/run/relay/admin.sock to [admin]"),
            ("[admin]\nbnd = x\n", 1, "has errors; `relay check"),
        ):
            path.write_text(f"{admin}[listener:web]\nbind = :0\nredirect = https\n")
            found, _, errors = call("servers", "-c", str(path))
            self.assertEqual(found, status)
            self.assertIn(part, errors)

    def test_durations(self) -> None:
        """Times are said in their two largest units."""
        for seconds, text in (
            (0.9, "0s"),
            (59, "59s"),
            (60, "1m 0s"),
            (3600, "1h 0m"),
            (90061, "1d 1h"),
            (86400 * 400, "400d 0h"),
        ):
            self.assertEqual(duration(seconds), text)
