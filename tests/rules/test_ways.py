"""Which parent a request goes through."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.rule_values import Domain
from twisted_relay.config.tree import ParentOptions
from twisted_relay.rules.ways import Ways


class WaysTests(SynchronousTestCase):
    """The order of what decides."""

    def test_choice(self) -> None:
        """The rule, then the longest name that a parent is for, then the listener's parent; else straight."""
        ways = Ways(
            (
                ParentOptions(name="hq", for_=(Domain("hq.example", True), Domain("a.b.example", False))),
                ParentOptions(name="lab", for_=(Domain("lab.hq.example", True),)),
                ParentOptions(name="other"),
            )
        )
        for ruled, host, usual, parent, why in (
            ("", "www.example", "", "", "no parent is for it"),
            ("", "www.example", "other", "other", "it is the parent of the listener"),
            ("", "hq.example", "other", "hq", "it is for .hq.example"),
            ("", "x.hq.example", "other", "hq", "it is for .hq.example"),
            ("", "xhq.example", "", "", "no parent is for it"),
            ("", "x.lab.hq.example", "", "lab", "it is for .lab.hq.example"),
            ("", "a.b.example", "", "hq", "it is for a.b.example"),
            ("", "x.a.b.example", "", "", "no parent is for it"),
            ("", "192.0.2.1", "other", "other", "it is the parent of the listener"),
            ("other", "x.hq.example", "", "other", "the rule says parent other"),
            ("direct", "x.hq.example", "other", "", "the rule says parent direct"),
        ):
            way = ways.choose(ruled, host, usual)
            self.assertEqual((way.parent, way.why), (parent, why), (ruled, host, usual))
