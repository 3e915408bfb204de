"""guard.ranges: what an address lies in, and what it carries."""

from ipaddress import IPv4Address, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.child import ROOT
from twisted_relay.guard.ranges import RANGES, carried_by, range_of

#: (address, its range)
WITHIN = (
    ("0.0.0.0", "0.0.0.0 (unspecified)"),
    ("0.0.0.1", "0.0.0.0/8 (this network)"),
    ("9.255.255.255", ""),
    ("10.0.0.0", "10.0.0.0/8 (private)"),
    ("10.255.255.255", "10.0.0.0/8 (private)"),
    ("11.0.0.0", ""),
    ("100.63.255.255", ""),
    ("100.64.0.0", "100.64.0.0/10 (shared by carrier-grade NAT)"),
    ("100.100.100.200", "100.100.100.200 (metadata of a cloud)"),
    ("100.128.0.0", ""),
    ("127.255.255.255", "127.0.0.0/8 (loopback)"),
    ("168.63.129.16", "168.63.129.16 (metadata of a cloud)"),
    ("168.63.129.17", ""),
    ("169.254.169.253", "169.254.0.0/16 (link-local)"),
    ("169.254.169.254", "169.254.169.254 (metadata of a cloud)"),
    ("169.254.169.255", "169.254.0.0/16 (link-local)"),
    ("172.15.255.255", ""),
    ("172.31.255.255", "172.16.0.0/12 (private)"),
    ("172.32.0.0", ""),
    ("192.168.1.1", "192.168.0.0/16 (private)"),
    ("203.0.113.1", "203.0.113.0/24 (documentation)"),
    ("223.255.255.255", ""),
    ("239.1.2.3", "224.0.0.0/4 (multicast)"),
    ("240.0.0.1", "240.0.0.0/4 (reserved)"),
    ("255.255.255.255", "255.255.255.255 (broadcast)"),
    ("::", ":: (unspecified)"),
    ("::1", "::1 (loopback)"),
    ("::2", "::/96 (IPv4-compatible)"),
    ("::ffff:8.8.8.8", "::ffff:0:0/96 (IPv4-mapped)"),
    ("::1:0:0:0", "::/3 (reserved)"),
    ("64:ff9b::808:808", "64:ff9b::/96 (NAT64)"),
    ("64:ff9b:1::1", "64:ff9b:1::/48 (NAT64 for local use)"),
    ("100::1", "100::/64 (discard-only)"),
    ("1fff:ffff::", "::/3 (reserved)"),
    ("2001::1", "2001::/32 (Teredo)"),
    ("2001:1::1", "2001::/23 (protocol assignments)"),
    ("2001:200::1", ""),
    ("2001:db8::1", "2001:db8::/32 (documentation)"),
    ("2002::1", "2002::/16 (6to4)"),
    ("2003::1", ""),
    ("2606:4700::1111", ""),
    ("3fff:0fff::", "3fff::/20 (documentation)"),
    ("3fff:1000::", ""),
    ("4000::", "4000::/2 (reserved)"),
    ("5f00::1", "5f00::/16 (segment routing)"),
    ("fbff::", "8000::/1 (reserved)"),
    ("fd00:ec2::254", "fd00:ec2::254 (metadata of a cloud)"),
    ("fdff::", "fc00::/7 (unique local)"),
    ("fe80::1", "fe80::/10 (link-local)"),
    ("fec0::1", "fec0::/10 (site-local)"),
    ("ff02::1", "ff00::/8 (multicast)"),
)

#: (address, the IPv4 addresses in it)
CARRIED = (
    ("10.0.0.1", ""),
    ("2606:4700::1111", ""),
    ("::", ""),
    ("::1", ""),
    ("::7f00:1", "127.0.0.1"),
    ("::ffff:10.0.0.1", "10.0.0.1"),
    ("::ffff:0:10.0.0.1", "10.0.0.1"),
    ("64:ff9b::a00:1", "10.0.0.1"),
    ("64:ff9b:0:1::a00:1", ""),
    ("64:ff9b:1::a00:1", "10.0.0.1"),
    ("64:ff9b:1:0a00:0:0100::", "10.0.0.1"),
    ("64:ff9b:1:100a:0:1::", "10.0.0.1"),
    ("64:ff9b:1::a:0:100:0", "1.0.0.0 10.0.0.1"),
    ("64:ff9b:1::", "0.0.0.0"),
    ("64:ff9b:1:808:8:800::", "8.8.8.8 8.8.8.0 8.8.0.0"),
    ("2002:a00:1::1", "10.0.0.1"),
    ("2001:0:a00:1::f5ff:fffe", "10.0.0.1 10.0.0.1"),
)

addresses = st.one_of(
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=16, max_size=16),
    st.sampled_from([ip_network(network).network_address.packed for network, _ in RANGES]),
    st.sampled_from([ip_network(network).broadcast_address.packed for network, _ in RANGES]),
)


class RangeTests(SynchronousTestCase):
    """What an address is."""

    def test_ranges(self) -> None:
        """Every range begins and ends where it shall, and the narrowest one is named."""
        for address, expected in WITHIN:
            self.assertEqual(range_of(ip_address(address).packed), expected, address)

    @given(addresses)
    def test_like_asking_each_range(self, packed: bytes) -> None:
        """An address is in the narrowest of the ranges that hold it, as asking one after the other says."""
        address = ip_address(packed)
        around = [ip_network(network) for network, _ in RANGES if address in ip_network(network)]
        narrowest = max(around, key=lambda network: network.prefixlen, default=None)
        expected = "" if narrowest is None else str(narrowest).removesuffix(f"/{narrowest.max_prefixlen}")
        self.assertEqual(range_of(packed).partition(" ")[0], expected)

    @given(addresses)
    def test_the_public_internet_is_what_python_calls_global(self, packed: bytes) -> None:
        """What is let through is global to Python's own table too."""
        if not range_of(packed) and packed[:1] != b"\x3f":  # younger than Python's table
            self.assertTrue(ip_address(packed).is_global, ip_address(packed))

    def test_carried(self) -> None:
        """Addresses that carry IPv4 addresses give them away, in every way in which they may be read."""
        for address, expected in CARRIED:
            found = " ".join(str(IPv4Address(each)) for each in carried_by(ip_address(address).packed))
            self.assertEqual(found, expected, address)

    def test_documented(self) -> None:
        """The list for readers names every range."""
        page = (ROOT / "docs" / "howto" / "guard-a-forward-proxy.md").read_text()
        for network, _ in RANGES:
            self.assertIn(f"`{network.removesuffix('/32').removesuffix('/128')}`", page.replace("/32`", "`"))
