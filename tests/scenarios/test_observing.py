"""What can be seen of a running relay: metrics, readiness, access logs, and what it says when it starts."""

import json
import re
import socket
import subprocess
from pathlib import Path
from signal import SIGTERM, SIGUSR1

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import converse, curl
from tests.scenarios.relays import relay
from tests.scenarios.waiting import eventually
from tests.support.child import TWISTD, Child, free_ports


class MetricsTests(SynchronousTestCase):
    """`/metrics` of a relay that has served some requests."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = gone

[route:hello]
path = /hello
respond = 200
respond_body = Hello\\n

[backend:gone]
servers = a http://127.0.0.1:1
retries = 0

[admin]
stats = 127.0.0.1:${ADMIN}
"""

    def setUp(self) -> None:
        self.web, self.admin = map(str, free_ports(2))
        relay(self, self.RELAY, WEB=self.web, ADMIN=self.admin)

    def metrics(self, *arguments: str) -> bytes:
        """The page."""
        return curl(f"http://127.0.0.1:{self.admin}/metrics", *arguments).content

    def test_requests_are_counted(self) -> None:
        """Answers of routes, a server that refuses and what is no request can be told from each other."""
        for path in ("/hello", "/hello", "/else"):
            curl(f"http://127.0.0.1:{self.web}{path}")
        converse(self.web, b"nonsense\r\n\r\n")
        page = self.metrics().decode()
        for sample in (
            'relay_http_requests_total{listener="web",backend="",method="GET",code="200"} 2',
            'relay_http_requests_total{listener="web",backend="gone",method="GET",code="502"} 1',
            'relay_http_requests_total{listener="web",backend="",method="OTHER",code="400"} 1',
            'relay_http_request_errors_total{listener="web",reason="server_refused"} 1',
            'relay_http_request_errors_total{listener="web",reason="bad_request"} 1',
            'relay_http_request_duration_seconds_count{listener="web",backend="gone"} 1',
            'relay_server_errors_total{backend="gone",server="a",reason="refused"} 1',
            'relay_listener_connections_total{listener="web"} 4',
        ):
            self.assertIn(f"\n{sample}\n", page)

    def test_prometheus_accepts_it(self) -> None:
        """promtool reads the page of a running relay and has nothing to say about any name."""
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=self.metrics(), capture_output=True, check=False
        )
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, b""))

    def test_compressed(self) -> None:
        """A client that takes gzip gets the same page, smaller."""
        plain = self.metrics()
        self.assertIn(b"\nprocess_open_fds ", self.metrics("--compressed"))
        self.assertLess(len(self.metrics("--header", "Accept-Encoding: gzip")), len(plain) / 4)

    def test_lag_is_measured(self) -> None:
        """The lateness of the reactor is there after a moment."""
        eventually(lambda: re.search(rb"\nrelay_reactor_lag_seconds_count [1-9]", self.metrics()), "lag is measured")


class ReadinessTests(SynchronousTestCase):
    """`/-/ready` around the end of the process."""

    RELAY = """\
[relay]
shutdown_delay = 1m

[listener:web]
bind = 127.0.0.1:${WEB}

[route:all]
respond = 204

[admin]
stats = 127.0.0.1:${ADMIN}
"""

    def ask(self, path: str) -> tuple[bytes, str]:
        """Content and status code of a page."""
        fetched = curl(f"http://127.0.0.1:{self.admin}{path}", "--write-out", "%{stderr}%{http_code}")
        return fetched.content, fetched.errors

    def test_shutdown_delay(self) -> None:
        """While a stop is delayed readiness says no, and requests are still served; a second signal ends it."""
        web, self.admin = map(str, free_ports(2))
        process = relay(self, self.RELAY, WEB=web, ADMIN=self.admin)
        self.assertEqual(self.ask("/-/ready"), (b"ready\n", "200"))
        process.signal(SIGTERM)
        eventually(lambda: self.ask("/-/ready") == (b"not ready: draining\n", "503"), "it is not ready")
        self.assertEqual(self.ask("/-/healthy"), (b"healthy\n", "200"))
        self.assertEqual(curl(f"http://127.0.0.1:{web}/").status, 0)
        process.signal(SIGTERM)
        self.assertEqual(process.finish()[0], -SIGTERM)


class AccessLogTests(SynchronousTestCase):
    """Access logs on disk."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
access_log = json

[listener:other]
bind = 127.0.0.1:${OTHER}
access_log = text

[route:all]
respond = 200
respond_body = Hello\\n

[log:json]
to = ${FOLDER}/json.log
format = json

[log:text]
to = ${FOLDER}/text.log
format = combined
"""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.web, self.other = map(str, free_ports(2))
        self.relay = relay(self, self.RELAY, WEB=self.web, OTHER=self.other, FOLDER=str(self.folder))

    def stop(self) -> None:
        """End the relay; its logs are written then."""
        self.relay.signal(SIGTERM)
        status, output, errors = self.relay.finish()
        self.assertEqual((status, errors), (0, ""), output)

    def test_lines(self) -> None:
        """Each request is a line in its listener's log; an id that the client chose is kept."""
        curl(f"http://127.0.0.1:{self.web}/a?b", "--header", "X-Request-Id: mine", "--user-agent", "test")
        curl(f"http://127.0.0.1:{self.other}/c", "--user-agent", 'a" "forged')
        self.stop()
        [line] = (self.folder / "json.log").read_text().splitlines()
        said = json.loads(line)
        for name, value in (
            ("listener", "web"),
            ("route", "all"),
            ("client", "127.0.0.1"),
            ("method", "GET"),
            ("target", "/a?b"),
            ("status", 200),
            ("request_id", "mine"),
            ("user_agent", "test"),
            ("error", None),
        ):
            self.assertEqual(said[name], value, name)
        text = (self.folder / "text.log").read_text()
        self.assertRegex(text, r'\A127\.0\.0\.1 - - \[[^]]+\] "GET /c HTTP/1\.1" 200 \d+ "-" "a\\x22 \\x22forged"\n\Z')

    def test_rotation(self) -> None:
        """After a rename and SIGUSR1, new requests are in a new file and none is lost."""
        curl(f"http://127.0.0.1:{self.web}/old")
        path = self.folder / "json.log"
        rotated = path.rename(self.folder / "json.log.1")
        self.relay.signal(SIGUSR1)
        eventually(path.exists, "the log is opened again")
        curl(f"http://127.0.0.1:{self.web}/new")
        self.stop()
        self.assertEqual([json.loads(line)["target"] for line in rotated.read_text().splitlines()], ["/old"])
        self.assertEqual([json.loads(line)["target"] for line in path.read_text().splitlines()], ["/new"])


class StartTests(SynchronousTestCase):
    """What is said at the start, and what ends it."""

    def start(self, configuration: str) -> Child:
        """Start the daemon with this file."""
        path = Path(self.mktemp()).absolute()
        path.write_text(configuration)
        return Child(self, *TWISTD, "-n", "--pidfile=", "relay", "--config", path)

    def test_summary(self) -> None:
        """Listeners with the ports that were taken, routes, backends and what is doubtful are named in the log."""
        child = self.start(
            "[listener:web]\nbind = 127.0.0.1:0\nbackend = app\n"
            "[backend:app]\nservers = https://127.0.0.1:1\ntls_verify = off\n"
        )
        said = child.read_until("is running")
        self.assertRegex(said, r"listener web: 127\.0\.0\.1:[1-9][0-9]*; no TLS; otherwise → backend app\n")
        self.assertIn("backend app: round-robin over https://127.0.0.1:1; ", said)
        self.assertRegex(said, r"#warn\] backend app: tls_verify = off: ")

    def test_failures(self) -> None:
        """A private address that is taken, or a log that cannot be written, ends the start with the reason."""
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        number = taken.getsockname()[1]
        listener = "[listener:web]\nbind = 127.0.0.1:0\naccess_log = main\n[route:all]\nrespond = 204\n"
        for section, reason in (
            (f"[log:main]\nto = off\n[admin]\nstats = 127.0.0.1:{number}\n", f"cannot listen on 127.0.0.1:{number}: "),
            ("[log:main]\nto = /nonexistent/access.log\n", "cannot write to /nonexistent/access.log: No such file"),
        ):
            status, output, _ = self.start(listener + section).finish()
            self.assertEqual(status, 1, output)
            self.assertIn(reason, output)
