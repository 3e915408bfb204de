"""Tests of ReverseProxyResource in a site, over loopback: what servers see, what clients get, and unhappy ends."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.static import Data

from tests.web.origins import HELLO, TIME, Client, Origin, OriginConnection, connect, free_port, read_from, serve
from twisted_relay.web import BalancingAgent, ReverseProxyResource
from twisted_relay.web.site import SiteExchange

GET = b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class ResourceTestCase(TestCase):
    """Has a site for each test, which leaves nothing behind."""

    timeout = 20

    def resource(self, *origins: Origin, path: bytes = b"", **options: Any) -> ReverseProxyResource:
        """A resource in front of these origins."""
        resource = ReverseProxyResource.over(BalancingAgent(TIME, [each.url for each in origins], **options), path)
        self.addCleanup(resource.close)
        return resource

    async def client(self, root: Resource) -> Client:
        """A client of a site with this root."""
        return await connect(self, serve(self, root))

    async def ask(self, root: Resource, request: bytes = GET) -> bytes:
        """What a client gets that closes after the response."""
        client = await self.client(root)
        client.send(request.replace(b"\r\nHost:", b"\r\nConnection: close\r\nHost:", 1))
        return await client.closed


class RequestTests(ResourceTestCase):
    """What a server sees."""

    async def test_request_as_it_came(self) -> None:
        """Target, fields and content arrive as the client sent them; who the client is is added."""
        origin = Origin(self)
        await self.ask(
            self.resource(origin),
            b"POST /a:b%2Fc;d//e?? HTTP/1.1\r\nHost: shop.example:8080\r\nCookie: a\r\nX-Odd: \xe9\r\nCookie: b\r\n"
            b"Content-Length: 3\r\n\r\nabc",
        )
        request = await origin.request()
        self.assertEqual(request.line, b"POST /a:b%2Fc;d//e?? HTTP/1.1")
        self.assertEqual(request.content, b"abc")
        for name, value in (
            (b"host", b"shop.example:8080"),
            (b"cookie", b"a, b"),
            (b"x-odd", b"\xe9"),
            (b"content-length", b"3"),
            (b"x-forwarded-for", b"127.0.0.1"),
            (b"x-forwarded-proto", b"http"),
            (b"x-forwarded-host", b"shop.example:8080"),
        ):
            self.assertEqual(request.field(name), value, name)
        self.assertRegex(request.field(b"via"), rb"^1\.1 relay-[0-9a-f]+$")

    async def test_fields_of_the_connection(self) -> None:
        """What is between the client and us goes no further, nor do names that a client claims to have."""
        origin = Origin(self)
        await self.ask(
            self.resource(origin),
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: x-mine, te\r\nX-Mine: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\n"
            b"Upgrade: websocket\r\nProxy-Authorization: x\r\nExpect: 100-continue\r\n"
            b"X-Forwarded-For: 10.0.0.1\r\n\r\n",
        )
        request = await origin.request()
        for name in (b"connection", b"x-mine", b"te", b"keep-alive", b"upgrade", b"proxy-authorization", b"expect"):
            self.assertEqual(request.field(name), b"", name)
        self.assertEqual(request.field(b"x-forwarded-for"), b"127.0.0.1")

    async def test_large_content(self) -> None:
        """Content that a site keeps in a file is sent from there; chunks become a length."""
        origin = Origin(self)
        content = b"%x\r\n%b\r\n" % (300_000, b"x" * 300_000)
        await self.ask(
            self.resource(origin),
            b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % content,
        )
        request = await origin.request()
        self.assertEqual(request.field(b"transfer-encoding"), b"")
        self.assertEqual((request.field(b"content-length"), len(request.content)), (b"300000", 300_000))

    async def test_place_in_the_site(self) -> None:
        """A resource forwards what is below it, byte for byte, behind its own path."""
        for place, path, uri, target in (
            (b"", b"", b"/a%20b/", b"/a%20b/"),
            (b"", b"/base", b"/a%2Fb?q=1", b"/base/a%2Fb?q=1"),
            (b"app", b"", b"/app/a:b/%41?", b"/a:b/%41?"),
            (b"app", b"/base", b"/app//x", b"/base//x"),
            (b"app", b"", b"/app", b"/"),
            (b"app", b"/base", b"/app?q", b"/base?q"),
            (b"app", b"", b"/app/..a/.b", b"/..a/.b"),
        ):
            origin = Origin(self)
            resource: Resource = self.resource(origin, path=path)
            root = Resource()
            root.putChild(place, resource)
            await self.ask(root if place else resource, b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % uri)
            self.assertEqual((await origin.request()).line, b"GET %b HTTP/1.1" % target)

    async def test_no_way_out(self) -> None:
        """Dot segments do not lead out of the path that a resource stands for."""
        origin = Origin(self)
        for segment in (b"..", b".", b"%2e%2E", b"x/..", b"..%2f"):
            answer = await self.ask(
                self.resource(origin, path=b"/base"), b"GET /%b/secret HTTP/1.1\r\nHost: a\r\n\r\n" % segment
            )
            self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertEqual(origin.requests, [])

    async def test_children_of_its_own(self) -> None:
        """A child of the resource answers for its part of the site, as with the stock class."""
        resource = self.resource(Origin(self))
        resource.putChild(b"static", Data(b"a file", "text/plain"))
        answer = await self.ask(resource, b"GET /static HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(answer.endswith(b"a file"), answer)

    async def test_path_changed_by_others(self) -> None:
        """What a resource above has done to the rest of the path is respected."""

        class Above(Resource):
            def getChild(self, path: bytes, request: Any) -> Resource:
                request.postpath[:] = [b"new place", b"x"]
                return below

        origin = Origin(self)
        below = self.resource(origin)
        await self.ask(Above(), b"GET /a/b/c HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual((await origin.request()).line, b"GET /new%20place/x HTTP/1.1")

    async def test_stock_signature(self) -> None:
        """It is made as the stock class is, and the server sees its own name in Host."""
        origin = Origin(self)
        resource = ReverseProxyResource("127.0.0.1", origin.port, b"/base", TIME)
        self.addCleanup(resource.close)
        self.assertTrue((await self.ask(resource)).endswith(b"\r\n\r\nhello"))
        request = await origin.request()
        self.assertEqual(
            (request.line, request.field(b"host")), (b"GET /base/a HTTP/1.1", b"127.0.0.1:%d" % origin.port)
        )

    async def test_ambiguous_requests(self) -> None:
        """What a site lets through but two servers could read differently is refused."""
        origin = Origin(self)
        for head in (
            b"GET / HTTP/1.1\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
            b"GET /\\..\\x HTTP/1.1\r\nHost: a\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: host\r\n",
        ):
            client = await self.client(self.resource(origin))
            client.send(head + b"\r\n")
            self.assertTrue((await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 400 "), head)
        self.assertEqual(origin.requests, [])

    async def test_loop(self) -> None:
        """A request that has been here before is not sent round again."""
        origin = Origin(self)
        resource = self.resource(origin)
        await self.ask(resource)
        via = (await origin.request()).field(b"via")
        answer = await self.ask(resource, b"GET / HTTP/1.1\r\nHost: a\r\nVia: %b\r\n\r\n" % via)
        self.assertTrue(answer.startswith(b"HTTP/1.1 508 "), answer)


class ResponseTests(ResourceTestCase):
    """What a client gets."""

    async def test_response_as_it_came(self) -> None:
        """Status, phrase, repeated fields and content pass; what is between the server and us does not."""
        origin = Origin(
            self,
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
            b"HTTP/1.1 201 All Good\r\nSet-Cookie: a=1\r\nConnection: x-mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n"
            b"Set-Cookie: b=2\r\nServer: theirs\r\nContent-Length: 2\r\n\r\n{}",
        )
        head, _, content = (await self.ask(self.resource(origin))).partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        self.assertEqual((lines[0], content), (b"HTTP/1.1 201 All Good", b"{}"))
        for line in (b"Set-Cookie: a=1", b"Set-Cookie: b=2", b"Server: theirs", b"Content-Length: 2"):
            self.assertEqual(lines.count(line), 1, head)
        self.assertLess(lines.index(b"Set-Cookie: a=1"), lines.index(b"Set-Cookie: b=2"))
        for word in (b"X-Mine", b"Keep-Alive", b"Content-Type", b"TwistedWeb", b"Link", b"chunked"):
            self.assertNotIn(word, head)

    async def test_framing(self) -> None:
        """Content comes whole and framed once, whatever frames the server used."""
        for sent, wanted in (
            (CHUNKED + b"3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n", b"abc"),
            (b"HTTP/1.0 200 OK\r\n\r\nabc", b"3\r\nabc\r\n0\r\n\r\n"),
            (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
            (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b""),
        ):

            def respond(connection: OriginConnection, sent: bytes = sent) -> None:
                connection.send(sent)
                if sent.startswith(b"HTTP/1.0"):
                    connection.close()

            answer = await self.ask(self.resource(Origin(self, respond)))
            self.assertEqual(answer.partition(b"\r\n\r\n")[2], wanted, sent)

    async def test_head(self) -> None:
        """HEAD gets the fields of a GET and no content, and the connection serves on."""
        origin = Origin(self, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: x\r\n\r\n")
        client = await self.client(self.resource(origin))
        client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        head = await client.until(b"\r\n\r\n")
        self.assertIn(b"\r\nContent-Length: 5\r\n", head)
        client.received = b""
        client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue((await client.until(b"\r\n\r\n")).endswith(b"\r\n\r\n"))
        self.assertEqual((len(origin.requests), origin.connected), (2, 1))

    async def test_first_octets_at_once(self) -> None:
        """Head and content reach the client as they come, long before the response is complete."""
        origin = Origin(self, None)
        client = await self.client(self.resource(origin))
        client.send(GET)
        server = await origin.request()
        server.send(CHUNKED)
        await client.until(b"\r\n\r\n")
        server.send(b"5\r\nevent\r\n")
        await client.until(b"event")
        server.send(b"0\r\n\r\n")
        await client.until(b"0\r\n\r\n")

    async def test_slow_client_pauses_the_server(self) -> None:
        """When a client does not read, the server is not read either; then all of it arrives."""
        paused: Deferred[None] = Deferred()
        pause = SiteExchange.pauseProducing

        def pause_and_tell(exchange: SiteExchange) -> None:
            pause(exchange)
            if not paused.called:
                paused.callback(None)

        self.patch(SiteExchange, "pauseProducing", pause_and_tell)
        origin = Origin(self, None)
        client = await self.client(self.resource(origin))
        client.send(GET)
        server: Any = await origin.request()
        server.send(CHUNKED)
        await client.until(b"\r\n\r\n")
        client.transport.pauseProducing()  # type: ignore[union-attr]
        flood = Flood(server)
        server.transport.registerProducer(flood, False)
        self.assertEqual(len(read_from(origin)), 1)
        await paused
        self.assertEqual(read_from(origin), [])
        client.transport.resumeProducing()  # type: ignore[union-attr]
        server.transport.unregisterProducer()
        server.send(b"0\r\n\r\n")
        received = await client.until(b"\r\n0\r\n\r\n")
        self.assertEqual(received.count(b"x"), flood.sent)

    async def test_old_client(self) -> None:
        """A client of HTTP/1.0 gets content of unknown length until the connection ends."""
        client = await self.client(self.resource(Origin(self, CHUNKED + b"3\r\nabc\r\n0\r\n\r\n")))
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        answer = await client.closed
        self.assertTrue(answer.endswith(b"\r\n\r\nabc"), answer)
        self.assertNotIn(b"chunked", answer)


class Flood:
    """A pull producer that never has enough: each pull means that the piece before has left the server's hands."""

    SIZE = 1 << 20

    def __init__(self, server: OriginConnection) -> None:
        self.sent = 0
        self._server = server

    def resumeProducing(self) -> None:
        self.sent += self.SIZE
        self._server.send(b"%x\r\n%b\r\n" % (self.SIZE, b"x" * self.SIZE))

    def stopProducing(self) -> None:
        pass


class EndTests(ResourceTestCase):
    """Exchanges that do not go well."""

    async def test_errors(self) -> None:
        """Each failure of a server has its own answer, in words, with nothing of our insides."""
        silent = {"response_timeout": "1ms"}
        for respond, options, status in (
            (b"SSH-2.0\r\n\r\n", {}, b"502"),
            (None, silent, b"504"),
        ):
            settings: dict[str, Any] = options
            answer = await self.ask(self.resource(Origin(self, respond), **settings))
            self.assertEqual(answer.split(b" ")[1], status)
            self.assertIn(b"\r\nContent-Type: text/plain; charset=utf-8\r\n", answer)
            self.assertIn(b"\r\nProxy-Status: relay; error=", answer)

    async def test_nobody_there(self) -> None:
        """A server that is gone is a 502, in JSON for who wants JSON."""
        resource = ReverseProxyResource("127.0.0.1", free_port(), b"", TIME)
        self.addCleanup(resource.close)
        answer = await self.ask(resource, b"GET / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n"), answer)
        self.assertIn(b'"status": 502', answer)

    async def test_no_usable_server(self) -> None:
        """A backend without a server that is up is a 503."""
        resource = self.resource(Origin(self))
        resource.agent.backend.servers[0].set_down("test")
        self.assertTrue((await self.ask(resource)).startswith(b"HTTP/1.1 503 "))

    async def test_errors_for_head(self) -> None:
        """An answer of ours to HEAD has no content."""
        resource = self.resource(Origin(self))
        resource.agent.backend.servers[0].set_down("test")
        answer = await self.ask(resource, b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(answer.endswith(b"\r\n\r\n"), answer)

    async def test_server_breaks_off(self) -> None:
        """A client never takes half a response for a whole one: its connection is cut."""
        for head in (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", CHUNKED):
            origin = Origin(self, None)
            client = await self.client(self.resource(origin))
            client.send(GET)
            server = await origin.request()
            server.send(head + b"5\r\nhello")
            await client.until(b"hello")
            server.close()
            received = await client.closed
            self.assertTrue(client.reset)
            self.assertTrue(received.rstrip().endswith(b"hello"), received)

    async def test_client_leaves(self) -> None:
        """When the client leaves, the server is left at once: before the response, and in its middle."""
        for sent in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"):
            origin = Origin(self, None)
            resource = self.resource(origin)
            client = await self.client(resource)
            client.send(GET)
            server = await origin.request()
            if sent:
                server.send(sent)
                await client.until(b"half")
            client.transport.loseConnection()  # type: ignore[union-attr]
            await server.lost
            self.assertTrue(resource.agent.traffic.is_idle)
            self.assertEqual(resource.agent.backend.servers[0].active_requests, 0)

    async def test_client_leaves_during_upload(self) -> None:
        """Large content that is on its way to the server stops with its client."""
        origin = Origin(self, None)
        client = await self.client(self.resource(origin))
        client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 9_000_000)
        await origin.connected_once
        server = origin.connections[0]
        server.transport.pauseProducing()  # type: ignore[union-attr]
        client.transport.abortConnection()  # type: ignore[union-attr]
        await client.closed
        server.transport.resumeProducing()  # type: ignore[union-attr]
        await server.lost
        self.assertEqual(origin.requests, [])

    async def test_close(self) -> None:
        """Closing answers who waits with 503 and cuts responses that are on their way."""
        origin = Origin(self, None)
        resource = self.resource(origin)
        port = serve(self, resource)
        one, two = await connect(self, port), await connect(self, port)
        one.send(GET)
        (await origin.request()).send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await one.until(b"half")
        two.send(GET)
        await origin.request()
        await resource.close()
        self.assertTrue((await two.until(b"stopped")).startswith(b"HTTP/1.1 503 "))
        await one.closed
        self.assertTrue(one.reset)

    async def test_connection_serves_on(self) -> None:
        """After an error the client's connection serves the next request."""
        origin = Origin(self)
        resource = self.resource(origin)
        client = await self.client(resource)
        resource.agent.backend.servers[0].set_down("test")
        client.send(GET)
        await client.until(b"503")
        resource.agent.backend.servers[0].set_up("test")
        client.send(GET)
        self.assertTrue((await client.until(HELLO[-5:])).startswith(b"HTTP/1.1 503 "))
