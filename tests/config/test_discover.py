"""`discover`: where servers are looked for."""

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.discover import DISCOVER, DISCOVER_PROXIES, show_place
from twisted_relay.config.values import DiscoverSpec


class DiscoverTests(SynchronousTestCase):
    """What may be written, and what it means."""

    def test_places(self) -> None:
        """Each kind of place, with its defaults and with everything that may follow."""
        for text, expected in (
            ("dns+a://api.internal:8080", DiscoverSpec("dns+a", "api.internal", 8080)),
            ("dns+a://API.Internal.:80", DiscoverSpec("dns+a", "api.internal", 80)),
            ("dns+srv://_http._tcp.api.internal", DiscoverSpec("dns+srv", "_http._tcp.api.internal")),
            ("dns+srv://web.service.consul every=10s", DiscoverSpec("dns+srv", "web.service.consul", every=10.0)),
            ("file:servers.txt", DiscoverSpec("file", f"{os.getcwd()}/servers.txt", every=2.0)),
            (
                "file:/etc/relay/servers.txt every=100ms max=5",
                DiscoverSpec("file", "/etc/relay/servers.txt", 0, 0.1, 5),
            ),
            (
                "dns+a://api:443 scheme=https family=ipv4 max=10000 every=1s",
                DiscoverSpec("dns+a", "api", 443, 1.0, 10_000, "https", "ipv4"),
            ),
            ("dns+srv://api family=ipv6", DiscoverSpec("dns+srv", "api", family="ipv6")),
        ):
            self.assertEqual(parse(DISCOVER, text), expected, text)

    def test_proxies(self) -> None:
        """Proxies of a parent may speak SOCKS5; servers of a backend may not."""
        text = "dns+a://proxies.internal:1080 scheme=socks5"
        spec = parse(DISCOVER_PROXIES, text)
        self.assertEqual(spec, DiscoverSpec("dns+a", "proxies.internal", 1080, scheme="socks5", proxies=True))
        self.assertEqual(DISCOVER_PROXIES.show(spec), text)
        [fault] = faults_of(DISCOVER, text)
        self.assertEqual(fault.help, "write one of scheme=http, scheme=https")

    def test_shown(self) -> None:
        """A value is written as it may be read again, without what is the default."""
        for text in (
            "dns+a://api.internal:8080",
            "dns+srv://_http._tcp.api.internal every=10s",
            "file:/etc/relay/servers.txt every=100ms max=5",
            "dns+a://api:443 max=10 scheme=https family=ipv4",
        ):
            spec = parse(DISCOVER, text)
            self.assertEqual(DISCOVER.show(spec), text)
            assert spec is not None
            self.assertEqual(show_place(spec), text.split()[0])
        self.assertEqual(DISCOVER.show(None), "")

    def test_faults(self) -> None:
        """What is wrong is pointed at, with what would be right."""
        for text, column, width, help in (
            ("dns+srf://a", 7, 11, 'did you mean "dns+srv"?'),
            ("api.internal:8080", 7, 17, "write dns+a://NAME:PORT"),
            ("dns+a://", 7, 8, "write dns+a://NAME:PORT"),
            ("dns+a://api", 7, 11, "write the port of the servers too: dns+a://api:8080"),
            ("dns+a://api:0", 7, 13, "from 1 to 65535"),
            ("dns+a://api:65536", 7, 17, "from 1 to 65535"),
            ("dns+a://api:x", 7, 13, "from 1 to 65535"),
            ("dns+a://10.0.0.1:80", 7, 19, "write it in servers"),
            ("dns+a://[::1]:80", 7, 16, "write it in servers"),
            ("dns+a://a..b:80", 7, 15, "write a name such as api.internal"),
            ("dns+a://a/b:80", 7, 14, "write a name such as api.internal"),
            (f"dns+a://{'a' * 64}:80", 7, 75, "write a name such as api.internal"),
            ("dns+srv://api:80", 7, 16, "SRV records say the ports"),
            ("file:", 7, 5, "write the path of a file"),
            ("file:/etc/", 7, 10, "write the path of a file"),
            ("dns+a://api:80 every=10", 22, 8, "(10s or 10ms?)"),
            ("dns+a://api:80 every=999ms", 22, 11, "at least 1s"),
            ("file:x every=99ms", 14, 10, "at least 100ms"),
            ("dns+a://api:80 max=0", 22, 5, "max=N with N from 1 to 10000"),
            ("dns+a://api:80 max=10001", 22, 9, "max=N with N from 1 to 10000"),
            ("dns+a://api:80 scheme=ftp", 22, 10, "scheme=http, scheme=https"),
            ("dns+a://api:80 family=ip4", 22, 10, "family=any, family=ipv4, family=ipv6"),
            ("dns+a://api:80 evry=10s", 22, 8, 'did you mean "every"?'),
            ("dns+a://api:80 weight=2", 22, 8, "after the place may stand every=, max=, scheme=, family="),
            ("file:x scheme=https", 14, 12, "after the place may stand every=, max="),
            ("dns+a://api:80 https", 22, 5, "after the place may stand"),
        ):
            [fault] = faults_of(DISCOVER, text)
            assert fault.span is not None
            self.assertEqual((fault.span.column, fault.span.width), (column, width), text)
            self.assertIn(help, fault.help, text)

    def test_several_faults(self) -> None:
        """All that follows the place is looked at; the same word twice is a fault."""
        faults = faults_of(DISCOVER, "dns+a://api:80 every=1s max=0 every=2s")
        self.assertEqual([fault.span and fault.span.column for fault in faults], [31, 37])
        self.assertEqual(faults[1].message, '"every" stands a second time')
