"""The lines of `rule`: what may be written, what it means, and what is said of what may not."""

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse, value_of
from twisted_relay.config.rule_values import Domain, Domains, Names, Networks, Ports, RuleCondition, Urls
from twisted_relay.config.rules import RULES, named_in, parents_in
from twisted_relay.config.values import Location, PathPattern


def conditions(text: str) -> tuple[RuleCondition, ...]:
    """Those of a single rule."""
    return parse(RULES, f"{text}\ndeny all")[0].conditions


class RuleTests(SynchronousTestCase):
    """One line."""

    def test_conditions(self) -> None:
        """Each kind of condition, with what its values become."""
        for text, expected in (
            ("user a\u0308nna", Names("user", ("\u00e4nna",))),
            ("user anna ben.2@x", Names("user", ("anna", "ben.2@x"))),
            ("group staff", Names("group", ("staff",))),
            ("method POST PUT", Names("method", ("POST", "PUT"))),
            ("list ads malware", Names("list", ("ads", "malware"))),
            ("client 10.0.0.0/8 ::1", Networks("client", (ip_network("10.0.0.0/8"), ip_network("::1")))),
            ("destination fc00::/7", Networks("destination", (ip_network("fc00::/7"),))),
            ("domain Example.ORG. .x.net.", Domains((Domain("example.org", False), Domain("x.net", True)))),
            ("domain .org", Domains((Domain("org", True),))),
            ("port 8000-8999 443 443", Ports(((443, 443), (8000, 8999)))),
            ("url http://A.example:80/X*", Urls((PathPattern("glob", "http://a.example/X*"),))),
            ("url http://A.example.:81/x", Urls((PathPattern("exact", "http://a.example:81/x"),))),
            ("url http://[2001:DB8:0::1]:80/", Urls((PathPattern("exact", "http://[2001:db8::1]/"),))),
            ("url http://*.example.:80/", Urls((PathPattern("glob", "http://*.example/"),))),
            ("url */%7ejoe/a%2fb?%7e*", Urls((PathPattern("glob", "*/~joe/a%2Fb?%7e*"),))),
            ("url http://a.example", Urls((PathPattern("exact", "http://a.example/"),))),
            ("url *.zip ~http://[^/]+/x", Urls((PathPattern("glob", "*.zip"), PathPattern("regex", "http://[^/]+/x")))),
        ):
            [condition] = conditions(f"deny {text}")
            self.assertEqual((condition.test, condition.negated, condition.text), (expected, False, text))

    def test_several_conditions(self) -> None:
        """They stand one behind the other; `not` belongs to the next one."""
        first, second, third = conditions("allow domain .a not port 25 not domain .x.a .y.a")
        self.assertEqual([first.negated, second.negated, third.negated], [False, True, True])
        self.assertEqual(
            [each.text for each in (first, second, third)], ["domain .a", "not port 25", "not domain .x.a .y.a"]
        )

    def test_rules(self) -> None:
        """In their order, with the place of each; spaces between words do not matter."""
        first, last = parse(RULES, "deny   user\tanna\nallow all")
        self.assertEqual((first.allow, first.text, first.where), (False, "deny user anna", Location("relay.ini", 1, 7)))
        self.assertEqual((last.allow, last.conditions, last.where.line), (True, (), 2))
        self.assertEqual(RULES.show((first, last)), "deny user anna\nallow all")

    def test_names(self) -> None:
        """Which lists, users and groups are named, also behind `not`."""
        value = value_of("deny list a b not list c user list_d\nallow group x\ndeny all")
        self.assertEqual([word.text for word in named_in(value, "list")], ["a", "b", "c"])
        self.assertEqual([word.text for word in named_in(value, "group")], ["x"])

    def test_limits(self) -> None:
        """A rule may end with a limit for what it allows, before a parent or behind it."""
        value = "allow group a limit 1MB/s\nallow port 80 limit 8Mbit/s parent p\nallow port 81 parent p limit 2MB/s\n"
        rules = parse(RULES, f"{value}allow all limit 500kB/s")
        self.assertEqual([rule.limit for rule in rules], [1_000_000, 1_000_000, 2_000_000, 500_000])
        self.assertEqual([rule.parent for rule in rules], ["", "p", "p", ""])
        self.assertEqual([len(rule.conditions) for rule in rules], [1, 1, 1, 0])
        self.assertEqual(rules[0].text, "allow group a limit 1MB/s")
        self.assertEqual([word.text for word in parents_in(value_of(f"{value}deny all"))], ["p", "p"])
        self.assertEqual([word.text for word in named_in(value_of(f"{value}deny all"), "group")], ["a"])

    def test_faults_of_limits(self) -> None:
        """A limit belongs to the end of what is allowed, and says bytes or bits."""
        for text, column, help in (
            ("deny port 80 limit 1MB/s", 20, "leave limit out"),
            ("allow port 80 limit", 21, "write limit 10MB/s"),
            ("allow limit 1MB/s port 80", 13, "write limit 10MB/s"),
            ("allow limit 1MB/s", 7, "write allow or deny"),
            ("allow port 80 limit 1M", 27, "bytes or bits? write 1MB/s or 1Mbit/s"),
            ("allow port 80 limit 1MB/s limit 2MB/s", 21, "write limit 10MB/s"),
        ):
            [fault] = faults_of(RULES, f"{text}\ndeny all")
            assert fault.span is not None
            self.assertEqual(fault.span.column, column, text)
            self.assertIn(help, fault.help)

    def test_no_end(self) -> None:
        """What happens to what no rule takes must be said; the last line is pointed at."""
        for text in ("deny user anna", "allow all\ndeny not domain .a"):
            [fault] = faults_of(RULES, text)
            assert fault.span is not None
            self.assertEqual((fault.span.line, fault.span.column), (text.count("\n") + 1, 7))
            self.assertIn("deny all, or allow all", fault.help)

    def test_faults(self) -> None:
        """What is wrong is pointed at, with what would be right."""
        for text, column, width, help in (
            ("dney all", 7, 4, 'did you mean "deny"?'),
            ("block all", 7, 5, 'did you mean "deny"?'),
            ("domain .a", 7, 6, "write allow or deny"),
            ("deny", 7, 4, "write allow or deny, then all or conditions"),
            ("deny all port 25", 12, 3, "leave all out"),
            ("deny domian .a", 12, 6, 'did you mean "domain"?'),
            ("deny dstdomain .a", 12, 9, 'did you mean "domain"?'),
            ("deny src 10.0.0.1", 12, 3, 'did you mean "client"?'),
            ("deny .example.org", 12, 12, "write domain .example.org"),
            ("deny 10.0.0.1", 12, 8, "write destination 10.0.0.1"),
            ("deny zebra", 12, 5, "a condition begins with user, group, client"),
            ("deny domain", 12, 6, "write domain .example.org"),
            ("deny user port 25", 12, 4, "write user NAME"),
            ("deny not", 12, 3, "after not stands a condition"),
            ("deny not not user a", 12, 3, "after not stands a condition"),
            ("deny domain .a domain .b", 22, 6, "alternatives stand behind one domain"),
            ("deny domain *.example.org", 19, 13, "write .example.org for example.org and all names below it"),
            ("deny domain 10.0.0.1", 19, 8, "write destination"),
            ("deny domain [::1]", 19, 5, "write destination"),
            ("deny domain bücher.example", 19, 14, "not ASCII: as xn--"),
            ("deny domain a..b", 19, 4, "write example.org for that name alone"),
            ("deny destination example.org", 24, 11, "names are asked for with domain"),
            ("deny destination 10.0.0.1/8", 24, 10, "did you mean 10.0.0.0/8?"),
            ("deny destination [::1]", 24, 5, "write it without brackets: ::1"),
            ("deny port 0", 17, 1, "from 1 to 65535"),
            ("deny port 90-80", 17, 5, "80-90"),
            ("deny method post", 19, 4, "methods are upper-case: POST"),
            ("deny url https://a/", 16, 10, "of https only host and port are seen"),
            ("deny url /x", 16, 2, "write */x for this path on every host"),
            ("deny url example.org", 16, 11, "write http://HOST/PATH"),
            ("deny url ~(", 16, 2, ""),
            ("deny list a:b", 17, 3, "[list:NAME]"),
            ("deny user a:b", 17, 3, "no colon"),
            ("deny time Mo-Fri", 17, 6, "Mon"),
        ):
            [fault] = faults_of(RULES, f"{text}\ndeny all")
            assert fault.span is not None
            self.assertEqual((fault.span.column, fault.span.width), (column, width), text)
            self.assertIn(help, fault.help, text)

    def test_several_faults(self) -> None:
        """All of them are told at once, of each line and each word."""
        faults = faults_of(RULES, "deny port 0 99999 method get\nallow domain a..b\nblock all")
        self.assertEqual(
            [(each.span.line, each.span.column) for each in faults if each.span],
            [(1, 17), (1, 19), (1, 32), (2, 20), (3, 7)],
        )

    def test_parents(self) -> None:
        """What is allowed may name the parent through which it goes, at its end; the text is as it is written."""
        for text, parent, number in (
            ("allow all parent hq", "hq", 0),
            ("allow  port 443 domain .a.example  parent  direct", "direct", 2),
            ("allow user parents", "", 1),
        ):
            [rule, _] = parse(RULES, f"{text}\ndeny all")
            self.assertEqual((rule.parent, len(rule.conditions)), (parent, number), text)
            self.assertEqual(rule.text, " ".join(text.split()))
        value = value_of("allow port 443 parent hq\nallow user a parent direct\ndeny user b\nallow all parent lab")
        self.assertEqual([word.text for word in parents_in(value)], ["hq", "direct", "lab"])
        self.assertEqual([word.text for word in named_in(value, "user")], ["a", "b"])

    def test_wrong_parents(self) -> None:
        """What is denied goes nowhere; nothing stands behind the name, and the name is one of a section."""
        for text, help in (
            ("deny all parent hq", "leave parent out"),
            ("allow parent hq all", "at the end of the line"),
            ("allow all parent", "at the end of the line"),
            ("allow all parent hq lab", "at the end of the line"),
            ("allow all parent h:q", "write the NAME of a [parent:NAME] section"),
            ("allow parent hq", "write allow or deny, then all or conditions"),
            ("allow all not parent hq", "leave all out"),
        ):
            faults = faults_of(RULES, f"{text}\ndeny all")
            self.assertEqual(len(faults), 1, text)
            self.assertIn(help, faults[0].help or faults[0].message, text)
