"""networks: sets of addresses."""

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.networks import NetworkSet, NetworkTable, network_of

#: (networks, address, whether it is in them)
CASES = (
    ("10.0.0.0/8", "10.255.0.1", True),
    ("10.0.0.0/8", "11.0.0.0", False),
    ("10.0.0.0/8", "9.255.255.255", False),
    ("192.0.2.7", "192.0.2.7", True),
    ("192.0.2.7", "192.0.2.8", False),
    ("10.0.0.0/8 10.1.0.0/16", "10.200.0.1", True),
    ("10.0.0.0/25 10.0.0.128/25", "10.0.0.200", True),
    ("2001:db8::/32 10.0.0.0/8", "2001:db8::1", True),
    ("2001:db8::/32 10.0.0.0/8", "10.1.1.1", True),
    ("2001:db8::/32", "2001:db9::1", False),
    ("10.0.0.0/8", "::ffff:10.1.2.3", True),
    ("10.0.0.0/8", "::FFFF:a01:203", True),
    ("::ffff:10.0.0.0/104", "10.1.2.3", True),
    ("::/0", "10.1.2.3", False),
    ("::/0", "::ffff:10.1.2.3", False),
    ("0.0.0.0/0", "::1", False),
    ("0.0.0.0/0", "::ffff:10.1.2.3", True),
    ("fe80::/10", "fe80::1%eth0", True),
    ("0.0.0.0/0 ::/0", "", False),
    ("0.0.0.0/0 ::/0", "localhost", False),
    ("0.0.0.0/0 ::/0", "10.1", False),
    ("0.0.0.0/0 ::/0", "10.0.0.1\0", False),
    ("", "10.0.0.1", False),
)

addresses = st.one_of(
    st.integers(0, 2**8 - 1).map(lambda number: ip_address(f"10.0.0.{number}")),
    st.integers(0, 2**8 - 1).map(lambda number: ip_address(f"2001:db8::{number:x}")),
)
networks = st.builds(
    lambda address, bits: ip_network(f"{address}/{address.max_prefixlen - bits}", strict=False),
    addresses,
    st.integers(0, 8),
)


class NetworkSetTests(SynchronousTestCase):
    def test_membership(self) -> None:
        """An address is in a set when one of its networks has it; mapped IPv6 addresses count as IPv4."""
        for written, address, expected in CASES:
            with self.subTest(networks=written, address=address):
                self.assertIs(address in NetworkSet(map(ip_network, written.split())), expected)

    @given(st.lists(networks, max_size=8), addresses)
    def test_like_asking_each_network(self, members: list[object], address: object) -> None:
        """However networks overlap, the set says what asking one after the other says."""
        found = str(address) in NetworkSet(members)  # type: ignore[arg-type]
        self.assertIs(found, any(address in network for network in members))  # type: ignore[operator]


class NetworkTableTests(SynchronousTestCase):
    """`NetworkTable`."""

    def test_cases(self) -> None:
        """A table has a value for an address exactly when one of its networks takes it."""
        for text, address, expected in CASES:
            table: NetworkTable[str] = NetworkTable()
            for network in text.split():
                table.add(ip_network(network), network)
            self.assertIs(bool(table.find(address)), expected, (text, address))

    def test_values(self) -> None:
        """All networks around an address are found, with their values in the order in which they came."""
        table: NetworkTable[int] = NetworkTable()
        for value, network in enumerate(
            ("10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8", "::ffff:10.1.0.0/112", "10.2.0.0/16")
        ):
            table.add(ip_network(network), value)
        self.assertEqual(sorted(table.find("10.1.2.3")), [[0, 2], [1, 3]])
        self.assertEqual(table.find("10.9.2.3"), [[0, 2]])
        self.assertEqual(table.find("192.0.2.1"), [])


class NetworkOfTests(SynchronousTestCase):
    """Whom an address stands for."""

    def test_networks(self) -> None:
        """Addresses of one /64 are one customer; an IPv4 address is itself."""
        self.assertEqual(network_of("2001:db8::1"), network_of("2001:db8:0:0:ffff::2"))
        self.assertNotEqual(network_of("2001:db8::1"), network_of("2001:db8:0:1::1"))
        for address in ("192.0.2.1", "::ffff:192.0.2.1", "", "@path"):
            self.assertEqual(network_of(address), address)
