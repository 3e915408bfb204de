"""What rules say about each other, and about the listeners that name them."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import config_of, load_files, only, places
from twisted_relay.config import Loaded

LISTENER = "[listener:proxy]\nbind = 127.0.0.1:3128\nmode = forward\nrules = egress\n"
RULES = "[rules:egress]\nrule =\n"


class Rules(SynchronousTestCase):
    """Loads a forward proxy and its rules."""

    def load(self, *rules: str, listener: str = LISTENER) -> Loaded:
        """With the usual listener the first rule stands in line 7."""
        text = listener + RULES + "".join(f"    {rule}\n" for rule in rules)
        return load_files(self.mktemp(), {"relay.ini": text})


class UnreachableTests(Rules):
    """Rules that never decide."""

    def test_after_all(self) -> None:
        """Nothing comes after a rule that takes everything."""
        loaded = self.load("allow all", "deny port 25", "deny all")
        self.assertEqual(places(loaded), ["8:5: warning[unreachable-rule]", "9:5: warning[unreachable-rule]"])
        self.assertIn("relay.ini:7:5", loaded.diagnostics[0].help)

    def test_same_and_domains(self) -> None:
        """The same conditions again, and domains that earlier ones have taken all."""
        for first, second, warned in (
            ("deny port 25 client ::1", "allow client ::1 port 25", True),
            ("deny domain .a.example", "allow domain x.a.example .y.a.example", True),
            ("deny domain .a.example", "allow domain a.example", True),
            ("deny domain a.example", "allow domain a.example", True),
            ("deny domain a.example", "allow domain .a.example", False),
            ("deny domain .a.example", "allow domain x.a.example b.example", False),
            ("deny domain .a.example port 25", "allow domain x.a.example", False),
            ("deny not domain .a.example", "allow domain x.a.example", False),
            ("deny domain .a.example", "allow domain xa.example", False),
            ("deny domain .a.example", "allow port 25 domain .a.example", False),
        ):
            expected = ["8:5: warning[unreachable-rule]"] * warned
            self.assertEqual(places(self.load(first, second, "deny all")), expected, second)


class NameTests(Rules):
    """Names in rules."""

    def test_lists(self) -> None:
        """Each list must be there."""
        diagnostic = only(self.load("deny list ads", "deny all"))
        self.assertEqual((diagnostic.code, diagnostic.line, diagnostic.column), ("no-such-name", 7, 15))
        self.assertEqual(diagnostic.help, "write [list:ads]")

    def test_users_without_authentication(self) -> None:
        """Nobody has a name or a group where nobody is asked for one."""
        for rule in ("allow user anna", "allow not group staff"):
            diagnostic = only(self.load(rule, "deny all"))
            self.assertEqual((diagnostic.code, diagnostic.line), ("no-auth", 7), rule)
            self.assertIn("give [listener:proxy] the option auth", diagnostic.help)

    def test_unused(self) -> None:
        """Rules that no listener names are probably forgotten; rules that are not there are an error."""
        listener = LISTENER.replace("rules = egress\n", "")
        self.assertEqual(places(self.load("deny all", listener=listener)), ["4:1: warning[unused-section]"])
        wrong = only(self.load("deny all", listener=LISTENER.replace("egress", "egres")))
        self.assertEqual((wrong.code, wrong.help), ("no-such-name", 'did you mean "egress"?'))

    def test_of_a_gateway(self) -> None:
        """Rules belong to forward proxies."""
        listener = "[listener:web]\nbind = :80\nredirect = https\nrules = egress\n"
        self.assertEqual(places(self.load("deny all", listener=listener)), ["4:1: warning[no-effect]"])

    def test_options(self) -> None:
        """A zone, and whether clients are told."""
        loaded = self.load("deny all")
        rules = config_of(loaded).rules["egress"]
        self.assertEqual((rules.timezone, rules.tell_rule, len(rules.rule)), ("local", False, 1))


class OpenTests(Rules):
    """Proxies that everybody can use."""

    def check(self, bind: str, *lines: str, rule: str = "deny port 25") -> list[str]:
        """The diagnostics of a proxy with these options."""
        text = f"[listener:proxy]\nmode = forward\nbind = {bind}\n" + "".join(f"{line}\n" for line in lines)
        rules = f"{RULES}    {rule}\n    allow all\n" if "rules = egress" in lines else ""
        return [each.code for each in load_files(self.mktemp(), {"relay.ini": text + rules}).diagnostics]

    def test_open(self) -> None:
        """Others can reach it, it asks for nothing and forbids nothing: that must be meant."""
        for bind, lines, expected in (
            (":3128", (), ["open-proxy"]),
            ("0.0.0.0:3128", (), ["open-proxy"]),
            ("127.0.0.1:3128 10.0.0.1:3128", (), ["open-proxy"]),
            ("[::]:3128", (), ["open-proxy"]),
            (":3128", ("open = no",), ["open-proxy"]),
            (":3128", ("open = yes",), []),
            (":3128", ("rules = egress",), []),
            (":3128", ("rules = egress", "open = yes"), ["no-effect"]),
            ("127.0.0.1:3128 [::1]:3128", (), []),
            ("localhost:3128", (), []),
            ("127.0.0.2:3128", (), []),
            ("unix:/tmp/x.sock", (), []),
        ):
            self.assertEqual(self.check(bind, *lines), expected, (bind, lines))

    def test_rules_that_allow_everything(self) -> None:
        """They are no better than none."""
        self.assertIn("open-proxy", self.check(":3128", "rules = egress", rule="allow all"))

    def test_place_and_help(self) -> None:
        """The address that others reach is pointed at."""
        text = "[listener:proxy]\nmode = forward\nbind = 127.0.0.1:3128 :3129\n"
        diagnostic = only(load_files(self.mktemp(), {"relay.ini": text}))
        self.assertEqual((diagnostic.line, diagnostic.column, diagnostic.severity), (3, 23, "error"))
        self.assertIn("write open = yes if it is meant so", diagnostic.help)
