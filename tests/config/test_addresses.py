"""Addresses to bind, networks, host names and servers."""

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config import addresses
from twisted_relay.config.values import Address, ServerSpec, UnixAddress


class BindTests(SynchronousTestCase):
    """Where a listener listens."""

    def test_forms(self) -> None:
        """Addresses, all interfaces, IPv6, localhost, UNIX sockets, a free port."""
        for text, address in (
            ("127.0.0.1:80", Address("127.0.0.1", 80)),
            (":8080", Address("", 8080)),
            ("[::1]:80", Address("::1", 80)),
            ("[0:0::1]:80", Address("::1", 80)),
            ("localhost:0", Address("localhost", 0)),
            ("unix:/run/x.sock", UnixAddress("/run/x.sock")),
        ):
            self.assertEqual(parse(addresses.BINDS, text), (address,), text)

    def test_several(self) -> None:
        """On one line or several; each wrong one is reported."""
        self.assertEqual(len(parse(addresses.BINDS, ":80 :81\n:82")), 3)
        faults = faults_of(addresses.BINDS, ":80 80 x\n:99999")
        self.assertEqual(
            [(each.span.line, each.span.column) for each in faults if each.span], [(1, 11), (1, 14), (2, 7)]
        )

    def test_a_port_alone(self) -> None:
        """`80` and `*:80` are usual elsewhere; the help shows how to say it here."""
        for text in ("80", "*:80"):
            self.assertEqual(faults_of(addresses.BINDS, text)[0].help, "write :80 for all interfaces")

    def test_refused(self) -> None:
        """Names, ports beyond 65535, bare IPv6, relative and too long socket paths, URLs."""
        for text in (
            "example.org:80",
            ":65536",
            "::1",
            "::1:80",
            "[::1]",
            "[1.2.3.4]:80",
            "256.0.0.1:80",
            "1.2.3:80",
            "127.0.0.1",
            "unix:run/x",
            "unix:",
            "unix:/" + "x" * 107,
            "http://a:80",
            "a@b:80",
            ":٨٠",
        ):
            self.assertTrue(faults_of(addresses.BINDS, text), text)


class ControlSocketTests(SynchronousTestCase):
    """Where control is."""

    def test_a_socket(self) -> None:
        """It is a UNIX socket, and is shown as it is written."""
        self.assertEqual(parse(addresses.CONTROL_SOCKET, "unix:/run/a.sock"), UnixAddress("/run/a.sock"))
        self.assertEqual(addresses.CONTROL_SOCKET.show(UnixAddress("/run/a.sock")), "unix:/run/a.sock")
        self.assertEqual(addresses.CONTROL_SOCKET.show(None), "")

    def test_refused(self) -> None:
        """TCP is refused, with the option that takes it; so is a path that is not absolute, or a second socket."""
        for text, help in (
            (
                "127.0.0.1:9181",
                "write unix:/PATH: control is not offered over TCP; metrics and health are, with stats = "
                "127.0.0.1:9181",
            ),
            ("/run/a.sock", "write unix:/PATH: control is not offered over TCP"),
            ("unix:a.sock", "write the absolute path of a socket, at most 107 bytes: unix:/run/x.sock"),
        ):
            self.assertEqual(faults_of(addresses.CONTROL_SOCKET, text)[0].help, help)
        self.assertTrue(faults_of(addresses.CONTROL_SOCKET, "unix:/a unix:/b"))


class NetworkTests(SynchronousTestCase):
    """Groups of addresses."""

    def test_forms(self) -> None:
        """Networks and single addresses of both families."""
        self.assertEqual(
            parse(addresses.NETWORKS, "10.0.0.0/8 1.2.3.4 ::1 fd00::/8"),
            tuple(map(ip_network, ("10.0.0.0/8", "1.2.3.4/32", "::1/128", "fd00::/8"))),
        )

    def test_bits_beyond_the_prefix(self) -> None:
        """The network that was probably meant is named."""
        (fault,) = faults_of(addresses.NETWORKS, "10.1.2.3/8")
        self.assertIn("did you mean 10.0.0.0/8?", fault.help)

    def test_refused(self) -> None:
        """Names, prefixes that do not exist, netmasks, ranges, zones."""
        for text in (
            "localhost",
            "10.0.0.0/33",
            "10.0.0.0/255.0.0.0",
            "10.0.0.1-5",
            "fe80::1%eth0",
            "10",
            "/8",
            "10.0.0/8",
        ):
            self.assertTrue(faults_of(addresses.NETWORKS, text), text)

    def test_shown(self) -> None:
        """Single addresses are shown without their prefix length."""
        self.assertEqual(addresses.NETWORKS.show(parse(addresses.NETWORKS, "::1 10.0.0.0/8")), "::1 10.0.0.0/8")


class HostTests(SynchronousTestCase):
    """Names of hosts, with and without a port."""

    def test_authorities(self) -> None:
        """Names, addresses, ports; in lower case."""
        for text, read in (
            ("Example.org", "example.org"),
            ("a:80", "a:80"),
            ("[::1]:8", "[::1]:8"),
            ("1.2.3.4", "1.2.3.4"),
        ):
            self.assertEqual(parse(addresses.AUTHORITY, text), read)
        for text in ("a b", "a:b", "a:99999", "http://a", "a/b", "-a", "a..b", "ü.de", "1.2.3.4.5", ":80", "a" * 254):
            self.assertTrue(faults_of(addresses.AUTHORITY, text), text)

    def test_choice(self) -> None:
        """Two words mean something else than a name."""
        for text in ("preserve", "backend", "example.org:81"):
            self.assertEqual(parse(addresses.HOST_CHOICE, text), text)

    def test_host_name(self) -> None:
        """A name for SNI has no port."""
        self.assertEqual(parse(addresses.HOST_NAME, "API.example.org"), "api.example.org")
        self.assertTrue(faults_of(addresses.HOST_NAME, "api:443"))


class ServerTests(SynchronousTestCase):
    """The servers of a backend."""

    def test_forms(self) -> None:
        """Name, URL, weight, backup; ports and names by default."""
        for text, server in (
            ("http://127.0.0.1:3001", ServerSpec("127.0.0.1:3001", "http", Address("127.0.0.1", 3001))),
            ("http://App.local", ServerSpec("App.local", "http", Address("app.local", 80))),
            ("https://a", ServerSpec("a", "https", Address("a", 443))),
            ("https://[::1]:8443", ServerSpec("[::1]:8443", "https", Address("::1", 8443))),
            ("unix:/run/a.sock", ServerSpec("unix:/run/a.sock", "http", UnixAddress("/run/a.sock"))),
            ("s1 http://a:1 weight=2", ServerSpec("s1", "http", Address("a", 1), weight=2)),
            ("s1 http://a:1 backup weight=0", ServerSpec("s1", "http", Address("a", 1), weight=0, backup=True)),
            ("http://a:1 backup", ServerSpec("a:1", "http", Address("a", 1), backup=True)),
        ):
            self.assertEqual(parse(addresses.SERVERS, text), (server,), text)
            self.assertEqual(parse(addresses.SERVERS, addresses.SERVERS.show((server,))), (server,), text)

    def test_lists(self) -> None:
        """One on each line, or several URLs on one."""
        self.assertEqual(len(parse(addresses.SERVERS, "http://a\nb http://b\nunix:/c")), 3)
        self.assertEqual(
            [each.name for each in parse(addresses.SERVERS, "http://a:1 http://b unix:/c")], ["a:1", "b", "unix:/c"]
        )

    def test_refused(self) -> None:
        """The word that is wrong is pointed at."""
        for text, column in (
            ("127.0.0.1:80", 7),
            ("ftp://a", 7),
            ("HTTP://a", 7),
            ("http://a/path", 7),
            ("http://a?q", 7),
            ("http://u:p@a", 7),
            ("http://", 7),
            ("http://a:0", 7),
            ("http://a:65536", 7),
            ("http://a:", 7),
            ("http://999.1.1.1", 7),
            ("s1 a:80", 10),
            ("s/1 http://a", 7),
            ("s1 http://a weight=257", 19),
            ("s1 http://a weight=x", 19),
            ("s1 http://a tier=2 tier=2", 26),
            ("s1 http://a backup backup", 26),
            ("s1 http://a down", 19),
            ("http://a http://b backup", 16),
            ("http://a http://a", 16),
        ):
            fault = faults_of(addresses.SERVERS, text)[0]
            assert fault.span
            self.assertEqual(fault.span.column, column, (text, fault))

    def test_every_wrong_line_is_reported(self) -> None:
        """Not only the first."""
        faults = faults_of(addresses.SERVERS, "a\nhttp://b\nhttp://c/d")
        self.assertEqual([each.span.line for each in faults if each.span], [1, 3])
