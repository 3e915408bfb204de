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


class ExplainTests(SynchronousTestCase):
    """`relay explain` against the daemon that it explains."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}

[listener:echo]
bind = 127.0.0.1:${ECHO}

[route:api]
listener = web
path = /api/*
strip_prefix = /api
set_request_header = X-Env: test
backend = app

[route:moved]
listener = web
path = /old
redirect = 301 https://{host}/new

[route:echo]
listener = echo
respond = 200

[backend:app]
servers =
    one http://127.0.0.1:${ECHO}
    two http://127.0.0.1:${GONE}
max_requests_per_server = 10

[admin]
bind = unix:${FOLDER}/admin.sock
"""

    def setUp(self) -> None:
        web, echo, gone = map(str, free_ports(3))
        self.url = f"http://127.0.0.1:{web}"
        folder = new_folder(self)
        self.socket = str(folder / "admin.sock")
        places = {"WEB": web, "ECHO": echo, "GONE": gone, "FOLDER": str(folder)}
        self.relay = relay(self, self.RELAY, **places)
        self.file = folder / "relay.ini"
        text = self.RELAY
        for name, place in places.items():
            text = text.replace(f"${{{name}}}", place)
        self.file.write_text(text)

    def explain(self, *argv: str) -> tuple[int, str]:
        """Status and output; nothing may be said against it."""
        status, output, errors = command("explain", *argv)
        self.assertEqual(errors, "")
        return status, output

    def test_offline(self) -> None:
        """The file alone tells which route takes a request and what leaves for the server."""
        status, output = self.explain("GET", f"{self.url}/api/x", "-c", str(self.file))
        self.assertEqual(status, 0)
        self.assertIn("  GET /x HTTP/1.1\n", output)
        self.assertIn("  X-Env: test\n", output)
        status, output = self.explain("GET", f"{self.url}/old", "-c", str(self.file))
        self.assertIn("relay answers itself: 301\n  Location: https://127.0.0.1/new\n", output)
        self.assertEqual((status, self.explain("GET", f"{self.url}/", "-c", str(self.file))[0]), (0, 1))

    def test_live(self) -> None:
        """The daemon tells the states that its servers have now, and the same whoever asks how often."""
        live = ("GET", f"{self.url}/api/x", "--live", "--socket", self.socket)
        for _ in range(3):
            self.assertIn("round-robin: it goes to one\n", self.explain(*live)[1])
        command("server", "app/one", "maint", "--reason", "new kernel", "--socket", self.socket)
        status, output = self.explain(*live)
        self.assertEqual(status, 0)
        self.assertIn("round-robin: it goes to two\n", output)
        self.assertRegex(output, r"\n  ✗  one .* maint: by operator: new kernel\n")
        self.assertEqual(curl(f"{self.url}/api/x", "--write-out", "%{http_code}").content[-3:], b"502")

    def test_json(self) -> None:
        """What is said comes true: the server that is named gets the request."""
        argv = ("GET", f"{self.url}/api/x", "--live", "--socket", self.socket, "--format", "json")
        found = json.loads(self.explain(*argv)[1])
        self.assertEqual((found["forwarded"]["server"], found["live"]), ("one", True))
        self.assertEqual(curl(f"{self.url}/api/x", "--write-out", "%{http_code}").content, b"200")
