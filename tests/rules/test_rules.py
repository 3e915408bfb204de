"""The first rule that matches decides, and what is known too little is not decided."""

from twisted.trial.unittest import SynchronousTestCase

from tests.rules.reading import Names, connect, get, rules_of
from twisted_relay.rules import NEEDS_ADDRESSES, Asked, Rules, Ruling

PUBLIC = ("192.0.2.1",)


def decided(rules: Rules, asked: Asked, addresses: tuple[str, ...] | None = None) -> int:
    """The line of the rule that decided, 0 if none could."""
    ruling = rules.judge(asked, addresses, 0.0)
    return ruling.rule.line if isinstance(ruling, Ruling) else 0


class OrderTests(SynchronousTestCase):
    """Which rule decides."""

    def test_decided(self) -> None:
        """Each rule is counted when what it says is done, by its place; of what is only asked nothing is."""
        rules = rules_of("deny domain a.example", "allow domain b.example", "deny all")
        for host in ("a.example", "c.example", "a.example"):
            ruling = rules.judge(connect(host), None, 0.0)
            assert isinstance(ruling, Ruling)
            rules.count(ruling)
        rules.judge(connect("b.example"), None, 0.0)
        counts = {("relay.ini:1", "deny"): 2, ("relay.ini:2", "allow"): 0, ("relay.ini:3", "deny"): 1}
        self.assertEqual(rules.decided, counts)

    def test_first_match(self) -> None:
        """The order of the lines counts, wherever the index finds them."""
        rules = rules_of(
            "allow domain www.a.example",
            "deny domain .a.example",
            "allow port 22",
            "deny method GET url *.exe",
            "allow client 10.1.0.0/16 domain .b.example",
            "deny domain c.b.example .d.example",
            "deny client 10.0.0.0/8 port 25",
            "allow all",
        )
        for asked, line in (
            (connect("www.a.example"), 1),
            (connect("x.www.a.example"), 2),
            (connect("a.example", 22), 2),
            (connect("e.example", 22), 3),
            (get("http://c.b.example/a.exe", "c.b.example"), 4),
            (get("http://c.b.example/", "c.b.example"), 5),
            (connect("c.b.example"), 5),
            (Asked("10.9.0.1", "c.b.example", 443, "CONNECT"), 6),
            (connect("d.example", 25), 6),
            (connect("e.example", 25), 7),
            (Asked("172.16.0.1", "e.example", 25, "CONNECT"), 8),
        ):
            self.assertEqual(decided(rules, asked), line, asked)

    def test_ruling(self) -> None:
        """It says which rule it was, in words and with its place."""
        ruling = rules_of("allow port 1", "deny  all").judge(connect("a"), None, 0.0)
        assert isinstance(ruling, Ruling)
        self.assertEqual((ruling.allowed, ruling.words), (False, "deny all"))
        self.assertEqual((ruling.label, ruling.place), ("relay.ini:2: deny all", "relay.ini:2"))

    def test_long_rules(self) -> None:
        """The log gets the beginning of a long rule; its place says where the rest is."""
        ruling = rules_of("deny domain " + " ".join(f"a{n}.example" for n in range(100)), "allow all").judge(
            connect("a7.example"), None, 0.0
        )
        assert isinstance(ruling, Ruling)
        self.assertEqual(len(ruling.label), len("relay.ini:1: ") + 120)

    def test_literals_are_no_domains(self) -> None:
        """An address has no labels."""
        rules = rules_of("deny domain .example", "allow all")
        for host in ("192.0.2.1", "2001:db8::1"):
            self.assertEqual(decided(rules, connect(host)), 2)


class AddressTests(SynchronousTestCase):
    """What cannot be decided before the name is resolved."""

    def test_only_when_needed(self) -> None:
        """A rule that decides without it spares the look-up; rules behind it are not asked."""
        rules = rules_of(
            "deny domain .ads.example",
            "allow domain .a.example not destination 10.0.0.0/8",
            "deny destination 10.0.0.0/8 port 443",
            "allow all",
        )
        for asked, line in (
            (connect("x.ads.example"), 1),
            (connect("x.a.example"), 0),
            (connect("b.example"), 0),
            (connect("b.example", 80), 4),
        ):
            self.assertEqual(decided(rules, asked), line, asked)
        self.assertIs(rules.judge(connect("b.example"), None, 0.0), NEEDS_ADDRESSES)

    def test_with_addresses(self) -> None:
        """Then the first that matches decides, as always."""
        rules = rules_of("deny domain .a.example destination 10.0.0.0/8", "allow not destination ::/0", "deny all")
        for host, address, line in (
            ("x.a.example", "10.0.0.1", 1),
            ("x.b.example", "10.0.0.1", 2),
            ("x.a.example", "2001:db8::1", 3),
            ("x.a.example", "::ffff:10.0.0.1", 1),
        ):
            self.assertEqual(decided(rules, connect(host), (address,)), line, (host, address))

    def test_literals_need_no_look_up(self) -> None:
        """An address is its own address."""
        rules = rules_of("deny destination 10.0.0.0/8 fd00::/8", "allow all")
        for host, line in (("10.0.0.1", 1), ("192.0.2.1", 2), ("fd00::1", 1), ("2001:db8::1", 2)):
            ruling = rules.judge(connect(host), None, 0.0)
            assert isinstance(ruling, Ruling)
            self.assertEqual((ruling.rule.line, ruling.addresses), (line, (host,) * (line == 2)), host)

    def test_several_addresses(self) -> None:
        """Each is judged by itself, and only those that are allowed may be dialled."""
        rules = rules_of("deny destination 10.0.0.0/8", "deny destination ::/0 port 80", "allow all")
        for port, addresses, allowed, line, left in (
            (443, ("10.0.0.1", "192.0.2.1", "2001:db8::1"), True, 3, ("192.0.2.1", "2001:db8::1")),
            (80, ("2001:db8::1", "192.0.2.1"), True, 3, ("192.0.2.1",)),
            (80, ("2001:db8::1", "10.0.0.1"), False, 2, ()),
            (443, ("10.0.0.1",), False, 1, ()),
        ):
            ruling = rules.judge(connect("a.example", port), addresses, 0.0)
            assert isinstance(ruling, Ruling)
            self.assertEqual((ruling.allowed, ruling.rule.line, ruling.addresses), (allowed, line, left))

    def test_lists_with_networks(self) -> None:
        """A name that is not listed may lead to an address that is; a list of names alone needs no look-up."""
        lists = {"names": Names("ads.example"), "both": Names("bad.example", "192.0.2.1", has_networks=True)}
        rules = rules_of("deny list names", "deny list both", "allow all", lists=lists)
        for asked, addresses, line in (
            (connect("ads.example"), None, 1),
            (connect("bad.example"), None, 2),
            (connect("192.0.2.1"), None, 2),
            (connect("192.0.2.2"), None, 3),
            (connect("a.example"), None, 0),
            (connect("a.example"), PUBLIC, 2),
            (connect("a.example"), ("192.0.2.2",), 3),
        ):
            self.assertEqual(decided(rules, asked, addresses), line, (asked.host, addresses))
        last = list(rules.explain(connect("a.example"), "192.0.2.1", 0.0))[-1]
        self.assertEqual(last.why, "192.0.2.1 is in list both as 192.0.2.1")
        lists["both"] = Names("bad.example")
        self.assertEqual(decided(rules, connect("a.example")), 3)

    def test_no_addresses(self) -> None:
        """A name that has none is in no network, and nothing may be dialled."""
        ruling = rules_of("deny destination 0.0.0.0/0 ::/0", "allow all").judge(connect("a.example"), (), 0.0)
        assert isinstance(ruling, Ruling)
        self.assertEqual((ruling.rule.line, ruling.addresses), (2, ()))

    def test_without_such_rules(self) -> None:
        """Where no rule asks for addresses, they are not narrowed."""
        ruling = rules_of("deny port 25", "allow all").judge(connect("a.example"), PUBLIC, 0.0)
        assert isinstance(ruling, Ruling)
        self.assertIsNone(ruling.addresses)


class ExplainTests(SynchronousTestCase):
    """Rule by rule."""

    def test_up_to_the_first_match(self) -> None:
        """Each says what it saw; those behind the first match are not asked."""
        rules = rules_of(
            "deny domain .b.example",
            "allow list good not port 80",
            "deny all",
            lists={"good": Names("a.example")},
        )
        verdicts = list(rules.explain(connect("a.example"), None, 0.0))
        self.assertEqual(
            [(verdict.rule.where.line, verdict.matches, verdict.why) for verdict in verdicts],
            [
                (1, False, "domain is a.example"),
                (2, True, "port is 443; a.example is in list good as a.example"),
            ],
        )
        self.assertEqual(
            [verdict.why for verdict in rules.explain(connect("c.example"), None, 0.0)][-1], "takes everything"
        )

    def test_unknown_address(self) -> None:
        """It is said that the address decides; without need it is not asked for."""
        rules = rules_of("deny destination 10.0.0.0/8 port 80", "deny destination 10.0.0.0/8 port 443", "allow all")
        verdicts = [(verdict.matches, verdict.why) for verdict in rules.explain(connect("a.example"), None, 0.0)]
        self.assertEqual(verdicts, [(False, "port is 443"), (None, "the address of a.example decides")])
        self.assertEqual(
            [v.matches for v in rules.explain(connect("a.example"), "192.0.2.1", 0.0)], [False, False, True]
        )
        self.assertEqual([v.matches for v in rules.explain(connect("10.0.0.1"), None, 0.0)], [False, True])
