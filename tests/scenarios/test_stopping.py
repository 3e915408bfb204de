"""How the daemon starts and stops: signals, addresses that are taken, and files with mistakes."""

import json
import os
import re
import socket
import sys
from pathlib import Path
from signal import SIGINT, SIGTERM

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import CURL, curl
from tests.scenarios.origins import accepts, start_node
from tests.scenarios.relays import relay
from tests.scenarios.waiting import eventually
from tests.support.child import TWISTD, Child, free_ports


class StopTests(SynchronousTestCase):
    """SIGTERM while a request is running."""

    RELAY = """\
[relay]
grace = ${GRACE}

[listener:web]
bind = 127.0.0.1:${WEB}
backend = node

[backend:node]
servers = http://127.0.0.1:${NODE}
"""

    def start_request(self, grace: str) -> None:
        """Start everything and a request that the server holds."""
        self.node = start_node(self)
        [self.web] = map(str, free_ports(1))
        self.relay = relay(self, self.RELAY, GRACE=grace, WEB=self.web, NODE=self.node.place)
        self.client = Child(self, *CURL, f"http://127.0.0.1:{self.web}/hold")
        eventually(self.is_held, "the request has arrived")

    def ask_node(self, path: str) -> bytes:
        """An answer of the server itself."""
        return curl(f"http://127.0.0.1:{self.node.place}/{path}").content

    def is_held(self) -> bool:
        """Whether the server works on a request that it has not answered."""
        return bool(json.loads(self.ask_node("seen"))["running"] > 1)

    def test_what_is_running_is_finished(self) -> None:
        """After SIGTERM nobody new is accepted, the running request gets its answer, and the status is 0."""
        for number in (SIGTERM, SIGINT):
            self.start_request("30s")
            self.relay.signal(number)
            eventually(lambda: not accepts(f"127.0.0.1:{self.web}"), "no new client is accepted")
            self.assertEqual(self.ask_node("release"), b"1\n")
            self.assertEqual(self.client.finish(), (0, "released\n", ""))
            status, output, errors = self.relay.finish()
            self.assertEqual((status, errors), (0, ""), output)

    def test_grace_is_a_limit(self) -> None:
        """What does not finish within `grace` is cut off; the stop was still as asked for."""
        self.start_request("200ms")
        self.relay.signal(SIGTERM)
        status, output, errors = self.relay.finish()
        self.assertEqual((status, errors), (0, ""), output)
        self.assertNotEqual(self.client.finish()[0], 0)

    def test_a_second_signal_waits_for_nobody(self) -> None:
        """The second SIGTERM ends the process by the signal, whatever is running."""
        self.start_request("30s")
        self.relay.signal(SIGTERM)
        self.relay.read_until("send it again")
        self.relay.signal(SIGTERM)
        self.assertEqual(self.relay.finish()[0], -SIGTERM)
        self.assertNotEqual(self.client.finish()[0], 0)


class TunnelTests(SynchronousTestCase):
    """SIGTERM while tunnels are open."""

    RELAY = """\
[relay]
grace = 200ms

[listener:proxy]
bind = 127.0.0.1:${PROXY}
mode = forward
connect_ports = any
allow_destination = 127.0.0.1
access_log = main

[log:main]
to = ${LOG}
"""

    def test_tunnels_are_logged(self) -> None:
        """What is cut off at the end of `grace` has its line in the access log."""
        node, log = start_node(self), Path(self.mktemp())
        [proxy] = free_ports(1)
        daemon = relay(self, self.RELAY, PROXY=str(proxy), LOG=str(log.absolute()))
        for _ in range(3):
            client = socket.create_connection(("127.0.0.1", proxy))
            self.addCleanup(client.close)
            client.sendall(f"CONNECT 127.0.0.1:{node.place} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            self.assertTrue(client.recv(1000).startswith(b"HTTP/1.1 200 "))
        daemon.signal(SIGTERM)
        status, output, errors = daemon.finish()
        self.assertEqual((status, errors), (0, ""), output)
        self.assertEqual(log.read_text().count('" 200 '), 3)


class StartTests(SynchronousTestCase):
    """Starts that come to nothing."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${FREE} 127.0.0.1:${TAKEN}

[route:hello]
respond = 200
"""
    MISTAKES = """\
[listener:web]
bind = 127.0.0.1:99999
idle_timeout = 60
backend = nobody
max_bdoy = 1M
tls = missing

[listener:empty]

[route:a]
path = relative
backend = app
respond = 200

[backend:app]
servers = ftp://127.0.0.1
balance = random-robin
"""

    def written(self, text: str) -> Path:
        """A file with this text."""
        path = Path(self.mktemp()).absolute()
        path.write_text(text)
        return path

    def test_an_address_that_is_taken(self) -> None:
        """A listener that cannot bind ends the start with a status that is not 0, and says which one and why."""
        [free] = map(str, free_ports(1))
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = str(other.getsockname()[1])
            places = {**os.environ, "FREE": free, "TAKEN": taken}
            path = self.written(self.RELAY)
            daemon = Child(self, *TWISTD, "-n", "--pidfile=", "relay", "--config", path, environment=places)
            status, output, errors = daemon.finish()
        self.assertEqual(status, 1)
        self.assertRegex(output + errors, rf"\[listener:web\] cannot listen on 127\.0\.0\.1:{taken}: .*in use")
        self.assertFalse(accepts(f"127.0.0.1:{free}"))

    def test_ten_mistakes(self) -> None:
        """`relay check` ends with 1 and the daemon with 78; both report every mistake at its line and column."""
        path = self.written(self.MISTAKES)
        program = "import sys; from twisted_relay.cli import main; sys.exit(main())"
        status, report, _ = Child(self, sys.executable, "-c", program, "check", path).finish()
        self.assertEqual(status, 1)
        expected = ["2:8", "3:16", "4:11", "5:1", "6:7", "8:1", "11:8", "13:1", "16:11", "17:11"]
        self.assertEqual(re.findall(rf"^{path}:(\d+:\d+): error\[", report, re.MULTILINE), expected, report)
        self.assertIn(f"{path}: 10 errors", report)
        status, output, errors = Child(self, *TWISTD, "-n", "relay", "--config", path).finish()
        self.assertEqual((status, output), (78, ""))
        self.assertEqual(errors, report)
