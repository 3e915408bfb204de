"""What sections say about each other, and warnings."""

import os
from datetime import UTC, datetime
from pathlib import Path

import trustme
from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import config_of, load_files, only, places
from twisted_relay.config import Loaded

LISTENER = "[listener:web]\nbind = :80\nbackend = app\n"
BACKEND = "[backend:app]\nservers = http://a\n"
HTTPS = "[backend:app]\nservers = https://a\n"


class Files(SynchronousTestCase):
    """Loads a listener and a backend, and more after them."""

    def load(self, more: str, base: str = LISTENER + BACKEND) -> Loaded:
        """The further lines begin in line 6."""
        return load_files(self.mktemp(), {"relay.ini": base + more})


class NameTests(Files):
    """Names of sections."""

    def test_every_reference(self) -> None:
        """Listeners, routes: each name must be there; it is pointed at."""
        for line, column, message in (
            ("listener = web wbe", 16, "no [listener:wbe] section"),
            ("backend = apq", 11, "no [backend:apq] section"),
        ):
            diagnostic = only(self.load(f"[route:a]\n{line}\n" + ("respond = 200" if "listener" in line else "")))
            place = (diagnostic.code, diagnostic.line, diagnostic.column, diagnostic.message)
            self.assertEqual(place, ("no-such-name", 7, column, message))

    def test_help(self) -> None:
        """The nearest name, or all of them, or how to write the section."""
        listener = "[listener:b]\nbind = :81\nredirect = https\n"
        for line, help in (
            ("backend = ap", 'did you mean "app"?'),
            ("backend = apq", 'did you mean "app"?'),
            ("backend = zebra", "there are: app"),
            ("tls = www", "write [tls:www]"),
            ("access_log = main", "write [log:main]"),
        ):
            self.assertEqual(only(self.load(listener + line)).help, help)

    def test_help_lists_each_name_once(self) -> None:
        """A name that two sections have is no second choice."""
        loaded = self.load("[listener:b]\nbind = :81\nbackend = zebra\n" + BACKEND)
        self.assertEqual([each.help for each in loaded.diagnostics if each.code == "no-such-name"], ["there are: app"])

    def test_off_is_no_name(self) -> None:
        """`access_log = off` names nothing."""
        listener = "[listener:b]\nbind = :81\nredirect = https\naccess_log = off\n"
        self.assertEqual(config_of(self.load(listener)).listeners[1].access_log, "")

    def test_unused(self) -> None:
        """Nothing names it."""
        diagnostic = only(self.load("[log:main]\nto = stderr\n"))
        self.assertEqual((diagnostic.code, diagnostic.severity, diagnostic.line), ("unused-section", "warning", 6))
        self.assertEqual(places(self.load("[backend:b]\nservers = http://b\n")), ["6:1: warning[unused-section]"])

    def test_no_conclusions_after_errors(self) -> None:
        """A misspelled name is one error, and no warning that the right one is unused."""
        self.assertEqual(places(self.load("", LISTENER.replace("app", "ap") + BACKEND)), ["3:11: error[no-such-name]"])


class ListenerTests(Files):
    """Listeners."""

    def test_nothing_to_do(self) -> None:
        """Neither backend nor redirect, and no route is for it."""
        web = "[listener:web]\nbind = :80\n"
        routed = "[route:a]\nlistener = {}\nrespond = 200\n"
        other = "[listener:other]\nbind = :81\nredirect = https\n"
        for text, expected in (
            (web, ["1:1: warning[no-destination]"]),
            (web + "redirect = https", []),
            (web + "[route:a]\nrespond = 200\n", []),
            (web + other + routed.format("web"), []),
            (web + other + routed.format("other"), ["1:1: warning[no-destination]"]),
        ):
            self.assertEqual(places(self.load("", text)), expected, text)

    def test_redirect_to_itself(self) -> None:
        """From https to https leads nowhere."""
        folder = Path(self.mktemp()).absolute()
        write_pair(folder, trustme.CA().issue_cert("a.example"))
        text = "[listener:b]\nbind = :443\ntls = t\nredirect = https\n"
        text += f"[tls:t]\ncert = {folder}/cert.pem\nkey = {folder}/key.pem\n"
        self.assertEqual(places(self.load(text)), ["9:12: warning[redirect-loop]"])


class RouteTests(Files):
    """Routes."""

    def test_one_destination(self) -> None:
        """Exactly one; the second is pointed at."""
        for lines, expected in (
            ("path = /a", ["6:1: error[no-destination]"]),
            ("respond = 200\nbackend = app", ["8:1: error[two-destinations]"]),
            (
                "backend = app\nredirect = https\nrespond = 200",
                ["8:1: error[two-destinations]", "9:1: error[two-destinations]"],
            ),
            ("backend = app", []),
            ("respond = 20", ["7:11: error[bad-value]"]),
        ):
            self.assertEqual(places(self.load(f"[route:a]\n{lines}\n")), expected, lines)

    def test_options_without_meaning(self) -> None:
        """Of answers when it does not answer (an error), of forwarding when it does not forward (a warning)."""
        for lines, expected in (
            ("backend = app\nrespond_body = x", ["8:1: error[needs-respond]"]),
            ("respond = 200\nstrip_prefix = /a", ["8:1: warning[no-effect]"]),
            ("redirect = https\nset_request_header = A: b", ["8:1: warning[no-effect]"]),
            ("respond = 200\nset_response_header = A: b", []),
        ):
            self.assertEqual(places(self.load(f"[route:a]\n{lines}\n")), expected, lines)

    def test_files(self) -> None:
        """The file of an answer is looked at: there, a file, not too large, and not beside a text."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "page").write_bytes(b"x" * 1024 * 1024)
        (folder / "large").write_bytes(b"x" * (1024 * 1024 + 1))
        for name, message in (
            ("page", ""),
            ("large", "is larger than 1 MiB"),
            (".", "is not a file"),
            ("no", "No such file"),
        ):
            loaded = self.load(f"[route:a]\nrespond = 200\nrespond_file = {folder}/{name}\n")
            self.assertEqual([message in each.message for each in loaded.diagnostics], [True] * bool(message), name)
        both = self.load(f"[route:a]\nrespond = 200\nrespond_body = a\nrespond_file = {folder}/page\n")
        self.assertEqual(places(both), ["9:1: error[two-contents]"])

    def test_secrets(self) -> None:
        """Credentials stand in the environment, not in the file."""
        header = "[route:a]\nbackend = app\nset_request_header =\n  X-A: b\n  Authorization: Bearer {}\n"
        self.assertEqual(places(self.load(header.format("abc"))), ["10:3: warning[inline-secret]"])
        loaded = load_files(
            self.mktemp(), {"relay.ini": LISTENER + BACKEND + header.format("${TOKEN}")}, {"TOKEN": "abc"}
        )
        self.assertEqual(places(loaded), [])
        self.assertEqual(config_of(loaded).routes[0].set_request_header[1].value, "Bearer abc")
        check = self.load("check = GET /\ncheck_header = Authorization: Bearer abc\n")
        self.assertEqual(places(check), ["7:16: warning[inline-secret]"])


class BackendTests(Files):
    """Backends."""

    def test_no_verification(self) -> None:
        """It is said what that means."""
        diagnostic = only(self.load("tls_verify = off\n", LISTENER + HTTPS))
        self.assertEqual((diagnostic.severity, diagnostic.code, diagnostic.line), ("warning", "no-verification", 6))
        self.assertIn("anyone on the path can read and change what is sent", diagnostic.help)

    def test_tls_without_https(self) -> None:
        """Options of TLS do nothing for plain servers."""
        self.assertEqual(places(self.load("tls_name = a\n")), ["6:1: warning[no-effect]"])
        self.assertEqual(places(self.load("tls_name = a\n", LISTENER + HTTPS)), [])

    def test_client_certificate(self) -> None:
        """Certificate and key go together, and are read."""
        self.assertEqual(places(self.load("tls_cert = /x\n", LISTENER + HTTPS)), ["6:1: error[missing-option]"])
        self.assertEqual(
            places(self.load("tls_cert = /x\ntls_key = /y\ntls_ca = /z\n", LISTENER + HTTPS)),
            ["6:12: error[bad-file]", "7:11: error[bad-file]", "8:10: error[bad-file]"],
        )


def write_pair(folder: Path, issued: trustme.LeafCert) -> None:
    """`cert.pem` and `key.pem`, the key for its owner only."""
    folder.mkdir(exist_ok=True)
    (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    os.chmod(folder / "key.pem", 0o600)


class CertificateTests(Files):
    """Certificates of listeners."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.authority = trustme.CA()
        write_pair(self.folder, self.authority.issue_cert("a.example"))

    def check(self, cert: str = "cert.pem", key: str = "key.pem") -> Loaded:
        """A listener with these files; cert stands in line 5, key in line 6."""
        text = "[listener:web]\nbind = :443\ntls = www\n[tls:www]\n"
        return self.load(
            "redirect = /a\n", text + f"cert = {self.folder}/{cert}\nkey = {self.folder}/{key}\n[defaults:listener]\n"
        )

    def test_good(self) -> None:
        """A certificate with its key says nothing."""
        self.assertEqual(places(self.check()), [])

    def test_unusable(self) -> None:
        """Missing and unreadable files are named."""
        (self.folder / "bad.pem").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
        for cert, key, place in (
            ("no.pem", "key.pem", "5:8"),
            ("bad.pem", "key.pem", "5:8"),
            ("key.pem", "key.pem", "5:8"),
            ("cert.pem", "no.pem", "6:7"),
            ("cert.pem", "bad.pem", "6:7"),
            ("cert.pem", "cert.pem", "6:7"),
        ):
            loaded = self.check(cert, key)
            self.assertEqual(places(loaded), [f"{place}: error[bad-file]"])
            self.assertIn(str(self.folder / (cert if place == "5:8" else key))[:30], loaded.diagnostics[0].message)

    def test_key_of_another(self) -> None:
        """The key must belong to the certificate."""
        self.authority.issue_cert("b.example").private_key_pem.write_to_path(str(self.folder / "key.pem"))
        self.assertEqual(places(self.check()), ["6:7: error[key-mismatch]"])

    def test_expired(self) -> None:
        """A warning: it may be renewed while relay runs."""
        issued = self.authority.issue_cert(
            "a.example", not_after=datetime(2001, 2, 3, tzinfo=UTC), not_before=datetime(2001, 1, 1, tzinfo=UTC)
        )
        write_pair(self.folder, issued)
        diagnostic = only(self.check())
        self.assertEqual((diagnostic.severity, diagnostic.line), ("warning", 5))
        self.assertEqual(diagnostic.message, "the certificate expired on 2001-02-03")

    def test_readable_key(self) -> None:
        """A warning when every user can read the key."""
        os.chmod(self.folder / "key.pem", 0o644)
        self.assertEqual(places(self.check()), ["6:7: warning[readable-key]"])


class LogTests(Files):
    """Logs."""

    def test_a_directory_that_is_not_there(self) -> None:
        """A warning with the command that makes it: relay would not start."""
        folder = Path(self.mktemp()).absolute()
        log = f"[log:a]\nto = {folder}/access.log\n[defaults:listener]\naccess_log = a\n"
        diagnostic = only(self.load(log))
        place = (diagnostic.severity, diagnostic.code, diagnostic.line, diagnostic.column)
        self.assertEqual(place, ("warning", "bad-file", 7, 6))
        self.assertIn("there is no directory", diagnostic.message)
        self.assertEqual(diagnostic.help, f"make the directory: mkdir -p {folder}")
        folder.mkdir()
        self.assertEqual(places(self.load(log)), [])

    def test_one_file_one_log(self) -> None:
        """Two writers of one file would spoil its rotation."""
        self.assertEqual(places(self.load("[log:a]\nto = /x\n[log:b]\nto = /x\n")), ["9:6: error[duplicate-log]"])


class DiscoveryTests(Files):
    """Backends that look for their servers."""

    def load_backend(self, text: str) -> Loaded:
        """A backend with these options; the first stands in line 5."""
        return self.load(text, base=LISTENER + "[backend:app]\n")

    def test_servers_or_discover(self) -> None:
        """A backend has one or the other, or both."""
        for text in (
            "servers = http://a\n",
            "discover = dns+a://a:80\n",
            "servers = http://a\ndiscover = dns+srv://_http._tcp.a\n",
        ):
            self.assertEqual(places(self.load_backend(text)), [], text)
        diagnostic = only(self.load_backend("balance = round-robin\n"))
        self.assertEqual((diagnostic.code, diagnostic.line, diagnostic.column), ("missing-option", 4, 1))
        self.assertEqual(diagnostic.message, '[backend:app] needs the option "servers" or "discover"')

    def test_a_fault_is_no_missing_option(self) -> None:
        """Who has written one of them wrongly is told that, and nothing more."""
        for text in ("discover = x\ndiscover_hold = 1s\n", "servers = x\n"):
            self.assertEqual(len(self.load_backend(text).diagnostics), 1, text)

    def test_a_hold_without_the_dns(self) -> None:
        """`discover_hold` is for answers of the DNS."""
        path = os.path.abspath(self.mktemp())
        Path(path).write_text("http://a\n")
        for text in ("servers = http://a\n", f"discover = file:{path}\n"):
            diagnostic = only(self.load_backend(f"{text}discover_hold = 1s\n"))
            self.assertEqual((diagnostic.severity, diagnostic.code, diagnostic.line), ("warning", "no-effect", 6))

    def test_files(self) -> None:
        """A file that is missing, empty or wrong for now is warned of; its faults are told."""
        path = os.path.abspath(self.mktemp())
        for content, words in (
            (None, "No such file or directory"),
            ("", "has no server in it"),
            ("http://a\nb htp://c\n", f'{path}:2:3: "htp://c" is not valid'),
        ):
            if content is not None:
                Path(path).write_text(content)
            diagnostic = only(self.load_backend(f"discover = file:{path}\n"))
            place = (diagnostic.severity, diagnostic.code, diagnostic.line, diagnostic.column)
            self.assertEqual(place, ("warning", "bad-file", 5, 12))
            self.assertIn(words, diagnostic.message)

    def test_tls_options(self) -> None:
        """They mean something when servers that are found may speak TLS."""
        path = os.path.abspath(self.mktemp())
        Path(path).write_text("https://a\n")
        for place, effect in (("dns+a://a:80", False), ("dns+a://a:443 scheme=https", True), (f"file:{path}", True)):
            found = places(self.load_backend(f"discover = {place}\ntls_name = a.example\n"))
            self.assertEqual(found, [] if effect else ["6:1: warning[no-effect]"], place)


class DnsTests(Files):
    """`[dns]`."""

    def test_name_servers(self) -> None:
        """Addresses with port 53 unless another is given."""
        options = config_of(self.load("[dns]\nservers = 10.0.0.2 [::1]:5353 ::1\n    10.0.0.3:54\ntimeout = 1s\n")).dns
        self.assertEqual(
            [(each.host, each.port) for each in options.servers],
            [("10.0.0.2", 53), ("::1", 5353), ("::1", 53), ("10.0.0.3", 54)],
        )
        self.assertEqual(options.timeout, 1.0)

    def test_what_is_remembered(self) -> None:
        """The hosts file is a path or off; times, order and number of names are read."""
        text = "hosts = off\nsearch = on\nprefer = ipv4\nmin_ttl = 5s\nmax_ttl = 1h\nnegative_ttl = 2s\n"
        text += "stale = 0\ncache = 9\n"
        options = config_of(self.load(f"[dns]\n{text}")).dns
        self.assertEqual((options.hosts, options.search, options.prefer), ("", True, "ipv4"))
        self.assertEqual((options.min_ttl, options.max_ttl, options.negative_ttl), (5.0, 3600.0, 2.0))
        self.assertEqual((options.stale, options.cache), (0.0, 9))
        self.assertEqual(config_of(self.load("[dns]\nhosts = /run/hosts\n")).dns.hosts, "/run/hosts")

    def test_the_shortest_is_longer_than_the_longest(self) -> None:
        """Contradicting times are warned of, where one of them stands."""
        for text, place in (
            ("min_ttl = 2d", "7:11"),
            ("max_ttl = 500ms", "7:11"),
            ("max_ttl = 1s\nmin_ttl = 2s", "8:11"),
        ):
            self.assertEqual(places(self.load(f"[dns]\n{text}\n")), [f"{place}: warning[no-effect]"], text)

    def test_faults(self) -> None:
        """Names, and more than eight, are refused."""
        for text, place in (
            ("servers = ns.example", "7:11"),
            ("servers = 10.0.0.2 10.0.0.2:0", "7:20"),
            ("servers = [::1", "7:11"),
            ("servers = " + "::1 " * 9, "7:43"),
            ("timeout = 0", "7:11"),
            ("min_ttl = 0", "7:11"),
            ("max_ttl = 5", "7:11"),
            ("prefer = ipv5", "7:10"),
            ("cache = 0", "7:9"),
        ):
            self.assertEqual(places(self.load(f"[dns]\n{text}\n")), [f"{place}: error[bad-value]"], text)
