"""Servers are changed, and requests explained, while relay runs: the commands and the daemon as processes."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import curl
from tests.scenarios.relays import new_folder, relay
from tests.support.child import ROOT, free_ports

COMMAND = (sys.executable, "-c", "import sys; from twisted_relay.cli import main; sys.exit(main())")


def command(*argv: str) -> tuple[int, str, str]:
    """`relay` with these arguments: exit status, output, errors."""
    done = subprocess.run([*COMMAND, *argv], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout, done.stderr


class ServersTests(SynchronousTestCase):
    """`relay servers` and `relay server` under traffic."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = app

[listener:one]
bind = 127.0.0.1:${ONE}

[listener:two]
bind = 127.0.0.1:${TWO}

[route:one]
listener = one
respond = 200
respond_body = one\\n

[route:two]
listener = two
respond = 200
respond_body = two\\n

[backend:app]
servers =
    one http://127.0.0.1:${ONE}
    two http://127.0.0.1:${TWO}

[admin]
bind = unix:${FOLDER}/admin.sock
"""

    def setUp(self) -> None:
        self.web, one, two = map(str, free_ports(3))
        self.folder = new_folder(self)
        self.socket = str(self.folder / "admin.sock")
        self.relay = relay(self, self.RELAY, WEB=self.web, ONE=one, TWO=two, FOLDER=self.folder)

    def answers(self, count: int) -> Counter[str]:
        """Who answers so many requests."""
        url = f"http://127.0.0.1:{self.web}/[1-{count}]"
        return Counter(curl(url).content.decode().split())

    def change(self, *argv: str) -> str:
        """What `relay server` says of a change."""
        status, output, errors = command("server", *argv, "--socket", self.socket)
        self.assertEqual((status, errors), (0, ""))
        return output

    def test_drain_maint_ready_weight(self) -> None:
        """From the next request on, traffic goes where the operator says, and none fails."""
        self.assertEqual(self.answers(4), {"one": 2, "two": 2})
        for action in ("drain", "maint"):
            said = self.change("app/one", action, "--reason", "new kernel")
            self.assertEqual(said, f"app/one is {action}, weight 1: by operator: new kernel\n")
            self.assertEqual(self.answers(4), {"two": 4})
            self.change("app/one", "ready")
            self.assertEqual(self.answers(4), {"one": 2, "two": 2})
        self.assertEqual(self.change("app/two", "weight", "3"), "app/two is up, weight 3\n")
        self.assertEqual(self.answers(8), {"one": 2, "two": 6})
        self.assertRegex(command("servers", "--socket", self.socket)[1], r"\n  two +up +\ds +3 +0 ")
        history = json.loads(command("server", "app/one", "--json", "--socket", self.socket)[1])["history"]
        self.assertEqual([entry["state"] for entry in history], ["drain", "up", "maint", "up"])
        self.assertIn("server one of backend app: mode maint by operator: new kernel; it is maint", self.log())

    def log(self) -> str:
        """What the daemon said until now."""
        return self.relay.read_until("weight 3 by operator")

    def test_mistakes(self) -> None:
        """A server that is not there, and a socket that is not there, are said in one line each."""
        status, _, errors = command("server", "app/three", "drain", "--socket", self.socket)
        self.assertEqual((status, errors), (1, 'relay: no server "three" in backend app\n  there are: one, two\n'))
        status, _, errors = command("servers", "--socket", str(Path(self.folder, "none.sock")))
        self.assertEqual(status, 1)
        self.assertIn("relay: there is no socket ", errors)
