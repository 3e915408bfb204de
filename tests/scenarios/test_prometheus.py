"""Prometheus itself reads a running relay, with the scrape configuration that is shipped."""

import json
from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import curl
from tests.scenarios.origins import ATTENDED
from tests.scenarios.relays import new_folder, relay
from tests.scenarios.waiting import eventually
from tests.support.child import ROOT, Child, free_ports

SCRAPE = ROOT / "etc" / "prometheus" / "prometheus.yml"


class PrometheusTests(SynchronousTestCase):
    """A real scrape, and the questions that follow it."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}

[route:hello]
respond = 200

[admin]
stats = 127.0.0.1:${ADMIN}
"""

    def setUp(self) -> None:
        self.web, admin, self.prometheus = map(str, free_ports(3))
        relay(self, self.RELAY, WEB=self.web, ADMIN=admin)
        # Only the port is another one, and it is asked more often.
        text = SCRAPE.read_text()
        for shipped, changed in (
            (":9180", f":{admin}"),
            ("interval: 15s", "interval: 1s"),
            ("timeout: 10s", "timeout: 1s"),
        ):
            self.assertIn(shipped, text)
            text = text.replace(shipped, changed)
        folder = new_folder(self)
        (folder / "prometheus.yml").write_text(text)
        self.start(
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{self.prometheus}",
            "--log.level=error",
        )

    def start(self, *options: str) -> None:
        """Start Prometheus; it accepts when it is asked the first time, or later."""
        Child(self, *ATTENDED, "prometheus", *options)

    def ask(self, query: str) -> list[tuple[dict[str, str], str]]:
        """Labels and value of each series that a query returns; nothing before Prometheus is ready."""
        answer = curl(f"http://127.0.0.1:{self.prometheus}/api/v1/query?query={quote(query)}").content
        if not answer.startswith(b"{"):
            return []
        return [(each["metric"], each["value"][1]) for each in json.loads(answer)["data"]["result"]]

    def test_scrape(self) -> None:
        """The target is up, says which version it is, and counts what has happened since."""
        [(labels, value)] = eventually(lambda: self.ask("relay_build_info"), "relay is scraped")
        self.assertEqual((labels["job"], value), ("relay", "1"))
        self.assertTrue(labels["version"])
        self.assertEqual(curl("--fail", f"http://127.0.0.1:{self.web}/").status, 0)
        requests = eventually(lambda: self.ask("relay_http_requests_total > 0"), "the request is counted")
        self.assertEqual([(each["listener"], each["code"], count) for each, count in requests], [("web", "200", "1")])
        self.assertEqual([count for _, count in self.ask('up{job="relay"}')], ["1"])
