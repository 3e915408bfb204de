"""What is explained of requests to a forward proxy."""

import os
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import config_of, load_files
from twisted_relay.admin.explain import Explain, is_taken
from twisted_relay.cli.explain import _put_together
from twisted_relay.cli.explained import as_text

TEXT = """\
[listener:proxy]
bind = 127.0.0.1:3128
mode = forward
rules = egress

[listener:web]
bind = 127.0.0.1:8080
backend = app

[backend:app]
servers = http://10.0.0.1

[rules:egress]
rule =
    deny domain .social.example
    allow port 80 443
    deny all
"""


class OutsideTests(SynchronousTestCase):
    """Rules, and what would leave."""

    def setUp(self) -> None:
        """Everything is put together as `relay explain` does it; nothing is ever dialled."""
        self.explain = self.make(TEXT)

    def make(self, text: str, files: dict[str, str] | None = None) -> Explain:
        """What explains a configuration."""
        folder = self.mktemp()
        os.mkdir(folder)
        traffic = _put_together(config_of(load_files(folder, {"relay.ini": text, **(files or {})})))
        return Explain(traffic.listeners, traffic.backends, traffic.rules)

    def ask(self, method: str, url: str, **more: object) -> dict[str, Any]:
        """The answer to a question."""
        return cast("dict[str, Any]", self.explain.answer({"method": method, "url": url, **more}))

    def test_rules(self) -> None:
        """Each rule up to the one that decides is told with its place, and what would leave."""
        answer = self.ask("GET", "http://example.org/x?y", listener="proxy")
        self.assertTrue(is_taken(answer))
        self.assertEqual([each["matches"] for each in answer["rules"]], [False, True])
        self.assertEqual(
            answer["forwarded"], {"server": "example.org:80", "head": ["GET /x?y HTTP/1.1", "Host: example.org"]}
        )
        self.assertIn("sent to example.org:80, if the guard allows its address", as_text(answer))

    def test_denied(self) -> None:
        """A request that a rule denies is refused, with the rule."""
        for method, url, rule in (
            ("GET", "http://a.social.example/", "deny domain .social.example"),
            ("GET", "http://example.org:22/", "deny all"),
        ):
            answer = self.ask(method, url, listener="proxy")
            self.assertFalse(is_taken(answer))
            self.assertEqual(answer["refused"]["status"], 403)
            self.assertIn(rule, answer["refused"]["text"])
            self.assertIn("refused: 403", as_text(answer))

    def test_addresses(self) -> None:
        """Nothing is resolved: whoever asks names the address, or hears that it decides."""
        self.explain = self.make(TEXT.replace("allow port", "deny destination 10.0.0.0/8\n    allow port"))
        url = "http://example.org/"
        unknown = self.ask("GET", url, listener="proxy")
        self.assertEqual([each["matches"] for each in unknown["rules"]], [False, None])
        self.assertIn("what follows depends on it: name it with --address", as_text(unknown))
        for address, line, taken in (("10.0.0.1", 2, False), ("192.0.2.1", 3, True)):
            answer = self.ask("GET", url, listener="proxy", address=address)
            self.assertEqual((len(answer["rules"]), is_taken(answer)), (line, taken), address)
            self.assertNotIn("--address", as_text(answer))

    def test_changed_fields(self) -> None:
        """What leaves is shown as the listener's options make it; of credentials only the name."""
        changes = "remove_request_header = Referer\nset_request_header =\n    User-Agent: x\n    X-Api-Key: ${KEY:-k}\n"
        self.explain = self.make(TEXT.replace("rules = egress\n", f"rules = egress\n{changes}"))
        fields = [["Referer", "http://inner/"], ["User-Agent", "curl"]]
        answer = self.ask("GET", "http://example.org/", listener="proxy", fields=fields)
        expected = ["GET / HTTP/1.1", "Host: example.org", "User-Agent: x", "X-Api-Key: (hidden)"]
        self.assertEqual(answer["forwarded"]["head"], expected)
        self.assertEqual(self.ask("CONNECT", "example.org:443")["forwarded"]["head"], [])

    def test_a_file_for_browsers(self) -> None:
        """The PAC file is relay's own answer; no rule is asked for it."""
        users = "[auth:staff]\nusers_file = users\n"
        text = TEXT.replace("rules = egress\n", "rules = egress\npac = yes\nauth = staff\n")
        self.explain = self.make(
            text + users, {"users": "alice:$2y$10$WYZ89ebzVMj63Y/RU4nhaOZ/7IkydYsZgMfgeI.90fclS9Lh8t9dK\n"}
        )
        answer = self.ask("GET", "/proxy.pac", listener="proxy", fields=[["Host", "proxy.example"]])
        self.assertEqual((answer["answer"]["status"], answer["forwarded"], answer["auth"]), (200, None, None))
        self.assertEqual(self.ask("GET", "http://example.org/", listener="proxy")["auth"], "staff")
        self.assertIn("Content-Type: application/x-ns-proxy-autoconfig", answer["answer"]["fields"])

    def test_tunnels(self) -> None:
        """CONNECT goes to the forward proxy without its being named; only to ports that may be reached."""
        answer = self.ask("CONNECT", "example.org:443")
        self.assertEqual((answer["request"]["listener"], answer["forwarded"]["head"]), ("proxy", []))
        self.assertIn("a tunnel to example.org:443", as_text(answer))
        answer = self.ask("CONNECT", "example.org:80")
        self.assertIn("connect_ports", answer["refused"]["text"])
        self.assertEqual(answer["rules"], [])  # they are not asked

    def test_socks(self) -> None:
        """A SOCKS5 proxy is asked for a host and a port, which a URL has too; what is said is as of any other proxy."""
        self.explain = self.make(TEXT.replace("mode = forward", "mode = socks5\nconnect_ports = 22 80"))
        for method, url, place in (
            ("CONNECT", "example.org:80", "example.org:80"),
            ("GET", "http://example.org/x?y", "example.org:80"),
            ("GET", "http://[2001:db8::1]:80/", "[2001:db8::1]:80"),
        ):
            answer = self.ask(method, url, listener="proxy")
            self.assertEqual((answer["request"]["scheme"], answer["request"]["head"]), ("socks5", [f"CONNECT {place}"]))
            self.assertEqual([each["matches"] for each in answer["rules"]], [False, True])
            self.assertIn(f"a tunnel to {place}, if the guard allows its address", as_text(answer))
        for url, reason in (
            ("https://example.org/", "port"),
            ("http://a.social.example/", "rule"),
            ("http://example.org:22/", "rule"),
            ("/x", "bad_request"),
        ):
            self.assertEqual(self.ask("GET", url, listener="proxy")["refused"]["reason"], reason, url)

    def test_the_gateway_beside_it(self) -> None:
        """A URL is for the gateway, unless the forward proxy is named."""
        self.assertEqual(self.ask("GET", "http://example.org:8080/")["request"]["listener"], "web")

    def test_what_no_proxy_takes(self) -> None:
        """What is refused on the wire is refused here."""
        self.assertEqual(self.ask("GET", "/x", listener="proxy")["refused"]["status"], 400)
        self.assertEqual(self.ask("GET", "https://example.org/", listener="proxy")["refused"]["status"], 501)
        self.assertEqual(self.ask("CONNECT", "example.org", listener="proxy")["refused"]["status"], 400)


PARENTS = """\
[listener:proxy]
bind = 127.0.0.1:3128
mode = forward
rules = egress
parent = hq

[parent:hq]
servers =
    p1 http://proxy.example:3128
    p2 http://10.0.0.2:3128 backup
username = relay
password_file = password
direct = yes

[parent:lab]
servers = s1 socks5://10.0.0.3:1080
for = .lab.example

[rules:egress]
rule =
    allow domain .near.example parent direct
    allow domain .far.example parent lab
    allow all
"""


class ParentTests(SynchronousTestCase):
    """Requests that go through parents."""

    def ask(self, method: str, url: str) -> dict[str, Any]:
        """The answer to a question."""
        folder = self.mktemp()
        os.mkdir(folder)
        files = {"relay.ini": PARENTS, "password": "s3cret\n"}
        traffic = _put_together(config_of(load_files(folder, files)))
        explain = Explain(traffic.listeners, traffic.groups, traffic.rules, traffic.outward.ways)
        return cast("dict[str, Any]", explain.answer({"method": method, "url": url}))

    def test_why(self) -> None:
        """The parent is named, why it is that one, and its proxies in their order."""
        for url, parent, why in (
            ("http://a.example/", "hq", "it is the parent of the listener"),
            ("http://a.lab.example/", "lab", "it is for .lab.example"),
            ("http://a.far.example/", "lab", "the rule says parent lab"),
        ):
            answer = self.ask("GET", url)
            self.assertTrue(is_taken(answer))
            self.assertEqual((answer["parent"]["name"], answer["parent"]["why"]), (parent, why))
            self.assertEqual(answer["backend"]["name"], f"parent:{parent}")
            self.assertIn(f"through parent {parent}: {why}", as_text(answer))
        self.assertNotIn("parent", self.ask("GET", "http://a.near.example/"))

    def test_guarded(self) -> None:
        """What is known to lead inside is not asked of a parent."""
        for url in ("http://10.0.0.1/", "http://localhost/"):
            answer = self.ask("GET", url)
            self.assertFalse(is_taken(answer))
            self.assertEqual((answer["refused"]["status"], answer["refused"]["reason"]), (403, "guard"))

    def test_what_leaves(self) -> None:
        """HTTP proxies get the whole URI and credentials, which are not shown; SOCKS5 proxies what origins get."""
        answer = self.ask("GET", "http://A.example/x")
        self.assertEqual(
            answer["forwarded"]["head"],
            ["GET http://a.example/x HTTP/1.1", "Host: a.example", "Proxy-Authorization: (hidden)"],
        )
        text = as_text(answer)
        for words in ("parent hq", "p1", "backup: others are usable", "straight to it if none of these can be used"):
            self.assertIn(words, text)
        self.assertEqual(
            self.ask("GET", "http://a.lab.example/x")["forwarded"]["head"], ["GET /x HTTP/1.1", "Host: a.lab.example"]
        )
        tunnel = self.ask("CONNECT", "a.example:443")
        self.assertEqual((tunnel["forwarded"]["server"], tunnel["forwarded"]["head"]), ("a.example:443", []))
        self.assertIn("a tunnel to a.example:443, through parent hq", as_text(tunnel))
