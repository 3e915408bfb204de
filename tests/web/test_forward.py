"""Tests of ProxyResource in a site, over loopback: what origins see, where it goes and what it refuses."""

from collections.abc import Callable

from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource

from tests.web.origins import TIME, Client, Origin, connect, free_port, serve
from twisted_relay.errors import ConfigurationError
from twisted_relay.web import ProxyResource, forward


def anywhere(host: str, port: int) -> bool:
    """Allow all."""
    return True


class ProxyTests(TestCase):
    """A client of the proxy, the proxy, and origins."""

    timeout = 20

    def proxy(self, allow: Callable[[str, int], bool] = anywhere) -> ProxyResource:
        """A proxy, which ends with the test."""
        proxy = ProxyResource(allow, TIME, "127.0.0.0/8 ::1", connect_timeout="5s")
        self.addCleanup(proxy.close)
        return proxy

    async def client(self, proxy: Resource) -> Client:
        """A client of a site with this proxy."""
        return await connect(self, serve(self, proxy))

    async def ask(self, proxy: Resource, *head: bytes) -> bytes:
        """What a client gets that closes after the response."""
        client = await self.client(proxy)
        client.send(b"\r\n".join([*head, b"Connection: close", b"", b""]))
        return await client.closed

    async def test_request_to_an_origin(self) -> None:
        """The origin gets the path, and the target's host whatever Host said; nothing tells of the client."""
        origin = Origin(self)
        authority = b"127.0.0.1:%d" % origin.port
        answer = await self.ask(
            self.proxy(),
            b"GET http://%b/a%%20b?q HTTP/1.1" % authority,
            b"Host: other.example",
            b"Proxy-Connection: keep-alive",
            b"Proxy-Authorization: Basic x",
            b"X-Real-IP: 10.0.0.7",
            b"X-Forwarded-For: 10.0.0.7",
            b"Via: 1.1 inner",
            b"X-Kept: 1",
        )
        self.assertTrue(answer.endswith(b"\r\n\r\nhello"), answer)
        self.assertEqual(origin.requests, [b"GET /a%%20b?q HTTP/1.1\r\nHost: %b\r\nX-Kept: 1" % authority])

    async def test_bare_origin(self) -> None:
        """A URI without a path means the root of the origin."""
        origin = Origin(self)
        await self.ask(self.proxy(), b"GET HTTP://localhost:%d HTTP/1.1" % origin.port, b"Host: localhost")
        request = await origin.request()
        self.assertEqual((request.line, request.field(b"host")), (b"GET / HTTP/1.1", b"localhost:%d" % origin.port))

    async def test_connections_are_kept(self) -> None:
        """Requests to one origin, in whatever case it is written, share its connections."""
        origin = Origin(self)
        proxy = self.proxy()
        for host in (b"localhost", b"LocalHost", b"localhost"):
            await self.ask(proxy, b"GET http://%b:%d/ HTTP/1.1" % (host, origin.port), b"Host: x")
        self.assertEqual((len(origin.requests), origin.connected), (3, 1))

    async def test_page(self) -> None:
        """Browsers get a page that says what was refused, other programs a sentence."""
        proxy = self.proxy(lambda host, port: False)
        for accept, kind in ((b"text/html", b"text/html; charset=utf-8"), (b"*/*", b"text/plain; charset=utf-8")):
            answer = await self.ask(proxy, b"GET http://a.example/ HTTP/1.1", b"Host: a.example", b"Accept: " + accept)
            head = answer.partition(b"\r\n\r\n")[0]
            self.assertTrue(answer.startswith(b"HTTP/1.1 403 Forbidden\r\n"), answer)
            self.assertIn(b"Content-Type: " + kind, head.split(b"\r\n"))
            self.assertIn(b"This destination is not allowed.", answer)

    async def test_one_form(self) -> None:
        """Who decides gets names and addresses in the only form that is compared, and nothing else."""
        seen: list[tuple[str, int]] = []

        def allow(host: str, port: int) -> bool:
            seen.append((host, port))
            return False

        proxy = self.proxy(allow)
        for host, status in (
            (b"A.Example.", b"403"),
            (b"[2001:DB8:0::1]:81", b"403"),
            (b"0x7f.1", b"400"),
            (b"a..example", b"400"),
        ):
            answer = await self.ask(proxy, b"GET http://%b/ HTTP/1.1" % host, b"Host: a")
            self.assertEqual(answer[9:12], status, host)
        self.assertEqual(seen, [("a.example", 80), ("2001:db8::1", 81)])

    async def test_allow_decides(self) -> None:
        """Destinations that are not allowed are answered 403, and nobody is connected to."""
        asked: list[tuple[str, int]] = []

        def allow(host: str, port: int) -> bool:
            asked.append((host, port))
            return False

        origin = Origin(self)
        proxy = self.proxy(allow)
        for authority in (b"LOCALHOST:%d" % origin.port, b"[::1]:81", b"10.0.0.1", b"name:"):
            answer = await self.ask(proxy, b"GET http://%b/ HTTP/1.1" % authority, b"Host: x")
            self.assertTrue(answer.startswith(b"HTTP/1.1 403 "), answer)
            self.assertIn(b"\r\nProxy-Status: relay; error=http_request_denied\r\n", answer)
        self.assertEqual(asked, [("localhost", origin.port), ("::1", 81), ("10.0.0.1", 80), ("name", 80)])
        self.assertEqual(origin.connected, 0)

    async def test_guarded(self) -> None:
        """What is allowed by name is still judged by its addresses: this machine is not reached unless it is named."""
        origin = Origin(self)
        proxy = ProxyResource(anywhere, TIME)
        self.addCleanup(proxy.close)
        for host in (b"localhost", b"127.0.0.1", b"[::1]", b"[::ffff:127.0.0.1]", b"0.0.0.0"):
            answer = await self.ask(proxy, b"GET http://%b:%d/ HTTP/1.1" % (host, origin.port), b"Host: x")
            self.assertTrue(answer.startswith(b"HTTP/1.1 403 "), answer)
            self.assertIn(b"\r\nProxy-Status: relay; error=destination_ip_prohibited\r\n", answer)
            self.assertNotIn(b"127.0.0", answer)
        for host in (b"127.1", b"0x7f.1"):
            answer = await self.ask(proxy, b"GET http://%b:%d/ HTTP/1.1" % (host, origin.port), b"Host: x")
            self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertEqual(origin.connected, 0)

    async def test_what_is_not_served(self) -> None:
        """Tunnels, other schemes and requests that name no origin are refused."""
        for line, status in (
            (b"CONNECT shop.example:443 HTTP/1.1", b"501"),
            (b"GET https://shop.example/ HTTP/1.1", b"400"),
            (b"GET ftp://shop.example/ HTTP/1.1", b"400"),
            (b"GET / HTTP/1.1", b"400"),
            (b"GET http://user@shop.example/ HTTP/1.1", b"400"),
            (b"GET http:///x HTTP/1.1", b"400"),
            (b"GET http://a$b/ HTTP/1.1", b"400"),
            (b"GET http://999.1.1.1/ HTTP/1.1", b"400"),
            (b"GET http://shop.example:0/ HTTP/1.1", b"400"),
        ):
            answer = await self.ask(self.proxy(), line, b"Host: shop.example")
            self.assertEqual(answer.split(b" ")[1], status, line)

    async def test_origin_is_gone(self) -> None:
        """An origin that does not listen is a 502."""
        answer = await self.ask(self.proxy(), b"GET http://127.0.0.1:%d/ HTTP/1.1" % free_port(), b"Host: x")
        self.assertTrue(answer.startswith(b"HTTP/1.1 502 "), answer)

    async def test_origin_breaks_off(self) -> None:
        """Half a response is never taken for a whole one."""
        origin = Origin(self, None)
        client = await self.client(self.proxy())
        client.send(b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\n\r\n" % origin.port)
        server = await origin.request()
        server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await client.until(b"half")
        server.close()
        await client.closed
        self.assertTrue(client.reset)

    async def test_bounded(self) -> None:
        """Only so many origins are kept: the one that has been idle longest goes, those that are busy stay."""
        self.patch(forward, "MAX_ORIGINS", 2)
        busy, idle, last = Origin(self, None), Origin(self), Origin(self)
        proxy = self.proxy()
        client = await self.client(proxy)
        client.send(b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\n\r\n" % busy.port)
        server = await busy.request()
        for origin in (idle, last):
            await self.ask(proxy, b"GET http://127.0.0.1:%d/ HTTP/1.1" % origin.port, b"Host: x")
        await (await idle.request()).lost
        self.assertEqual((len(busy.connections), len(last.connections)), (1, 1))
        server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        await client.until(b"done")

    def test_bad_options(self) -> None:
        """Options that cannot be are refused when the resource is made."""
        self.assertRaises(ConfigurationError, ProxyResource, anywhere, TIME, connect_timeout="5")
        error = self.assertRaises(ConfigurationError, ProxyResource, anywhere, TIME, "127.1")
        self.assertIn("allow_destination: ", str(error))
