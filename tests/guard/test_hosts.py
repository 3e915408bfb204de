"""guard.hosts: names, addresses, and what is neither."""

from ipaddress import IPv4Address, IPv6Address
from socket import inet_aton

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.errors import BadRequest
from twisted_relay.guard.hosts import is_literal, read_host

#: (as written, as compared)
READ = (
    ("example.org", "example.org"),
    ("EXAMPLE.org", "example.org"),
    ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ("_service.a-b.example", "_service.a-b.example"),
    ("localhost", "localhost"),
    ("127.0.0.1.example.org", "127.0.0.1.example.org"),
    ("1e100.net", "1e100.net"),
    ("0x7f.1.example", "0x7f.1.example"),
    ("a" * 63 + ".example", "a" * 63 + ".example"),
    ("127.0.0.1", "127.0.0.1"),
    ("::1", "::1"),
    ("[::1]", "::1"),
    ("[0:0::0:0:0001]", "::1"),
    ("[::FFFF:127.0.0.1]", "::ffff:7f00:1"),
    ("[2001:DB8::1]", "2001:db8::1"),
)

MALFORMED = (
    *(
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "a..",
        "127.0.0.1.",
        "a.example.",
        "-a.example",
        "a-.example",
        "a" * 64,
        "a." * 127 + "ab",
    ),
    *("0x7f.1", "0X7F.1", "0x7f000001", "0x7f.0.0.0x1", "0x", "a.0x", "2130706433", "0177.0.0.1", "127.1", "127.0.1"),
    *("017700000001", "127.0.0.01", "127.0.0.256", "1.2.3.4.5", "00000177.1", "0", "0.0", "127.0.0.0x1", "example.1"),
    *(
        "127。0。0。1",
        "127．0．0．1",
        "127｡0｡0｡1",
        "１２７.0.0.1",
        "①②⑦.0.0.1",
        "bücher.example",
        "ⓛocalhost",
        "\u212a.example",
    ),
    *("%31%32%37.0.0.1", "127%2e0.0.1", "localhost%00", "127.0.0.1%eth0", "%", "a b", "a\tb", "a\0b", "127.0.0.1\n"),
    *("a/b", "a@b", "a\\b", "a!b", "*", "*.example", "a,b", "(a)", "user:a", "[127.0.0.1]", "[a]", "[", "]", "[]"),
    *("[::1%25lo]", "[::1%lo]", "fe80::1%eth0", "[::1", "::1]", "[[::1]]", ":", ":::", "1::2::3", "::ffff:0x7f.1"),
    *("::ffff:127.1", "::ffff:0177.0.0.1", "[v1.a:b]", "12345::", "1:2:3:4:5:6:7:8:9", "::1.", "[::1]."),
)


class HostTests(SynchronousTestCase):
    """What clients write."""

    def test_read(self) -> None:
        """Each host has one form, in which it is compared."""
        for written, expected in READ:
            self.assertEqual(read_host(written), expected, written)
            self.assertEqual(read_host(expected), expected)

    def test_malformed(self) -> None:
        """What is neither a name nor an address in its one spelling is refused, and looked up nowhere."""
        for written in MALFORMED:
            with self.assertRaises(BadRequest, msg=repr(written)):
                read_host(written)

    def test_literals(self) -> None:
        """Addresses are told from names."""
        for host in ("127.0.0.1", "::1", "::ffff:7f00:1"):
            self.assertTrue(is_literal(host), host)
        for host in ("localhost", "127.0.0.1.example.org", "a1"):
            self.assertFalse(is_literal(host), host)

    @given(st.text(alphabet="0123456789abcdefxABCDEFX.-_ :[]%", max_size=24))
    def test_no_name_is_an_address_to_the_system(self, text: str) -> None:
        """What passes as a name is no address to `inet_aton`, which many resolvers ask first."""
        try:
            host = read_host(text)
        except BadRequest:
            return
        if not is_literal(host):
            self.assertRaises(OSError, inet_aton, host)

    @given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
    def test_every_address_is_read(self, address: IPv4Address | IPv6Address) -> None:
        """Addresses in their usual spelling are read as what they are."""
        self.assertEqual(read_host(str(address)), str(address))
        self.assertTrue(is_literal(str(address)))
