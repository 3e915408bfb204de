"""Parents as they are written, and what does not fit together."""

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import config_of, faults_of, load_files, parse, places
from twisted_relay.config.parents import FOR, PARENT_CHECK, PARENTS, USER_NAME, is_local
from twisted_relay.config.rule_values import Domain
from twisted_relay.config.values import Address, CheckSpec

FORWARD = "[listener:proxy]\nbind = 127.0.0.1:3128\nmode = forward\n"
PARENT = "[parent:hq]\nservers = http://10.0.0.9:3128\n"


class ValueTests(SynchronousTestCase):
    """Single values."""

    def test_servers(self) -> None:
        """Four kinds of URLs, names, weights and tiers as in a backend; shown as they are written."""
        text = "a http://p.example:3128 weight=2\nhttps://p.example:3129\nsocks5://[2001:db8::1]:1080 backup\nunix:/p"
        servers = parse(PARENTS, text)
        self.assertEqual([server.scheme for server in servers], ["http", "https", "socks5", "http"])
        self.assertEqual(servers[2].address, Address("2001:db8::1", 1080))
        self.assertEqual(PARENTS.show(servers), text)

    def test_bad_servers(self) -> None:
        """The port must be said, credentials stand elsewhere, and other schemes are none of ours."""
        for text, help in (
            ("http://p.example", "write the port too: http://p.example:3128"),
            ("socks5://p.example/", "write the port too: socks5://p.example:1080"),
            ("http://me:secret@p.example:3128", "credentials stand in username and password_file"),
            ("socks5h://p.example:1080", "write socks5://"),
            ("socks4://p.example:1080", "write http://HOST:PORT"),
            ("p.example:3128", "write http://HOST:PORT"),
            ("http://p.example:3128/x", "no path"),
            ("http://p.example:99999", ""),
        ):
            faults = faults_of(PARENTS, text)
            self.assertEqual(len(faults), 1, text)
            self.assertIn(help, faults[0].help, text)
        self.assertEqual(len(faults_of(PARENTS, "http://a:1\nhttp://a:1")), 1)

    def test_others(self) -> None:
        """Names, checks and users."""
        self.assertEqual(parse(FOR, ".Hq.example a.example"), (Domain("hq.example", True), Domain("a.example", False)))
        self.assertEqual(len(faults_of(FOR, "10.0.0.0/8 *.example")), 2)
        check = CheckSpec("CONNECT", "[::1]:443", kind="connect")
        self.assertEqual(parse(PARENT_CHECK, "connect [::1]:443"), check)
        self.assertEqual(PARENT_CHECK.show(check), "connect [::1]:443")
        self.assertEqual([parse(PARENT_CHECK, text) for text in ("off", "tcp")], [None, CheckSpec(kind="tcp")])
        for text in ("GET /", "connect", "connect a", "connect a:0", "connect a:1 b:2"):
            self.assertEqual(len(faults_of(PARENT_CHECK, text)), 1, text)
        for text in ("a:b", "x" * 256):
            self.assertEqual(len(faults_of(USER_NAME, text)), 1, text)

    def test_local(self) -> None:
        """What is said to a proxy on this machine stays here."""
        kept = [
            is_local(each) for each in parse(PARENTS, "http://127.0.0.2:1 http://localhost:2 unix:/p http://10.0.0.1:3")
        ]
        self.assertEqual(kept, [True, True, True, False])


class SectionTests(SynchronousTestCase):
    """Sections together."""

    def load(self, text: str, password: str = "s3cret\n", mode: int = 0o600) -> list[str]:
        """The diagnostics of a file, beside which there is a password."""
        folder = self.mktemp()
        os.mkdir(folder)
        path = os.path.join(folder, "password")
        with open(path, "w") as file:
            file.write(password)
        os.chmod(path, mode)
        return places(load_files(folder, {"relay.ini": text}))

    def test_used(self) -> None:
        """A parent is used by a listener, by a rule, or for names; else it is forgotten."""
        rules = "rules = r\n[rules:r]\nrule =\n    allow port 443 parent hq\n    allow all parent direct\n"
        for text in (
            FORWARD + "parent = hq\n" + PARENT,
            FORWARD + rules + PARENT,
            FORWARD + PARENT + "for = .hq.example\n",
        ):
            self.assertEqual(self.load(text), [], text)
        self.assertEqual(self.load(FORWARD + PARENT), ["4:1: warning[unused-section]"])

    def test_discovered(self) -> None:
        """Proxies are written down, or looked for; a file of them is looked into."""
        text = FORWARD + "parent = hq\n[parent:hq]\n"
        self.assertEqual(self.load(text), ["5:1: error[missing-option]"])
        self.assertEqual(self.load(text + "discover = dns+a://p.example:1080 scheme=socks5\n"), [])
        self.assertEqual(self.load(text + "discover = file:password\n"), ["6:12: warning[bad-file]"])
        self.assertEqual(self.load(text + "discover = file:password\n", "socks5://10.0.0.1:1080\n"), [])

    def test_unknown(self) -> None:
        """A name that no section has is an error, in a listener and in a rule."""
        self.assertEqual(
            self.load(FORWARD + "parent = qh\n" + PARENT + "for = a.example\n"), ["4:10: error[no-such-name]"]
        )
        rules = "rules = r\n[rules:r]\nrule = allow all parent qh\n"
        self.assertEqual(self.load(FORWARD + rules + PARENT + "for = a.example\n"), ["6:25: error[no-such-name]"])

    def test_direct(self) -> None:
        """Whoever wants no parent for a listener is told to leave it out."""
        folder = self.mktemp()
        os.mkdir(folder)
        for parents in ("", PARENT + "for = a.example\n"):
            report = load_files(folder, {"relay.ini": FORWARD + "parent = direct\n" + parents}).diagnostics
            self.assertEqual([each.help for each in report], ["leave parent out: requests go straight then"])

    def test_rules(self) -> None:
        """Only what is allowed goes through a parent, which ends the line."""
        for rule, column in (
            ("deny all parent hq", 10),
            ("allow parent hq port 443", 7),
            ("allow all parent", 11),
            ("allow all parent h/q", 18),
            ("allow parent hq", 1),
        ):
            text = FORWARD + f"rules = r\n[rules:r]\nrule =\n    {rule}\n    deny all\n"
            self.assertEqual(self.load(text), [f"7:{column + 4}: error[bad-value]"], rule)

    def test_credentials(self) -> None:
        """A name needs its password and the other way round; the file is read, and must be nobody else's."""
        text = FORWARD + "parent = hq\n" + PARENT.replace("10.0.0.9", "127.0.0.9")
        both = text + "username = relay\npassword_file = password\n"
        self.assertEqual(self.load(both), [])
        self.assertEqual(self.load(text + "username = relay\n"), ["7:1: error[missing-option]"])
        self.assertEqual(self.load(text + "password_file = password\n"), ["7:1: error[missing-option]"])
        self.assertEqual(self.load(both, mode=0o644), ["8:17: warning[readable-key]"])
        for password in ("", "\n", "a\nb\n", "x" * 256, "a\x01"):
            self.assertEqual(self.load(both, password), ["8:17: error[bad-file]"], password)
        self.assertEqual(self.load(both.replace("= password", "= other")), ["8:17: error[bad-file]"])
        self.assertEqual(self.load(text + "password = s3cret\n"), ["7:1: error[unknown-option]"])

    def test_plain_password(self) -> None:
        """A password that crosses the network in plain text is worth a warning; over TLS it is not."""
        text = FORWARD + "parent = hq\n" + PARENT + "username = relay\npassword_file = password\n"
        self.assertEqual(self.load(text), ["8:17: warning[plain-password]"])
        self.assertEqual(self.load(text.replace("http:", "socks5:")), ["8:17: warning[plain-password]"])
        self.assertEqual(self.load(text.replace("http:", "https:")), [])

    def test_loops(self) -> None:
        """A parent that is a listener of the same file."""
        for bind, server, is_loop in (
            ("127.0.0.1:3128", "http://127.0.0.1:3128", True),
            (":3128", "socks5://127.0.0.5:3128", True),
            (":3128", "http://localhost:3128", True),
            (":3128", "http://10.0.0.9:3128", False),
            ("127.0.0.1:3128", "http://127.0.0.1:3129", False),
            ("127.0.0.1:3128", "http://127.0.0.2:3128", False),
            ("unix:/run/a.sock", "unix:/run/a.sock", True),
        ):
            listener = f"[listener:proxy]\nbind = {bind}\nmode = forward\nopen = yes\nparent = hq\n"
            found = self.load(f"{listener}[parent:hq]\nservers = {server}\n")
            self.assertEqual("7:11: error[loop]" in found, is_loop, (bind, server, found))

    def test_domains(self) -> None:
        """A name belongs to one parent, and `direct` is none."""
        other = "[parent:direct]\nservers = http://10.0.0.8:3128\nfor = .b.example .hq.example\n"
        self.assertEqual(
            self.load(FORWARD + PARENT + "for = .hq.example\n" + other),
            ["7:1: error[bad-section]", "9:18: error[two-parents]"],
        )

    def test_what_parents_have_not(self) -> None:
        """Options of backends that say something of who answers are no options of a parent."""
        text = FORWARD + "parent = hq\n" + PARENT
        for line in ("host = a.example", "sticky = cookie A", "breaker = 50% errors in 10s", "hedge = on"):
            self.assertEqual(self.load(text + line + "\n"), ["7:1: error[unknown-option]"], line)

    def test_words_of_others(self) -> None:
        """Who writes `url`, as other programs do, learns our word, though lists have such an option."""
        folder = self.mktemp()
        loaded = load_files(folder, {"relay.ini": FORWARD + "parent = hq\n[parent:hq]\nurl = http://10.0.0.9:3128\n"})
        self.assertIn('did you mean "servers"?', [each.help for each in loaded.diagnostics])

    def test_gateways(self) -> None:
        """A gateway has no parent, and without forward proxies none does anything."""
        gateway = "[listener:web]\nbind = :80\nredirect = https\n"
        self.assertEqual(self.load(gateway + "parent = hq\n" + PARENT), ["4:1: warning[no-effect]"])
        self.assertEqual(self.load(gateway + PARENT + "for = a.example\n"), ["4:1: warning[no-effect]"])

    def test_tree(self) -> None:
        """Parents are no backends."""
        folder = self.mktemp()
        os.mkdir(folder)
        config = config_of(load_files(folder, {"relay.ini": FORWARD + "parent = hq\n" + PARENT + "for = a.example\n"}))
        self.assertEqual((list(config.backends), list(config.parents)), ([], ["hq"]))
        parent = config.parents["hq"]
        self.assertEqual((parent.title, parent.label), ("[parent:hq]", "parent:hq"))
        self.assertEqual(parent.for_, (Domain("a.example", False),))
