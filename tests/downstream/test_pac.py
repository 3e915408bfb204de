"""downstream.pac: the PAC file as browsers fetch it."""

import re
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import LISTENER, Conversation, Party, head
from twisted_relay.config.tree import BackendOptions, ListenerOptions
from twisted_relay.config.values import Address, PacProxy
from twisted_relay.downstream.listener import Listener
from twisted_relay.routing import Router
from twisted_relay.traffic.outward import own_routes

PROXY = replace(LISTENER, mode="forward", pac=True)


class Offering(Conversation):
    """A conversation with a forward proxy that has a PAC file, and reaches nobody."""

    def __init__(self, case: SynchronousTestCase, listener: ListenerOptions = PROXY) -> None:
        super().__init__(case, listener, BackendOptions(name="none"))
        self.listener = Listener(listener, Router(own_routes(listener)), self.deadlines, (self.exchanges.append,))


class PacFileTests(SynchronousTestCase):
    """Requests for the file, and requests that look like one."""

    def fetch(self, octets: bytes, options: ListenerOptions = PROXY) -> tuple[int, bytes, bytes]:
        """Status, head and content of the answer."""
        client = self.asking(octets, options)
        answer = client.taken()
        section, _, content = answer.partition(b"\r\n\r\n")
        return int(answer.split(b" ")[1]), section, content

    def asking(self, octets: bytes, options: ListenerOptions = PROXY) -> Party:
        """A client that has sent this."""
        client = Offering(self, options).client()
        client.sends(octets)
        return client

    def proxies(self, *lines: str, options: ListenerOptions = PROXY) -> str:
        """What the file names, for a request of these lines."""
        status, _, content = self.fetch(head(*lines), options)
        self.assertEqual(status, 200)
        found = re.search(rb'^var PROXIES = "(.*)";$', content, re.MULTILINE)
        assert found is not None
        return found[1].decode()

    def test_the_file(self) -> None:
        """Both names bring it, as what browsers want, to be kept for some minutes."""
        for target in ("/proxy.pac", "/wpad.dat", "/proxy.pac?v=2"):
            status, section, content = self.fetch(head(f"GET {target} HTTP/1.1", "Host: proxy.example:3128"))
            self.assertEqual(status, 200)
            for line in (b"Content-Type: application/x-ns-proxy-autoconfig", b"Cache-Control: max-age=600"):
                self.assertIn(line, section.split(b"\r\n"))
            self.assertIn(b"function FindProxyForURL(url, host)", content)
            self.assertNotIn(b"Proxy-Status", section)

    def test_head(self) -> None:
        """HEAD brings the same head, and no content."""
        lines = ("Host: proxy.example:3128",)
        _, section, content = self.fetch(head("GET /proxy.pac HTTP/1.1", *lines))
        status, same, nothing = self.fetch(head("HEAD /proxy.pac HTTP/1.1", *lines))
        without_date = re.compile(rb"Date: [^\r]*")
        self.assertEqual((status, nothing), (200, b""))
        self.assertEqual(without_date.sub(b"", same), without_date.sub(b"", section))
        self.assertIn(b"Content-Length: %d" % len(content), same)

    def test_not_changed(self) -> None:
        """A browser that has the file is told so, and not when the file is another."""
        _, section, _ = self.fetch(head("GET /proxy.pac HTTP/1.1", "Host: a.example"))
        tag = re.search(r"ETag: (\S+)", section.decode())
        assert tag is not None
        for given, host, expected in (
            (tag[1], "a.example", 304),
            (f'"x", W/{tag[1]}', "a.example", 304),
            ("*", "a.example", 304),
            (tag[1], "b.example", 200),
            ('"x"', "a.example", 200),
            (tag[1][:-2] + '"', "a.example", 200),
        ):
            lines = head("GET /proxy.pac HTTP/1.1", f"Host: {host}", f"If-None-Match: {given}")
            status, _, content = self.fetch(lines)
            self.assertEqual((status, bool(content)), (expected, expected == 200), given)

    def test_reached_as(self) -> None:
        """The file names the host and port by which the browser has reached the proxy."""
        secure = replace(PROXY, tls="www")
        for host, options, named in (
            ("proxy.example:3128", PROXY, "PROXY proxy.example:3128"),
            ("Proxy.Example.", PROXY, "PROXY proxy.example:80"),
            ("wpad", PROXY, "PROXY wpad:80"),
            ("[2001:DB8::1]:8080", PROXY, "PROXY [2001:db8::1]:8080"),
            ("192.0.2.1:", PROXY, "PROXY 192.0.2.1:80"),
            ("proxy.example", secure, "HTTPS proxy.example:443"),
        ):
            self.assertEqual(self.proxies("GET /wpad.dat HTTP/1.1", f"Host: {host}", options=options), named)

    def test_what_the_operator_says(self) -> None:
        """Where the options name the proxies, Host does not matter."""
        options = replace(PROXY, pac_proxy=(PacProxy("socks5", Address("a.example", 1080)),))
        for lines in (("GET /wpad.dat HTTP/1.1", "Host: evil.example"), ("GET /wpad.dat HTTP/1.0",)):
            self.assertEqual(self.proxies(*lines, options=options), "SOCKS5 a.example:1080")

    def test_without_host(self) -> None:
        """A client of HTTP/1.0 hears of the address that the listener is bound to, if that is one."""
        bound = replace(PROXY, bind=(Address("", 80), Address("192.0.2.9", 3128)))
        self.assertEqual(self.proxies("GET /proxy.pac HTTP/1.0", options=bound), "PROXY 192.0.2.9:3128")
        self.assertEqual(self.fetch(head("GET /proxy.pac HTTP/1.0"))[0], 400)

    def test_hostile_hosts(self) -> None:
        """What is no host does not get into the file."""
        for host in (
            "a;DIRECT",
            'a"',
            "a'+b",
            "a%22",
            "0x7f.1",
            "2130706433",
            "a..b",
            "a:0",
            "a:00",
            "a:65536",
            "[::1",
            "[fe80::1%25eth0]",
            "a b",
            "-",
        ):
            self.assertEqual(self.fetch(head("GET /proxy.pac HTTP/1.1", f"Host: {host}"))[0], 400, host)

    def test_nothing_else(self) -> None:
        """No other path and no other method is served, and no way leads through the file's names to elsewhere."""
        for line in (
            *("GET / HTTP/1.1", "GET /proxy.pac/ HTTP/1.1", "GET //proxy.pac HTTP/1.1", "GET /x/../proxy.pac HTTP/1.1"),
            *(
                "GET /%70roxy.pac HTTP/1.1",
                "GET /PROXY.PAC HTTP/1.1",
                "GET /wpad.da HTTP/1.1",
                "GET relay:/proxy.pac HTTP/1.1",
            ),
            *(
                "POST /proxy.pac HTTP/1.1",
                "OPTIONS /proxy.pac HTTP/1.1",
                "OPTIONS * HTTP/1.1",
                "get /proxy.pac HTTP/1.1",
            ),
        ):
            self.assertEqual(self.fetch(head(line, "Host: proxy.example"))[0], 400, line)
        for target in ("http://proxy.example/proxy.pac", "http://a.example/wpad.dat"):
            status, _, content = self.fetch(head(f"GET {target} HTTP/1.1", "Host: proxy.example"))
            self.assertEqual((status, b"FindProxy" in content), (404, False), target)

    def test_not_offered(self) -> None:
        """Without the option there is no file."""
        status, _, content = self.fetch(head("GET /proxy.pac HTTP/1.1", "Host: a"), replace(PROXY, pac=False))
        self.assertEqual((status, b"FindProxy" in content), (400, False))

    def test_nothing_of_the_clients(self) -> None:
        """Users, rules and lists do not stand in the file."""
        options = replace(PROXY, auth="staff", rules="egress", name="secret")
        content = self.fetch(head("GET /proxy.pac HTTP/1.1", "Host: a"), options)[2]
        self.assertEqual([word for word in (b"staff", b"egress", b"secret") if word in content], [])
