"""Sets of names and networks: what is in them, and nothing else."""

from ipaddress import ip_address, ip_network
from itertools import islice
from zlib import crc32

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.lists.formats import key_of
from twisted_relay.lists.name_set import Crowded, Entry, NameSet, Records, set_of

LABELS = st.sampled_from(("a", "b", "ab", "example", "com", "x1", "xn--p1ai", "a-b"))
NAMES = st.lists(LABELS, min_size=1, max_size=6).map(".".join)
NETWORKS = st.tuples(st.sampled_from(("10.0.0.0", "10.0.1.77", "10.128.0.1", "192.0.2.1")), st.integers(0, 32)).map(
    lambda pair: str(ip_network(f"{pair[0]}/{pair[1]}", strict=False))
)


def made_of(*texts: str) -> NameSet:
    """A set in which each entry's line is its place, counted from 1."""
    return set_of({key_of(text.encode()): b"0:%d" % line for line, text in enumerate(texts, 1)}, ("ads.txt",))


def found(names: NameSet, host: str) -> str | None:
    """The entry that takes a host. Whether one does is asked in another way, which must say the same."""
    entry = names.entry(host)
    assert names.takes(host) is (entry is not None), host
    return None if entry is None else entry.text


def naive(names: "set[str]", host: str) -> str | None:
    """The widest name of a set that a host is, or lies below."""
    labels = host.split(".")
    suffixes = (".".join(labels[first:]) for first in reversed(range(len(labels))))
    return next((suffix for suffix in suffixes if suffix in names), None)


class NameSetTests(SynchronousTestCase):
    """`NameSet`."""

    def test_names(self) -> None:
        """A name stands for itself and all below it, in whatever form it is asked for; the widest is told."""
        names = made_of("ads.example", "deep.ads.example", "zip", "Bücher.example")
        for host, expected in (
            ("ads.example", "ads.example"),
            ("a.b.ads.example", "ads.example"),
            ("x.deep.ads.example", "ads.example"),
            ("ADS.Example.", "ads.example"),
            ("evil.zip", "zip"),
            ("www.bücher.example", "xn--bcher-kva.example"),
            ("www.xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("badads.example", None),
            ("example", None),
            ("ads.example.com", None),
            ("s.example", None),
            ("192.0.2.1", None),
            ("::1", None),
            ("", None),
            (".", None),
            ("..", None),
            ("ads.example ", None),
            (".ads.example", "ads.example"),
            ("a" * 300 + ".ads.example", "ads.example"),
            (".".join("a" * 200), None),
        ):
            self.assertEqual(found(names, host), expected, host)

    def test_place(self) -> None:
        """Of an entry one can ask where it was written."""
        names = made_of("a.example", "b.example")
        self.assertEqual(names.entry("x.b.example"), Entry("b.example", "ads.txt", 2))
        self.assertEqual(str(names.entry("b.example")), "b.example (ads.txt:2)")
        self.assertIsNone(names.entry("c.example"))

    def test_networks(self) -> None:
        """An address is found by the widest network that it is in, IPv4 also when it is written as IPv6."""
        networks = made_of("10.0.0.0/8", "10.1.0.0/16", "192.0.2.7", "2001:db8::/32")
        for host, expected in (
            ("10.2.3.4", "10.0.0.0/8"),
            ("10.1.3.4", "10.0.0.0/8"),
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:10.1.0.1", "10.0.0.0/8"),
            ("2001:db8:1::", "2001:db8::/32"),
            ("192.0.2.8", None),
            ("2001:db9::", None),
            ("10", None),
            ("a.10.1.3.4", None),
        ):
            self.assertEqual(found(networks, host), expected, host)
        self.assertTrue(networks.has_networks)
        self.assertFalse(made_of("a.example").has_networks)

    def test_addresses_have_no_names_below_them(self) -> None:
        """Only whole addresses match: the end of one is no suffix."""
        self.assertIsNone(found(made_of("2.3.4.5"), "1.2.3.4.5"))

    def test_empty(self) -> None:
        """In an empty set is nothing."""
        self.assertIsNone(found(made_of(), "a.example"))
        self.assertIsNone(made_of().entry("10.0.0.1"))
        self.assertEqual(len(made_of()), 0)

    def test_repeated(self) -> None:
        """A name that is listed twice counts once, where it stood first."""
        records, memory = Records(), bytearray()
        for line in (3, 5, 7):
            records.add(b"a.example", b"0:%d" % line)
        shape = records.write(memory.extend)
        names = NameSet(bytes(memory), shape, ("ads.txt",))
        self.assertEqual((len(names), names.entry("a.example")), (1, Entry("a.example", "ads.txt", 3)))

    def test_two_sets_in_one_memory(self) -> None:
        """A set may lie anywhere in its memory."""
        memory, shapes = bytearray(b"?"), []
        for name in (b"a.example", b"b.example"):
            records = Records()
            records.add(name, b"0:1")
            shapes.append(records.write(memory.extend, len(memory)))
        first, second = (NameSet(bytes(memory), shape) for shape in shapes)
        self.assertEqual([found(first, "a.example"), found(first, "b.example")], ["a.example", None])
        self.assertEqual([found(second, "a.example"), found(second, "b.example")], [None, "b.example"])

    @settings(max_examples=300, deadline=None)
    @given(st.sets(NAMES, max_size=40), st.lists(NAMES, max_size=40))
    def test_same_as_a_naive_set(self, names: set[str], hosts: list[str]) -> None:
        """Whatever is in it, it finds what a plain set of names finds."""
        made = made_of(*names)
        self.assertEqual(len(made), len(names))
        for host in (*hosts, *names):
            self.assertEqual(found(made, host), naive(names, host))

    @settings(max_examples=200, deadline=None)
    @given(st.sets(NETWORKS, max_size=20), st.lists(st.ip_addresses(v=4).map(str), max_size=10))
    def test_networks_are_found_as_ipaddress_does(self, networks: set[str], hosts: list[str]) -> None:
        """An address is in the set if it is in one of the networks, and the widest is told."""
        made = made_of(*networks)
        for host in (*hosts, *(network.partition("/")[0] for network in networks)):
            inside = [each for each in map(ip_network, networks) if ip_address(host) in each]
            widest = min(inside, key=lambda each: each.prefixlen, default=None)
            expected = None if widest is None else str(widest).removesuffix("/32")
            self.assertEqual(found(made, host), expected)

    def test_names_of_one_hash(self) -> None:
        """Names that share a bucket are told apart."""
        same = of_one_bucket(100, b"")
        few = set_of(dict.fromkeys(same[::2], b"0:1"))
        self.assertEqual([few.takes(name.decode()) for name in same], [True, False] * 50)

    def test_end_of_a_longer_name(self) -> None:
        """A name is not found in the end of a longer one that happens to share its bucket."""
        inner = b"b.example"
        bucket = crc32(b"." + inner + b" ") >> 24
        outer = next(
            name for name in (b"a%d.b.example" % n for n in range(9999)) if crc32(b"." + name + b" ") >> 24 == bucket
        )
        self.assertIsNone(found(set_of({outer: b"0:1"}), "b.example"))
        self.assertEqual(found(set_of({outer: b"0:1", inner: b"0:2"}), "x.b.example"), "b.example")

    def test_crowd(self) -> None:
        """Of names that were made to share one hash, and so to slow look-ups down, there is no set."""
        records = Records()
        for name in of_one_bucket(250, b"x" * 60 + b"."):
            records.add(name, b"0:1")
        self.assertRaises(Crowded, records.write, lambda _: None)


def of_one_bucket(count: int, prefix: bytes) -> list[bytes]:
    """So many names that stand in one bucket of a small set."""
    names = (prefix + b"n%d.example" % number for number in range(300 * count))
    return list(islice((name for name in names if crc32(b"." + name + b" ") >> 24 == 7), count))
