"""etc/quickstart.ini as it is shipped, on other ports: what `make run` and `relay demo` promise."""

import signal
import sys
import urllib.error
import urllib.request

from twisted.trial.unittest import SynchronousTestCase

from tests.support.child import ROOT, Child, free_ports, start_relay

QUICKSTART = ROOT / "etc" / "quickstart.ini"
PORTS = ("3000", "5001", "5002", "9180")


class QuickstartTests(SynchronousTestCase):
    """The demonstration runs and is asked what its introduction proposes."""

    def setUp(self) -> None:
        text = QUICKSTART.read_text()
        numbers = [str(number) for number in free_ports(len(PORTS))]
        for port, number in zip(PORTS, numbers, strict=True):
            self.assertIn(f":{port}", text)
            text = text.replace(f":{port}", f":{number}")
        self.web, _, _, self.admin = numbers
        # An upstream that refuses, instead of one on the Internet.
        self.relay = start_relay(self, text, {"API": "https://127.0.0.1:1"})

    def get(self, port: str, path: str) -> tuple[int, str]:
        """Status code and content."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def test_what_the_introduction_promises(self) -> None:
        """Servers take turns at /, each has its prefix, the API's failure is a 502, and the stop is clean."""
        first, second, *more = [self.get(self.web, "/") for _ in range(6)]
        self.assertEqual({first, second}, {(200, "Hello from Server 1\n"), (200, "Hello from Server 2\n")})
        self.assertEqual(more, [first, second, first, second])
        self.assertEqual(self.get(self.web, "/server1"), (200, "Hello from Server 1\n"))
        self.assertEqual(self.get(self.web, "/server2/a/b"), (200, "Hello from Server 2\n"))
        self.assertEqual(self.get(self.web, "/api/todos/1")[0], 502)
        self.relay.signal(signal.SIGTERM)
        status, output, errors = self.relay.finish()
        self.assertEqual((status, errors), (0, ""), output)

    def test_the_admin_listener(self) -> None:
        """Metrics and health of the demonstration can be read."""
        for page in ("/-/healthy", "/-/ready"):
            self.assertEqual(self.get(self.admin, page)[0], 200)
        status, text = self.get(self.admin, "/metrics")
        self.assertEqual(status, 200)
        self.assertIn("relay_", text)


class ShippedFilesTests(SynchronousTestCase):
    """The other files of etc/."""

    def test_every_configuration_passes_the_check(self) -> None:
        """`relay check` finds neither errors nor warnings in any file that is shipped."""
        files = sorted((ROOT / "etc").rglob("*.ini"))
        self.assertIn(QUICKSTART, files)
        program = "import sys; from twisted_relay.cli import main; sys.exit(main(['check', *sys.argv[1:]]))"
        status, output, _ = Child(self, sys.executable, "-c", program, *files).finish()
        self.assertEqual(status, 0, output)
        self.assertNotIn("warning", output)

    def test_the_scrape_configuration(self) -> None:
        """Prometheus accepts etc/prometheus/prometheus.yml."""
        status, output, errors = Child(
            self, "promtool", "check", "config", ROOT / "etc" / "prometheus" / "prometheus.yml"
        ).finish()
        self.assertEqual(status, 0, output + errors)
        self.assertIn("SUCCESS", output)
