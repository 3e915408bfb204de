"""etc/quickstart.ini as it is shipped, on other ports: what `make run` and `relay demo` promise."""

import json
import os
import signal
import ssl
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.relays import new_folder, write_certificate
from tests.scenarios.waiting import eventually
from tests.support.child import ROOT, Child, free_ports, start_relay

QUICKSTART = ROOT / "etc" / "quickstart.ini"
PORTS = ("3000", "5001", "5002", "9180")
API_SERVERS = "servers = ${API:-https://jsonplaceholder.typicode.com}\n"


class Echo(BaseHTTPRequestHandler):
    """Answers with the port it was asked at, the Host and the path it saw, as JSON."""

    def do_GET(self) -> None:
        """Answer."""
        content = json.dumps([self.connection.getsockname()[1], self.headers["Host"], self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def start_echo(case: SynchronousTestCase, context: ssl.SSLContext | None = None) -> int:
    """Start an origin on 127.0.0.1, with TLS if there is a context; its port."""
    origin = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    if context is not None:
        origin.socket = context.wrap_socket(origin.socket, server_side=True, do_handshake_on_connect=False)
    origin.daemon_threads = True
    threading.Thread(target=origin.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    case.addCleanup(origin.server_close)
    case.addCleanup(origin.shutdown)
    return origin.server_port


def get(port: str, path: str) -> tuple[int, str]:
    """Status code and content of an answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class QuickstartTests(SynchronousTestCase):
    """The demonstration runs and is asked what its introduction proposes."""

    def start(self, text: str, api: str) -> None:
        """Start it on free ports, with this in the place of the API."""
        numbers = [str(number) for number in free_ports(len(PORTS))]
        for port, number in zip(PORTS, numbers, strict=True):
            self.assertIn(f":{port}", text)
            text = text.replace(f":{port}", f":{number}")
        self.web, _, _, self.admin = numbers
        self.relay = start_relay(self, text, {**os.environ, "API": api})

    def test_what_the_introduction_promises(self) -> None:
        """Servers take turns at /, each has its prefix, the API's failure is a 502, and the stop is clean."""
        self.start(QUICKSTART.read_text(), "https://127.0.0.1:1")
        eventually(lambda: get(self.admin, "/-/ready")[0] == 200, "the servers are checked")
        first, second, *more = [get(self.web, "/") for _ in range(6)]
        self.assertEqual({first, second}, {(200, "Hello from Server 1\n"), (200, "Hello from Server 2\n")})
        self.assertEqual(more, [first, second, first, second])
        self.assertEqual(get(self.web, "/server1"), (200, "Hello from Server 1\n"))
        self.assertEqual(get(self.web, "/server2/a/b"), (200, "Hello from Server 2\n"))
        self.assertEqual(get(self.web, "/api/todos/1")[0], 502)
        for page in ("/-/healthy", "/-/ready"):
            self.assertEqual(get(self.admin, page)[0], 200)
        status, metrics = get(self.admin, "/metrics")
        self.assertEqual(status, 200)
        self.assertIn("relay_", metrics)
        self.relay.signal(signal.SIGTERM)
        status, output, errors = self.relay.finish()
        self.assertEqual((status, errors), (0, ""), output)

    def test_what_the_servers_see(self) -> None:
        """The API sees its own name as Host, over verified TLS; all see paths without the prefix of their route."""
        folder = new_folder(self)
        write_certificate(folder, "localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        api, first, second = start_echo(self, context), start_echo(self), start_echo(self)
        text = QUICKSTART.read_text()
        self.assertEqual(text.count(API_SERVERS), 1)
        text = text.replace(API_SERVERS, f"{API_SERVERS}tls_ca = {folder}/ca.pem\n")
        text = text.replace("http://127.0.0.1:5001", f"http://127.0.0.1:{first}")
        text = text.replace("http://127.0.0.1:5002", f"http://127.0.0.1:{second}")
        self.start(text, f"https://localhost:{api}")
        client = f"127.0.0.1:{self.web}"
        for path, seen in {
            "/api/todos/1": [api, f"localhost:{api}", "/todos/1"],
            "/api/todos?a=/api/b": [api, f"localhost:{api}", "/todos?a=/api/b"],
            "/api": [api, f"localhost:{api}", "/"],
            "/server1": [first, client, "/"],
            "/server1/": [first, client, "/"],
            "/server2": [second, client, "/"],
            "/server2/a/b": [second, client, "/a/b"],
        }.items():
            status, content = get(self.web, path)
            self.assertEqual((status, json.loads(content)), (200, seen), path)


class ShippedFilesTests(SynchronousTestCase):
    """The other files of etc/."""

    def test_every_configuration_passes_the_check(self) -> None:
        """`relay check` finds no errors in any file that is shipped, and warns only of the log's directory."""
        scenarios = ROOT / "etc" / "scenarios"  # for `relay simulate`, but for the configuration that is tried there
        files = sorted(
            path for path in (ROOT / "etc").rglob("*.ini") if path.parent != scenarios or path.name == "relay.ini"
        )
        self.assertIn(QUICKSTART, files)
        program = "import sys; from twisted_relay.cli import main; sys.exit(main(['check', *sys.argv[1:]]))"
        status, output, _ = Child(self, sys.executable, "-c", program, *files).finish()
        self.assertEqual(status, 0, output)
        doubts = [line for line in output.splitlines() if "warning[" in line]
        self.assertEqual([line for line in doubts if 'no directory "/var/log/relay"' not in line], [])

    def test_the_scrape_configuration(self) -> None:
        """Prometheus accepts etc/prometheus/prometheus.yml."""
        status, output, errors = Child(
            self, "promtool", "check", "config", ROOT / "etc" / "prometheus" / "prometheus.yml"
        ).finish()
        self.assertEqual(status, 0, output + errors)
        self.assertIn("SUCCESS", output)
