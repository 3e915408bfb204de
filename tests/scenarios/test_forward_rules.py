"""The rules of a forward proxy, as curl meets them."""

import json
import signal

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import curl
from tests.scenarios.origins import start_node
from tests.scenarios.relays import new_folder, relay
from tests.support.child import free_ports

RELAY = """\
[listener:proxy]
bind = 127.0.0.1:${PROXY}
mode = forward
connect_ports = ${ORIGIN}
allow_destination = 127.0.0.1:${ORIGIN} [::1]:${ORIGIN}
rules = egress
access_log = main

[rules:egress]
timezone = Europe/Berlin
rule =
    deny  url http://localhost:${ORIGIN}/echo*
    deny  list bad
    deny  method CONNECT
    # wherever the name leads
    allow destination 127.0.0.0/8 ::1
    deny  all

[list:bad]
file = ${BAD}

[log:main]
to = ${LOG}
format = json
"""


class RulesTests(SynchronousTestCase):
    """curl goes through it."""

    def test_rules(self) -> None:
        """What is allowed is fetched, the rest is a 403, and the log names the rule."""
        log = new_folder(self) / "access.log"
        node = start_node(self)
        [port] = map(str, free_ports(1))
        bad = log.with_name("bad.txt")
        bad.write_text("ads.example\n192.0.2.0/25\n")
        child = relay(self, RELAY, BAD=bad, PROXY=port, ORIGIN=node.place, LOG=log)
        proxy = ("--noproxy", "", "--proxy", f"http://127.0.0.1:{port}")
        for url, content in (
            (f"http://localhost:{node.place}/name", b"node\n"),
            (f"http://127.0.0.1:{node.place}/name", b"node\n"),
            (f"http://LOCALHOST:{node.place}//%65cho?x", b"403 Forbidden\nDenied by a rule of this proxy.\n"),
            ("http://x.ads.example/", b"403 Forbidden\nDenied by a rule of this proxy.\n"),
            ("http://192.0.2.1/", b"403 Forbidden\nDenied by a rule of this proxy.\n"),
            ("http://192.0.2.200/", b"403 Forbidden\nDenied by a rule of this proxy.\n"),
        ):
            self.assertEqual(curl(*proxy, url).content, content, url)
        self.assertIn("response 403", curl(*proxy, f"https://localhost:{node.place}/").errors)
        child.signal(signal.SIGTERM)
        child.finish()
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertEqual(
            [(line["status"], line["error"], line["rule"].partition(":")[2]) for line in lines],
            [
                (200, None, "16: allow destination 127.0.0.0/8 ::1"),
                (200, None, "16: allow destination 127.0.0.0/8 ::1"),
                (403, "rule", f"12: deny url http://localhost:{node.place}/echo*"),
                (403, "rule", "13: deny list bad"),
                (403, "rule", "13: deny list bad"),
                (403, "rule", "17: deny all"),
                (403, "rule", "14: deny method CONNECT"),
            ],
        )
