"""Addresses that are bound twice."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import load_files, only, places

BOUND = """\
[listener:web]
bind = {}
redirect = https

[listener:b]
bind = {}
redirect = https
"""
TAKEN = (
    (":80", ":80"),
    (":8080", "127.0.0.1:8080"),
    (":8080", "0.0.0.0:8080"),
    (":8080", "[::1]:8080"),
    (":8080", "[::]:8080"),
    (":8080", "localhost:8080"),
    ("127.0.0.1:8080", ":8080"),
    ("0.0.0.0:8080", "127.0.0.2:8080"),
    ("[::]:8080", "127.0.0.1:8080"),
    ("127.0.0.1:8080", "localhost:8080"),
    ("unix:/run/a.sock", "unix:/run/a.sock"),
)
APART = (
    (":80", "127.0.0.1:81"),
    ("127.0.0.1:80", "127.0.0.2:80"),
    ("127.0.0.1:80", "[::1]:80"),
    ("0.0.0.0:80", "[::1]:80"),
    (":0", ":0 127.0.0.1:0"),
    ("unix:/run/a.sock", "unix:/run/b.sock"),
)


class BindTests(SynchronousTestCase):
    """One address, one listener."""

    def test_taken(self) -> None:
        """The same port of an interface, also by way of all interfaces, is an error that names the first one."""
        for first, second in TAKEN:
            loaded = load_files(self.mktemp(), {"x.ini": BOUND.format(first, second)})
            self.assertEqual(places(loaded), ["6:8: error[duplicate-bind]"], (first, second))
            found = only(loaded)
            self.assertEqual(found.message, f'"{second}" is bound a second time')
            self.assertEqual(found.help, f'"{first}" at {found.file}:2:8 takes it already')

    def test_apart(self) -> None:
        """Other ports, interfaces, families and sockets do not hinder each other; port 0 is a free one each time."""
        for first, second in APART:
            loaded = load_files(self.mktemp(), {"x.ini": BOUND.format(first, second)})
            self.assertEqual(places(loaded), [], (first, second))

    def test_in_one_listener(self) -> None:
        """The addresses of one listener are compared, too; it is the later one that is pointed at."""
        loaded = load_files(self.mktemp(), {"x.ini": BOUND.format(":80", ":81 127.0.0.1:81")})
        self.assertEqual(places(loaded), ["6:12: error[duplicate-bind]"])

    def test_the_private_listener(self) -> None:
        """`stats` of [admin] is an address as others are."""
        text = BOUND.format(":80", ":81") + "[admin]\nstats = 127.0.0.1:81\n"
        self.assertEqual(places(load_files(self.mktemp(), {"x.ini": text})), ["9:9: error[duplicate-bind]"])

    def test_the_control_socket(self) -> None:
        """`bind` of [admin] cannot be the socket of its `stats`, nor that of a listener."""
        for first, stats in (("unix:/run/a.sock", ""), (":80", "stats = unix:/run/a.sock\n")):
            text = BOUND.format(first, ":81") + f"[admin]\nbind = unix:/run/a.sock\n{stats}"
            found = places(load_files(self.mktemp(), {"x.ini": text}))
            self.assertEqual(found, ["10:9: error[duplicate-bind]" if stats else "9:8: error[duplicate-bind]"])
