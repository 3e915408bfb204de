"""Loading whole files: what comes out, and every mistake at its place."""

from ipaddress import ip_network

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import config_of, load_files, places
from twisted_relay.config.render import as_text
from twisted_relay.config.tree import BackendOptions, Config
from twisted_relay.config.values import (
    Address,
    CheckSpec,
    HostPattern,
    Location,
    PathPattern,
    Redirect,
    ServerSpec,
)

QUICK_START = """\
[listener:web]
bind = 127.0.0.1:8080
backend = app

[backend:app]
servers =
    http://127.0.0.1:3001
    http://127.0.0.1:3002
check = GET /health
"""

EVERY_SECTION = """\
[relay]
grace = 10s

[admin]
stats = 127.0.0.1:9180
allow = 10.0.0.0/8

[metrics]
buckets = 0.1 1

[defaults:listener]
access_log = main

[listener:http]
bind = :80
redirect = https

[listener:web]
bind = :8443
via = off

[route:static]
listener = web
host = example.org
path = /static/* ~^/a$
backend = app

[route:rest]
listener = web
respond = 404
respond_body = Nothing here.\\n

[backend:app]
servers = http://127.0.0.1:3001

[log:main]
to = stderr
format = json
"""

TEN_MISTAKES = """\
[listener:web]
bind = 127.0.0.1:8080 8081
backend = apii
idle_timeout = 2
via = enabled

[backend:api]
servers =
    http://127.0.0.1:3001
    ftp://127.0.0.1:3002
conect_timeout = 2s
queue_timeout = 5s
  pool_idle = 3
max_connections_per_server: 10

[cache:assets]
memory = 256M

[route:a]
path = ~^/(
backend = api
"""


class LoadTests(SynchronousTestCase):
    """What `load` gives."""

    def test_quick_start(self) -> None:
        """The first example of the documentation loads without a word."""
        loaded = load_files(self.mktemp(), {"relay.ini": QUICK_START})
        config = config_of(loaded)
        self.assertEqual(loaded.diagnostics, ())
        self.assertEqual(config.listeners[0].bind, (Address("127.0.0.1", 8080),))
        self.assertEqual(config.listeners[0].where, Location(config.path, 1, 1))
        self.assertEqual(
            config.backends["app"],
            BackendOptions(
                name="app",
                servers=(
                    ServerSpec("127.0.0.1:3001", "http", Address("127.0.0.1", 3001)),
                    ServerSpec("127.0.0.1:3002", "http", Address("127.0.0.1", 3002)),
                ),
                check=CheckSpec("GET", "/health"),
            ),
        )

    def test_every_section(self) -> None:
        """All sections arrive in the tree, with defaults and in their order."""
        loaded = load_files(self.mktemp(), {"relay.ini": EVERY_SECTION})
        config = config_of(loaded)
        self.assertEqual(loaded.diagnostics, ())
        self.assertEqual((config.relay.grace, config.relay.shutdown_delay), (10.0, 0.0))
        self.assertEqual(config.admin.allow, (ip_network("10.0.0.0/8"),))
        self.assertEqual(config.metrics.buckets, (0.1, 1.0))
        self.assertEqual([each.access_log for each in config.listeners], ["main", "main"])
        self.assertEqual(config.listeners[0].redirect, Redirect(308, "https://{host}{uri}"))
        self.assertEqual([each.name for each in config.routes], ["static", "rest"])
        self.assertEqual(config.routes[0].host, (HostPattern("exact", "example.org"),))
        self.assertEqual(config.routes[0].path, (PathPattern("prefix", "/static"), PathPattern("regex", "^/a$")))
        self.assertEqual(config.routes[1].respond_body, "Nothing here.\n")
        self.assertEqual(config.logs["main"].format, "json")

    def test_ten_mistakes(self) -> None:
        """Ten different mistakes are ten errors, each at its line and column, and nothing else."""
        loaded = load_files(self.mktemp(), {"relay.ini": TEN_MISTAKES})
        self.assertIs(loaded.config, None)
        self.assertEqual(
            places(loaded),
            [
                "2:23: error[bad-value]",
                "3:11: error[no-such-name]",
                "4:16: error[bad-value]",
                "5:7: error[bad-value]",
                "10:5: error[bad-value]",
                "11:1: error[unknown-option]",
                "13:3: error[bad-value]",
                "14:1: error[bad-line]",
                "16:1: error[unknown-section]",
                "20:8: error[bad-value]",
            ],
        )

    def test_messages(self) -> None:
        """They say what is wrong, show it, and say what would be right."""
        loaded = load_files(self.mktemp(), {"relay.ini": TEN_MISTAKES})
        text = "\n".join(as_text(each) for each in loaded.diagnostics)
        for expected in (
            'relay.ini:4:16: error[bad-value]: idle_timeout: "2" is not valid\n'
            "  |\n"
            "4 | idle_timeout = 2\n"
            "  |                ^\n"
            "  = help: write a time with a unit, such as 500ms, 10s, 5m or 1h30m (2s or 2ms?)\n",
            'no [backend:apii] section\n  |\n3 | backend = apii\n  |           ^^^^\n  = help: did you mean "api"?\n',
            'unknown option "conect_timeout" in [backend:api]\n',
            '= help: did you mean "connect_timeout"?\n',
            "= help: start it in the first column to make it an option of its own\n",
            "= help: write max_connections_per_server = 10\n",
            "unknown section [cache:assets]\n",
            "is not a regular expression: missing ), unterminated subpattern at position 2\n",
        ):
            self.assertIn(expected, text)

    def test_without_a_listener(self) -> None:
        """An error, said once, as nothing would be served; also for an empty file."""
        for text in ("# nothing\n", "", "[backend:app]\nservers = http://a\n", "[admin]\nstats = :0\n"):
            loaded = load_files(self.mktemp(), {"relay.ini": text})
            self.assertEqual(places(loaded), ["0:0: error[no-listener]"], text)
            self.assertIs(loaded.config, None)

    def test_options_of_other_sections(self) -> None:
        """The help says where an option belongs, by its name here or in other proxies."""
        for line, help in (
            ("path = /a", "it is an option of [route]"),
            ("server_name = a.example", 'did you mean "host" of a [route:NAME]?'),
            ("upstreams = a", ""),
        ):
            loaded = load_files(self.mktemp(), {"relay.ini": f"[listener:web]\nbind = :80\nredirect = https\n{line}\n"})
            self.assertEqual([each.help for each in loaded.diagnostics], [help], line)

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(
            st.sampled_from(
                [*QUICK_START.splitlines(), *EVERY_SECTION.splitlines(), *TEN_MISTAKES.splitlines(), "\x00", " ="]
            )
        )
    )
    def test_no_lines_raise(self, lines: list[str]) -> None:
        """Whatever stands in a file, there is a configuration or an error."""
        loaded = load_files(self.mktemp(), {"relay.ini": "\n".join(lines)})
        wrong = any(each.severity == "error" for each in loaded.diagnostics)
        self.assertEqual(loaded.config is None, wrong)

    def test_defaults_without_a_file(self) -> None:
        """A tree can be made by hand, as tests of other modules do."""
        self.assertEqual(Config().relay.grace, 30.0)
        self.assertEqual(Config(backends={"b": BackendOptions(name="b")}).backends["b"].retries, 2)
