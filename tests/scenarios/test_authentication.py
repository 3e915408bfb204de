"""Names and passwords, with curl, in front of a route and of a forward proxy."""

import signal
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import Fetched, curl
from tests.scenarios.origins import start_node
from tests.scenarios.relays import new_folder, relay
from tests.support.child import free_ports

RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
access_log = main

[listener:proxy]
bind = 127.0.0.1:${PROXY}
mode = forward
auth = staff
connect_ports = ${NODE}
allow_destination = 127.0.0.1:${NODE}
access_log = main

[route:all]
listener = web
auth = staff
backend = app

[auth:staff]
users_file = ${USERS}
user_header = X-Forwarded-User
lockout = 3 failures in 1h

[backend:app]
servers = http://127.0.0.1:${NODE}

[log:main]
to = ${LOG}
format = combined
"""


def line(user: str, password: str, *arguments: str) -> str:
    """What `relay hash-password` prints."""
    program = "from twisted_relay.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", program, "hash-password", user, *arguments]
    return subprocess.run(command, input=password + "\n", capture_output=True, text=True, check=True).stdout


class AuthenticationTests(SynchronousTestCase):
    """curl with and without passwords."""

    def setUp(self) -> None:
        """A file with a hash of each kind, an origin, and the relay before it in both ways."""
        folder = new_folder(self)
        self.log = Path(folder, "access.log")
        users = Path(folder, "users")
        argon2id = ("--type", "argon2id", "--memory", "1M", "--passes", "1")
        users.write_text(line("alice", "open sesame", "--cost", "10") + line("bøb", "päss:wörd", *argon2id))
        users.chmod(0o600)
        self.web, self.proxy = map(str, free_ports(2))
        self.node = str(start_node(self).place)
        self.child = relay(self, RELAY, WEB=self.web, PROXY=self.proxy, NODE=self.node, USERS=users, LOG=self.log)

    def from_route(self, *arguments: str) -> Fetched:
        """What curl gets from the gateway."""
        return curl("--write-out", "%{stderr}%{http_code}", *arguments, f"http://127.0.0.1:{self.web}/echo")

    def through_proxy(self, *arguments: str) -> Fetched:
        """What curl gets through the forward proxy."""
        proxy = ("--noproxy", "", "--proxy", f"http://127.0.0.1:{self.proxy}")
        return curl("--write-out", "%{stderr}%{http_code}", *proxy, *arguments, f"http://127.0.0.1:{self.node}/echo")

    def test_route(self) -> None:
        """401 with a challenge for everybody else; for users the server learns the name and not the password."""
        refused = self.from_route("--include")
        self.assertTrue(refused.errors.endswith("401"))
        self.assertIn(b'WWW-Authenticate: Basic realm="relay", charset="UTF-8"\r\n', refused.content)
        for user, password in (("alice", "open sesame"), ("bøb", "päss:wörd")):
            fields = self.from_route("--user", f"{user}:{password}").echo["fields"]
            self.assertNotIn("authorization", fields)
            self.assertEqual(fields["x-forwarded-user"].encode("latin-1").decode(), user)
        self.assertTrue(self.from_route("--user", "alice:wrong").errors.endswith("401"))

    def test_proxy(self) -> None:
        """407 with a challenge, and the origin sees nothing of it; tunnels too."""
        refused = self.through_proxy("--include")
        self.assertTrue(refused.errors.endswith("407"))
        self.assertIn(b'Proxy-Authenticate: Basic realm="relay", charset="UTF-8"\r\n', refused.content)
        for how in ((), ("--proxytunnel",)):
            seen = self.through_proxy(*how, "--proxy-user", "alice:open sesame", "--user", "for:origin").echo["fields"]
            self.assertNotIn("proxy-authorization", seen)
            self.assertIn("authorization", seen)
        self.assertIn("407", self.through_proxy("--proxytunnel").errors)
        for how in ((), ("--proxytunnel",)):
            asked = self.through_proxy("--verbose", "--proxy-anyauth", *how, "--proxy-user", "alice:open sesame")
            self.assertEqual((asked.errors.count("< HTTP/1.1 407 "), asked.errors[-3:]), (1, "200"))

    def test_locked_out(self) -> None:
        """After three wrong passwords the right one does not help for a while, on either side."""
        for number in range(3):
            self.assertTrue(self.from_route("--user", f"user{number}:x").errors.endswith("401"))
        refused = self.from_route("--include", "--user", "alice:open sesame")
        self.assertTrue(refused.errors.endswith("429"))
        self.assertRegex(refused.content, rb"\r\nRetry-After: 3[0-9]{3}\r\n")
        self.assertTrue(self.through_proxy("--proxy-user", "alice:open sesame").errors.endswith("429"))

    def test_logs(self) -> None:
        """The access log names users, and no log has a password."""
        self.from_route("--user", "bøb:päss:wörd")
        self.from_route("--user", "alice:hunter2")
        self.child.signal(signal.SIGTERM)
        _, output, errors = self.child.finish()
        lines = self.log.read_bytes().splitlines()
        self.assertEqual([each.split(b" ")[2] for each in lines], [rb"b\xC3\xB8b", b"-"])
        for secret in (b"hunter2", b"p\xc3\xa4ss", b"$2y$", b"argon2id$"):
            self.assertNotIn(secret, self.log.read_bytes() + (output + errors).encode())
