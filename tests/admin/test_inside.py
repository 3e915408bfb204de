"""What is explained of the name inside a tunnel."""

import os
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import config_of, load_files
from tests.config.test_rules_names import HASH
from twisted_relay.admin.explain import Explain, is_taken
from twisted_relay.cli.explain import _put_together
from twisted_relay.cli.explained import as_text

TEXT = """\
[listener:proxy]
bind = 127.0.0.1:3128
mode = forward
connect_ports = 443 8443
rules = egress
peek = sni
sni_mismatch = allow
auth = staff

[auth:staff]
users_file = users

[rules:egress]
rule =
    deny domain .ads.example
    deny user eve domain b.example
    allow all
"""
HOST = "a.example:443"


class InsideTests(SynchronousTestCase):
    """`relay explain CONNECT HOST:PORT --sni NAME`."""

    def ask(self, sni: str, text: str = TEXT, url: str = HOST, **more: object) -> dict[str, Any]:
        """The answer."""
        folder = self.mktemp()
        os.mkdir(folder)
        traffic = _put_together(config_of(load_files(folder, {"relay.ini": text, "users": f"eve:{HASH}\n"})))
        explain = Explain(traffic.listeners, traffic.backends, traffic.rules)
        method = "GET" if "/" in url else "CONNECT"
        return cast("dict[str, Any]", explain.answer({"method": method, "url": url, "sni": sni, **more}))

    def test_allowed(self) -> None:
        """The rules are told for the destination and for the name."""
        answer = self.ask("B.Example.")
        self.assertTrue(is_taken(answer))
        self.assertEqual(answer["sni"]["name"], "b.example")
        for rules in (answer["rules"], answer["sni"]["rules"]):
            self.assertEqual([each["matches"] for each in rules], [False, False, True])
        self.assertEqual(answer["sni"]["refused"], None)
        text = as_text(answer)
        self.assertIn(
            "a tunnel to a.example:443, if the guard allows its address\n\nits TLS hello asks for b.example", text
        )
        self.assertTrue(text.endswith("\n\nthe tunnel stays open"), text)

    def test_refused(self) -> None:
        """A rule, or the mismatch with CONNECT, closes the tunnel that was answered 200."""
        strict = TEXT.replace("sni_mismatch = allow", "sni_mismatch = refuse")
        for sni, text, more, reason, said in (
            ("x.ads.example", TEXT, {}, "rule", "deny domain .ads.example"),
            ("b.example", TEXT, {"user": "eve"}, "rule", "deny user eve domain b.example"),
            ("b.example", strict, {}, "sni", "the TLS hello asks for b.example, CONNECT for a.example"),
            ("a.example:443", TEXT, {}, "sni", "what the TLS hello asks for is neither a name nor an address"),
        ):
            answer = self.ask(sni, text, **more)
            self.assertFalse(is_taken(answer))
            self.assertEqual(answer["forwarded"]["server"], HOST)
            self.assertEqual((answer["refused"]["status"], answer["refused"]["reason"]), (200, reason))
            self.assertIn(said, answer["refused"]["text"])
            self.assertIn(f"\n\nthe tunnel is closed after the TLS hello ({reason}): ", as_text(answer))

    def test_address(self) -> None:
        """Where the address decides, it is asked for, of the name as well."""
        text = TEXT.replace("    allow all", "    deny destination 192.0.2.0/24 domain b.example\n    allow all")
        answer = self.ask("b.example", text)
        self.assertEqual(answer["sni"]["rules"][-1]["matches"], None)
        self.assertIn("the tunnel stays open, if the rules allow it", as_text(answer))
        for address, taken in (("192.0.2.1", False), ("198.51.100.1", True)):
            self.assertEqual(is_taken(self.ask("b.example", text, address=address)), taken)

    def test_without_rules(self) -> None:
        """Then only the options decide."""
        text = TEXT[: TEXT.index("[rules")].replace("rules = egress\n", "")
        self.assertTrue(is_taken(self.ask("b.example", text)))
        self.assertFalse(is_taken(self.ask("b.example", text.replace("= allow", "= refuse"))))

    def test_not_asked(self) -> None:
        """Who says no name hears that one is judged; who denies CONNECT itself hears only of that."""
        self.assertIn("ask with --sni NAME", as_text(self.ask("")))
        answer = self.ask("a.example", url="x.ads.example:443")
        self.assertEqual((answer["refused"]["status"], answer["forwarded"]), (403, None))
        self.assertNotIn("sni", answer)

    def test_nobody_looks(self) -> None:
        """It is said why nobody looks, if somebody asks."""
        off = TEXT.replace("peek = sni\nsni_mismatch = allow\n", "")
        for text, url, why in (
            (off, HOST, "peek is off"),
            (TEXT, "a.example:8443", "port 8443 is not among peek_ports"),
            (TEXT, "http://a.example/", "this is no tunnel"),
        ):
            answer = self.ask("x.ads.example", text, url, listener="proxy")
            self.assertTrue(is_taken(answer))
            self.assertIn(f"nobody looks for x.ads.example in the tunnel: {why}", as_text(answer))
            self.assertNotIn("sni", self.ask("", text, url, listener="proxy"))
