"""The normal form of names, hosts and networks."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.lists.normal import key_text, network_key, network_of, normal_host, normal_name

#: As it is written, and its normal form; empty if it is no name.
NAMES = (
    (b"ads.example", b"ads.example"),
    (b"ADS.Example", b"ads.example"),
    (b"ads.example.", b"ads.example"),
    (b".ads.example", b"ads.example"),
    (b"*.ads.example", b"ads.example"),
    (b"*.ads.example.", b"ads.example"),
    (b"_dmarc.ads.example", b"_dmarc.ads.example"),
    (b"zip", b"zip"),
    (b"xn--mnchen-3ya.example", b"xn--mnchen-3ya.example"),
    ("MÜNCHEN.example".encode(), b"xn--mnchen-3ya.example"),
    ("*.münchen。example".encode(), b"xn--mnchen-3ya.example"),
    (b"\xff\xfe", b""),
    (b"", b""),
    (b".", b""),
    (b"*", b""),
    (b"*.", b""),
    (b"a..b", b""),
    (b"..a", b""),
    (b"-a.example", b""),
    (b"a_b-.example-", b""),
    (b"a*.example", b""),
    (b"a.*.example", b""),
    (b"a/b", b""),
    (b"a b", b""),
    (b"a\nb", b""),
    (b"http://a.example", b""),
    (b"192.0.2.1", b""),
    (b"2130706433", b""),
    (b"a.example.1", b""),
    (b"x" * 63 + b".example", b"x" * 63 + b".example"),
    (b"x" * 64 + b".example", b""),
    (b".".join([b"x" * 40] * 6), b".".join([b"x" * 40] * 6)),
    (b".".join([b"x" * 40] * 7), b""),
)


class NormalTests(SynchronousTestCase):
    """Normal forms."""

    def test_names(self) -> None:
        """Case, dots, wildcards and other letters come to one form, and what is no name to none."""
        for text, name in NAMES:
            self.assertEqual(normal_name(text), name, text)

    def test_hosts(self) -> None:
        """What is looked up comes to the same form, a wildcard excepted: it is no host."""
        for host, expected in (
            ("Ads.Example.", b"ads.example"),
            ("münchen.example", b"xn--mnchen-3ya.example"),
            ("MÜNCHEN。example", b"xn--mnchen-3ya.example"),
            ("192.0.2.1", b"192.0.2.1"),
            ("2001:DB8::1", b"2001:db8::1"),
            ("", b""),
            ("\udcff", b""),
        ):
            self.assertEqual(normal_host(host), expected, host)

    def test_networks(self) -> None:
        """Networks and addresses have one form, IPv4 in IPv6 that of IPv4; host bits do not count."""
        for text, shown in (
            (b"192.0.2.0/24", "192.0.2.0/24"),
            (b"192.0.2.7/24", "192.0.2.0/24"),
            (b"192.0.2.7", "192.0.2.7"),
            (b"2001:DB8:0::/32", "2001:db8::/32"),
            (b"::1", "::1"),
            (b"::ffff:192.0.2.7", "192.0.2.7"),
            (b"::ffff:192.0.2.0/120", "192.0.2.0/24"),
            (b"::/0", "::/0"),
        ):
            network = network_of(text)
            assert network is not None
            self.assertEqual(key_text(network_key(network)), shown, text)

    def test_no_networks(self) -> None:
        """What is no network is none."""
        for text in (b"", b"ads.example", b"192.0.2.0/33", b"192.0.2", b"1.2.3.4.5", b"\xff", b"12/8"):
            self.assertIsNone(network_of(text), text)
