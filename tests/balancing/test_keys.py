"""What of a request is mapped to a server."""

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import an_exchange, spec_of
from twisted_relay.balancing.keys import key_hash, key_reader

#: (the key, the target, the field lines, what is read)
READ: tuple[tuple[str, bytes, list[bytes], bytes | None], ...] = (
    ("header:X-Key", b"/", [], None),
    ("header:X-Key", b"/", [b"x-key: one", b"X-Key: two"], b"one"),
    ("header:X-Key", b"/", [b"X-Key:"], b""),
    ("path", b"/a/b?c=d", [], b"/a/b"),
    ("query:id", b"/", [], None),
    ("query:id", b"/?other=1", [], None),
    ("query:id", b"/?a=1&id=2&id=3", [], b"2"),
    ("query:id", b"/?i%64=%41+b", [], b"A b"),
    ("query:id", b"/?id", [], b""),
    ("cookie:s", b"/", [], None),
    ("cookie:s", b"/", [b"Cookie: S=1; ss=2; as=3; s2=4"], None),
    ("cookie:s", b"/", [b"Cookie: a=b; s=1; s=2"], b"1"),
    ("cookie:s", b"/", [b"Cookie: a=b", b"cookie: s=1"], b"1"),
    ("cookie:s", b"/", [b"Cookie: s=1"], b"1"),
    ("cookie:s", b"/", [b"Cookie: a=b;s=%31=1 ;c=d"], b"%31=1"),
    ("cookie:s", b"/", [b'Cookie: s="1"'], b'"1"'),
    ("cookie:s", b"/", [b"Cookie: s="], b""),
    ("cookie:s", b"/", [b"Cookie: a=s=1"], None),
    ("cookie:a.b", b"/", [b"Cookie: aXb=1; a.b=2"], b"2"),
)
#: (the client, the key of ip-hash)
NETWORKS = (
    ("192.0.2.1", bytes((192, 0, 2))),
    ("192.0.2.255", bytes((192, 0, 2))),
    ("192.0.3.1", bytes((192, 0, 3))),
    ("::ffff:192.0.2.7", bytes((192, 0, 2))),
    ("::ffff:c000:207", bytes((192, 0, 2))),
    ("2001:db8::1", bytes.fromhex("20010db8000000000000000000000001")),
    ("fe80::1%eth0", bytes.fromhex("fe800000000000000000000000000001")),
    ("", b""),
)


class KeyTests(SynchronousTestCase):
    """Reading keys."""

    def test_keys(self) -> None:
        """The first value of the name, as it stands; nothing when there is none."""
        for key, target, lines, expected in READ:
            read = key_reader(spec_of(f"hash {key}"))
            self.assertEqual(read(an_exchange(target, fields=lines)), expected, f"{key} {target!r} {lines}")

    def test_host(self) -> None:
        """`header:Host` is the host without its port, though Host is not kept among the fields."""
        exchange = an_exchange()
        exchange.request.host = b"www.example.org"
        self.assertEqual(key_reader(spec_of("hash header:Host"))(exchange), b"www.example.org")

    def test_networks(self) -> None:
        """Clients of one IPv4 /24 have one key, an IPv4-mapped address is the IPv4 address, a UNIX socket has none."""
        for client, expected in NETWORKS:
            self.assertEqual(key_reader(spec_of("ip-hash"))(an_exchange(client=client)), expected, client)

    def test_clients(self) -> None:
        """The whole address, however it is written."""
        read = key_reader(spec_of("hash client-ip"))
        self.assertEqual(read(an_exchange(client="192.0.2.1")), bytes((192, 0, 2, 1)))
        self.assertEqual(read(an_exchange(client="::ffff:192.0.2.1")), bytes((192, 0, 2, 1)))
        self.assertEqual(read(an_exchange(client="")), b"")

    def test_the_hash_is_fixed(self) -> None:
        """Another start, version or machine gives the same numbers."""
        self.assertEqual(key_hash(b""), 0)
        self.assertEqual(key_hash(b"123456789"), 0xCBF43926 * 0x9E3779B97F4A7C15 % 2**64)
