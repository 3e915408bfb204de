"""`relay server`."""

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.canned import SERVER, Daemon, answer, call

DRAINED = {**SERVER, "state": "drain", "mode": "drain", "reason": "by operator: deploy"}
DETAILS = """\
app/one: http://10.0.0.1:80
  state        drain for 3m 20s, by operator: deploy
  mode         drain
  weight       2, in the file 2
  priority     tier 1
  requests     3 running
  connections  4 open, 1 of them idle
  checks       5 passed, 1 failed, the last took 1.5 ms: good
  history
    2027-01-15T08:00:02.000Z  drain     by operator: deploy
    2027-01-15T08:00:01.000Z  up        2 good checks in a row
"""
#: (arguments, what the daemon is told)
CHANGES = (
    (("drain",), {"mode": "drain"}),
    (("maint", "--reason", "new disk"), {"mode": "maint", "reason": "new disk"}),
    (("ready",), {"mode": "ready"}),
    (("weight", "0"), {"weight": 0}),
    (("weight", "256", "--reason", "x"), {"weight": 256, "reason": "x"}),
)
WRONG = (
    ("app",),
    ("app/",),
    ("app/one", "stop"),
    ("app/one", "weight"),
    ("app/one", "weight", "257"),
    ("app/one", "weight", "-1"),
    ("app/one", "drain", "5"),
    ("app/one", "--reason", "x"),
)


class ServerTests(SynchronousTestCase):
    """What it asks and prints."""

    def test_shown(self) -> None:
        """Without an action everything about the server is printed, the newest change first."""
        history = [
            {"at": "2027-01-15T08:00:01.000Z", "age": 2, "state": "up", "reason": "2 good checks in a row"},
            {"at": "2027-01-15T08:00:02.000Z", "age": 1, "state": "drain", "reason": "by operator: deploy"},
        ]
        checks = {"passed": 5, "failed": 1, "last": "good", "last_seconds": 0.0015}
        there = Daemon(self, answer({**DRAINED, "history": history, "checks": checks}))
        self.assertEqual(call("server", "app/one", "--socket", there.path), (0, DETAILS, ""))
        self.assertTrue(there.asked[0].startswith(b"GET /api/servers/app/one HTTP/1.1\r\n"))

    def test_nothing_has_happened(self) -> None:
        """A server that has always been up has no history."""
        there = Daemon(self, answer(SERVER))
        self.assertIn("history      nothing has changed", call("server", "app/one", "--socket", there.path)[1])

    def test_changes(self) -> None:
        """Each action is one request that says what is wanted, and why if that was given."""
        there = Daemon(self, answer(DRAINED))
        for argv, wanted in CHANGES:
            status, output, _ = call("server", "app/one", *argv, "--socket", there.path)
            self.assertEqual(
                (status, output), (0, "app/one is drain, weight 2, 3 requests still running: by operator: deploy\n")
            )
            head, _, content = there.asked[-1].partition(b"\r\n\r\n")
            self.assertTrue(head.startswith(b"POST /api/servers/app/one HTTP/1.1\r\n"))
            self.assertEqual(json.loads(content), wanted)

    def test_json(self) -> None:
        """`--json` prints the server as the daemon shows it, also after a change."""
        there = Daemon(self, answer(DRAINED))
        for argv in ((), ("drain",)):
            self.assertEqual(json.loads(call("server", "app/one", *argv, "--json", "--socket", there.path)[1]), DRAINED)

    def test_control_characters(self) -> None:
        """What a peer has put into a reason does not reach the terminal as it is."""
        there = Daemon(self, answer({**SERVER, "reason": "\x1b[2Jx"}))
        self.assertNotIn("\x1b", call("server", "app/one", "--socket", there.path)[1])

    def test_wrong_use(self) -> None:
        """What does not belong together is refused before anybody is asked."""
        for argv in WRONG:
            status, _, errors = call("server", *argv)
            self.assertEqual((status, errors[:19]), (2, "usage: relay server"), argv)
