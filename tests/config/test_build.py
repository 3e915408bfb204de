"""Sections of what was read: headers, known options, defaults, required options."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import config_of, load_files, only, places
from twisted_relay.config import Loaded

BASE = "[listener:web]\nbind = :80\nredirect = https\n"
APP = "[backend:app]\nservers = http://a\n"


class BuildTests(SynchronousTestCase):
    """Each section by itself."""

    def load(self, text: str) -> Loaded:
        """A file of a right listener, and this from line 4 on."""
        return load_files(self.mktemp(), {"relay.ini": BASE + text})

    def test_headers(self) -> None:
        """Unknown types, names where none belong, none where one belongs, defaults for nothing."""
        for header, code, help in (
            ("[backends:a]", "unknown-section", 'did you mean "backend"?'),
            ("[upstream:a]", "unknown-section", 'did you mean "backend"?'),
            ("[frontend:a]", "unknown-section", 'did you mean "listener"?'),
            (
                "[cache:x]",
                "unknown-section",
                "known are relay, admin, metrics, accounting, dns, listener, tls, route, backend, rules, parent, list, "
                "auth, log, defaults",
            ),
            ("[relay:a]", "bad-section", "write [relay]"),
            ("[backend]", "bad-section", "write [backend:NAME]"),
            ("[defaults]", "unknown-section", "write one of [defaults:listener]"),
            ("[defaults:relay]", "unknown-section", "write one of [defaults:listener]"),
            ("[defaults:backends]", "unknown-section", 'did you mean "backend"?'),
        ):
            diagnostic = only(self.load(f"{header}\nanything = 1\n"))
            self.assertEqual((diagnostic.code, diagnostic.line, diagnostic.column), (code, 4, 1), header)
            self.assertIn(help, diagnostic.help)

    def test_twice(self) -> None:
        """Sections and options stand once; the first place is named."""
        section = only(self.load("[log:a]\nto = off\n[log:a]\nto = stderr\n"))
        self.assertEqual((section.line, section.code), (6, "duplicate-section"))
        self.assertTrue(section.help.endswith("relay.ini:4:1"))
        option = only(self.load("[log:a]\nto = off\nto = stderr\n"))
        self.assertEqual((option.line, option.code), (6, "duplicate-option"))
        self.assertTrue(option.help.endswith("relay.ini:5:1"))

    def test_unknown_options(self) -> None:
        """The nearest is named, or where the option belongs, or what secrets need."""
        for line, help in (
            ("sevrers = x", 'did you mean "servers"?'),
            ("backlog = 1", "it is an option of [listener]"),
            ("password = x", "secrets never stand in the file"),
            ("zebra = x", ""),
        ):
            diagnostic = only(self.load(APP + line))
            self.assertEqual((diagnostic.code, diagnostic.line, diagnostic.column), ("unknown-option", 6, 1))
            self.assertIn(help, diagnostic.help)

    def test_required(self) -> None:
        """What must be given is asked for at the section, unless it was given wrongly."""
        diagnostic = only(self.load("[log:a]\nformat = json\n"))
        self.assertEqual((diagnostic.line, diagnostic.code), (4, "missing-option"))
        self.assertEqual(diagnostic.help, "for example: to = /var/log/relay/access.log")
        for line in ("too = x", "to: x", "To = x", "to ="):
            self.assertNotEqual(only(self.load(f"[log:a]\n{line}\n")).code, "missing-option", line)

    def test_no_value(self) -> None:
        """Nothing after the equals sign is refused, also when a variable is empty."""
        for value in ("", "# off", "${X:-}", "${X:-} ${X:-}"):
            diagnostic = only(self.load(f"[relay]\ngrace = {value}\n"))
            self.assertEqual(diagnostic.message, "grace: has no value")
            self.assertEqual(diagnostic.help, "leave the line out to get the default")

    def test_several_faults_of_one_value(self) -> None:
        """Each wrong word of a list is reported."""
        self.assertEqual(
            places(self.load("[admin]\nstats = 80 :81 x\nallow =\n    1.2.3\n    ::1\n    y z\n")),
            [f"{place}: error[bad-value]" for place in ("5:9", "5:16", "7:5", "9:5", "9:7")],
        )

    def test_an_indented_option(self) -> None:
        """One error when it makes no sense where it stands, a warning when it does."""
        diagnostic = only(self.load("[relay]\ngrace = 1s\n  shutdown_delay = 2s\n"))
        self.assertEqual((diagnostic.line, diagnostic.column, diagnostic.severity), (6, 3, "error"))
        diagnostic = only(self.load("[route:a]\nrespond = 200\nrespond_body =\n  x = 1\n"))
        self.assertEqual((diagnostic.line, diagnostic.severity, diagnostic.code), (7, "warning", "looks-like-option"))


class DefaultsTests(SynchronousTestCase):
    """`[defaults:TYPE]`."""

    def load(self, text: str) -> Loaded:
        """A file of exactly this."""
        return load_files(self.mktemp(), {"relay.ini": text})

    def test_for_all_sections_of_a_type(self) -> None:
        """Wherever they stand; what a section says itself goes before."""
        text = BASE + "[backend:a]\nservers = http://a\nretries = 7\n[backend:b]\nservers = http://b\n"
        routes = "[route:a]\npath = /a\nbackend = a\n[route:b]\npath = /b\nbackend = b\n"
        backends = config_of(self.load(text + routes + "[defaults:backend]\nretries = 5\nidle_timeout = 1s\n")).backends
        self.assertEqual([(each.retries, each.idle_timeout) for each in backends.values()], [(7, 1.0), (5, 1.0)])

    def test_required_options(self) -> None:
        """They may come from the defaults, and need not stand there."""
        text = BASE + "[defaults:log]\nto = off\n[log:a]\nformat = json\n[defaults:backend]\nretries = 1\n"
        self.assertEqual(places(self.load(text)), ["6:1: warning[unused-section]"])

    def test_mistakes_are_reported_once(self) -> None:
        """At the defaults, not for each section."""
        text = "[defaults:log]\nformat = xml\nzebra = 1\n[log:a]\nto = off\n[log:b]\nto = stderr\n"
        self.assertEqual(places(self.load(text + BASE)), ["2:10: error[bad-value]", "3:1: error[unknown-option]"])

    def test_names_are_checked_once(self) -> None:
        """A name in defaults that does not exist is one mistake."""
        text = BASE + "[listener:b]\nbind = :81\nredirect = https\n[defaults:listener]\naccess_log = nowhere\n"
        self.assertEqual(places(self.load(text)), ["8:14: error[no-such-name]"])

    def test_destination_of_a_route(self) -> None:
        """One of its own puts the default destination aside."""
        text = BASE + "[backend:a]\nservers = http://a\n[defaults:route]\nbackend = a\n"
        config = config_of(self.load(text + "[route:a]\npath = /a\n[route:b]\npath = /b\nrespond = 200\n"))
        self.assertEqual([(each.backend, each.respond) for each in config.routes], [("a", None), ("", 200)])
