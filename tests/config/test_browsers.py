"""config.browsers: what a PAC file tells browsers."""

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.browsers import DIRECT_HELP, PAC_DIRECT, PAC_PROXIES, PROXY_HELP
from twisted_relay.config.values import Address, AllowedDestination, PacProxy


class ProxyTests(SynchronousTestCase):
    """Proxies that browsers are told of."""

    def test_forms(self) -> None:
        """Each kind of proxy, and the way without one at the end."""
        for text, proxies in (
            ("proxy.example:3128", (PacProxy("", Address("proxy.example", 3128)),)),
            ("192.0.2.1:80 direct", (PacProxy("", Address("192.0.2.1", 80)), PacProxy("direct"))),
            ("http://a:1 https://b:2", (PacProxy("http", Address("a", 1)), PacProxy("https", Address("b", 2)))),
            ("socks5://[2001:db8::1]:1080", (PacProxy("socks5", Address("2001:db8::1", 1080)),)),
        ):
            self.assertEqual(parse(PAC_PROXIES, text), proxies)
            self.assertEqual(PAC_PROXIES.show(proxies), text)
        self.assertEqual(parse(PAC_PROXIES, "HTTP://Proxy.Example.:1"), parse(PAC_PROXIES, "http://proxy.example:1"))

    def test_wrong(self) -> None:
        """What is none."""
        for text in (
            *(
                "proxy.example",
                "proxy.example:0",
                "proxy.example:65536",
                ":3128",
                "ftp://a:1",
                "direct://a:1",
                "://a:1",
            ),
            *("http://a:1/", "u@a:1", "[::1:3128", "[1.2.3.4]:1", "2130706433:1", "a;DIRECT:1", 'a"b:1', "Direct"),
        ):
            faults = faults_of(PAC_PROXIES, text)
            self.assertEqual([fault.help for fault in faults], [PROXY_HELP], text)

    def test_direct_comes_last(self) -> None:
        """`direct` stands at the end, behind a proxy."""
        for text in ("direct", "a:1 direct b:2"):
            self.assertEqual([fault.help for fault in faults_of(PAC_PROXIES, text)], [PROXY_HELP], text)


class DirectTests(SynchronousTestCase):
    """What browsers reach without a proxy."""

    def test_forms(self) -> None:
        """Words, names and networks; `off` is nothing."""
        text = "local private .corp.example wiki 10.0.0.0/8 ::1"
        direct = (
            "local",
            "private",
            AllowedDestination(None, ".corp.example"),
            AllowedDestination(None, "wiki"),
            AllowedDestination(ip_network("10.0.0.0/8")),
            AllowedDestination(ip_network("::1")),
        )
        self.assertEqual(parse(PAC_DIRECT, text), direct)
        self.assertEqual(PAC_DIRECT.show(direct), text)
        self.assertEqual(parse(PAC_DIRECT, "off"), ())
        self.assertEqual(PAC_DIRECT.show(()), "off")

    def test_wrong(self) -> None:
        """What is neither, and what browsers cannot be told."""
        for text, help in (
            ("a..b", DIRECT_HELP),
            ("http://a", DIRECT_HELP),
            ("2130706433", "write a network such as 10.0.0.0/8, or an address such as 127.0.0.1 or ::1"),
            ("10.0.0.1/8", "it has bits beyond its prefix; did you mean 10.0.0.0/8?"),
            ("*.corp.example", "write .corp.example for corp.example and all names below it"),
            ("wiki.example:443", "browsers ask by host: leave the port out"),
            ("local off", ""),
        ):
            self.assertEqual([fault.help for fault in faults_of(PAC_DIRECT, text)], [help], text)
