"""Tests of BalancingAgent, over loopback: what servers see, what callers get, and what is left when it goes wrong."""

import io
from pathlib import Path
from typing import Any

import treq.client
import trustme
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import ConnectError, ConnectionLost, ConnectionRefusedError
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import CertificateOptions, PrivateCertificate
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web._newclient import ResponseNeverReceived
from twisted.web.client import (
    FileBodyProducer,
    RequestGenerationFailed,
    ResponseDone,
    ResponseFailed,
    readBody,
)
from twisted.web.error import SchemeNotSupported
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IBodyProducer, IClientRequest, IResponse
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.web.origins import HELLO, TIME, Origin, OriginConnection, free_port, read_from
from twisted_relay.errors import ConfigurationError, ConnectFailed
from twisted_relay.web import BalancingAgent

URL = b"http://shop.example/cart?item=1&item=2"
TRUNCATED = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"


@implementer(IBodyProducer)
class Pieces:
    """A body producer that a test drives by hand."""

    def __init__(self, length: object = UNKNOWN_LENGTH, at_once: bytes = b"") -> None:
        self.length = length
        self.at_once = at_once
        self.consumer: Any = None
        self.done: Deferred[None] = Deferred()
        self.paused: Deferred[None] = Deferred()
        self.resumed: Deferred[None] = Deferred()
        self.stopped = False

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        self.consumer = consumer
        if self.at_once:
            self.consumer.write(self.at_once)
        return self.done

    def pauseProducing(self) -> None:
        if not self.paused.called:
            self.paused.callback(None)

    def resumeProducing(self) -> None:
        if not self.resumed.called:
            self.resumed.callback(None)

    def stopProducing(self) -> None:
        self.stopped = True


class Reader(Protocol):
    """Reads a body; `paused` from the beginning if told so."""

    def __init__(self, *, paused: bool = False) -> None:
        self.data = b""
        self.ended: Deferred[Any] = Deferred()
        """Fires with the exception that the body ended with."""
        self.some: Deferred[None] = Deferred()
        self._paused = paused

    def connectionMade(self) -> None:
        if self._paused:
            self.push.pauseProducing()

    @property
    def push(self) -> Any:
        """The transport, which is a producer."""
        return self.transport

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        if not self.some.called:
            self.some.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended.callback(reason.value)


class AgentTestCase(TestCase):
    """Has an agent for each test, which leaves nothing behind."""

    timeout = 20

    def agent(self, *servers: Origin, **options: Any) -> BalancingAgent:
        """An agent for these origins, which ends with the test."""
        agent = BalancingAgent(TIME, [server.url for server in servers], **options)
        self.addCleanup(agent.close)
        return agent

    async def fails(self, deferred: "Deferred[Any]", *types: type[Exception]) -> Exception:
        """The exception that the Deferred fails with, which is one of these."""
        try:
            await deferred
        except types as error:
            return error
        raise self.failureException("it did not fail")


class RequestTests(AgentTestCase):
    """What a server sees."""

    async def test_request_as_it_was_written(self) -> None:
        """Path, query and fields reach the server as they are, with the URI's host."""
        origin = Origin(self)
        headers = Headers({b"X-One": [b"1", b"2"], b"Accept": [b"*/*"]})
        uri = b"http://Shop.example:8080/a%2Fb;c=d//e?q=%7e#part"
        response = await self.agent(origin).request(b"GET", uri, headers)
        self.assertEqual(response.code, 200)
        self.assertEqual(
            origin.requests,
            [b"GET /a%2Fb;c=d//e?q=%7e HTTP/1.1\r\nHost: Shop.example:8080\r\nX-One: 1\r\nX-One: 2\r\nAccept: */*"],
        )

    async def test_targets(self) -> None:
        """A URI without a path means the root; an empty query stays one."""
        origin = Origin(self)
        agent = self.agent(origin)
        for uri, line in (
            (b"http://a", b"GET / HTTP/1.1"),
            (b"https://a?q", b"GET /?q HTTP/1.1"),
            (b"HTTP://a/?", b"GET /? HTTP/1.1"),
        ):
            await agent.request(b"GET", uri)
            self.assertEqual((await origin.request()).line, line)

    async def test_fields_of_the_connection_stay_here(self) -> None:
        """Fields about a connection that the caller does not see are not sent; Host is the caller's to say."""
        origin = Origin(self)
        names = (b"Connection", b"TE", b"Upgrade", b"Transfer-Encoding", b"Content-Length", b"Keep-Alive")
        headers = Headers({**{name: [b"x"] for name in names}, b"Host": [b"other.example"]})
        await self.agent(origin).request(b"GET", URL, headers)
        self.assertEqual(origin.requests, [b"GET /cart?item=1&item=2 HTTP/1.1\r\nHost: other.example"])

    async def test_host_of_the_backend(self) -> None:
        """With `host`, the backend says what servers get."""
        origin = Origin(self)
        await self.agent(origin, host="inner.example").request(b"GET", URL)
        self.assertEqual((await origin.request()).field(b"host"), b"inner.example")

    async def test_content_of_known_length(self) -> None:
        """A body producer's content is sent, with its length."""
        origin = Origin(self)
        body = FileBodyProducer(io.BytesIO(b"x" * 100_000))
        await self.agent(origin).request(b"PUT", URL, None, body)
        request = await origin.request()
        self.assertEqual((request.field(b"content-length"), len(request.content)), (b"100000", 100_000))

    async def test_content_of_unknown_length(self) -> None:
        """A body producer that does not know its length is sent in chunks, as it produces."""
        origin = Origin(self)
        pieces = Pieces()
        answered = self.agent(origin).request(b"POST", URL, None, pieces)
        pieces.consumer.write(b"one")
        pieces.consumer.write(b"two")
        pieces.done.callback(None)
        await answered
        request = await origin.request()
        self.assertEqual(request.field(b"transfer-encoding"), b"chunked")
        self.assertEqual(request.content, b"3\r\none\r\n3\r\ntwo")

    async def test_slow_server_pauses_the_producer(self) -> None:
        """A server that does not read holds the producer up, until it reads on."""
        origin = Origin(self, None)
        pieces = Pieces(at_once=b"x")
        answered = self.agent(origin).request(b"POST", URL, None, pieces)
        await origin.connected_once
        server = origin.connections[0]
        server.transport.pauseProducing()  # type: ignore[union-attr]
        for _ in range(1000):
            if not pieces.paused.called:
                pieces.consumer.write(b"x" * 65536)
        self.successResultOf(pieces.paused)
        self.assertNoResult(pieces.resumed)
        server.transport.resumeProducing()  # type: ignore[union-attr]
        await pieces.resumed
        pieces.done.callback(None)
        server.send(HELLO)
        self.assertEqual((await answered).code, 200)

    def test_what_cannot_be_sent(self) -> None:
        """A method, URI or field that would not be one request is refused at once."""
        agent = self.agent(Origin(self))
        for method, uri, headers in (
            (b"GET /", URL, None),
            (b"CONNECT", URL, None),
            (b"GET", b"http://a/ b", None),
            (b"GET", b"http://a/\xc3\xa9", None),
            (b"GET", b"http://user@a/", None),
            (b"GET", b"http://a b/", None),
            (b"GET", b"/path", None),
            (b"GET", URL, Headers({b"Host": [b"a b"]})),
            (b"GET", URL, Headers({b"X": [b"a\x00b"]})),
        ):
            self.assertRaises(ValueError, agent.request, method, uri, headers)

    def test_other_schemes(self) -> None:
        """Only http is spoken."""
        agent = self.agent(Origin(self))
        self.failureResultOf(agent.request(b"GET", b"ftp://a/"), SchemeNotSupported)


class BalancingTests(AgentTestCase):
    """Which server answers."""

    async def test_servers_take_turns(self) -> None:
        """Requests are spread over the servers, over connections that are kept."""
        one, two = Origin(self), Origin(self)
        agent = self.agent(one, two)
        for _ in range(6):
            await readBody(await agent.request(b"GET", URL))
        self.assertEqual((len(one.requests), len(two.requests)), (3, 3))
        self.assertEqual((one.connected, two.connected), (1, 1))

    async def test_next_server(self) -> None:
        """A server that is gone costs no request: the other one answers, also what has content."""
        origin = Origin(self)
        agent = BalancingAgent(TIME, [f"http://127.0.0.1:{free_port()}", origin.url])
        self.addCleanup(agent.close)
        for _ in range(4):
            response = await agent.request(b"POST", URL, None, FileBodyProducer(io.BytesIO(b"content")))
            self.assertEqual(response.code, 200)
        self.assertEqual(len(origin.requests), 4)

    async def test_content_once_more(self) -> None:
        """What a body producer has written goes to the next server too, when the first one cuts the connection."""
        one = Origin(self, lambda connection: connection.transport.abortConnection())  # type: ignore[union-attr]
        two = Origin(self)
        agent = self.agent(one, two, retry_methods="any")
        pieces = Pieces()
        answered = agent.request(b"POST", URL, None, pieces)
        pieces.consumer.write(b"one")
        pieces.done.callback(None)
        self.assertEqual((await answered).code, 200)
        self.assertEqual([(await origin.request()).content for origin in (one, two)], [b"3\r\none"] * 2)

    async def test_nobody_there(self) -> None:
        """When no server can be reached, the request fails as with any agent; the cause is told."""
        agent = BalancingAgent(TIME, f"http://127.0.0.1:{free_port()}")
        self.addCleanup(agent.close)
        error = await self.fails(agent.request(b"GET", URL), ConnectionRefusedError)
        self.assertIsInstance(error.__cause__, ConnectFailed)

    async def test_checked(self) -> None:
        """The first request waits for the first check; a server that fails it gets none, and nobody else is there."""
        origin = Origin(self, b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
        agent = self.agent(origin, check="GET /health", check_fall=1, check_interval="1ms")
        for _ in range(2):
            await self.fails(agent.request(b"GET", URL), ConnectError)
        self.assertEqual({request.split(b" ")[1] for request in origin.requests}, {b"/health"})

    async def test_borrowed_backend(self) -> None:
        """An agent over somebody's backend uses it and leaves it as it is."""
        origin = Origin(self)
        owner = self.agent(origin)
        await owner.request(b"GET", URL)
        agent = BalancingAgent.over(owner.backend)
        await agent.request(b"GET", URL)
        await agent.close()
        await owner.request(b"GET", URL)
        self.assertEqual((len(origin.requests), origin.connected), (3, 1))

    async def test_tls(self) -> None:
        """https servers are verified against the authorities that are named, and nothing is left behind."""
        authority, certificate = trustme.CA(), Path(self.mktemp())
        pair = authority.issue_cert("localhost")
        authority.cert_pem.write_to_path(str(certificate))
        own = PrivateCertificate.loadPEM(pair.private_key_and_cert_chain_pem.bytes())
        context = CertificateOptions(own.privateKey.original, own.original, acceptableProtocols=[b"http/1.1"])
        origin = Origin(self, tls=context)
        agent = BalancingAgent(TIME, f"https://localhost:{origin.port}", tls_ca=str(certificate))
        self.addCleanup(agent.close)
        self.assertEqual(await readBody(await agent.request(b"GET", URL)), b"hello")
        for url, ca in (
            (f"https://localhost:{origin.port}", ""),
            (f"https://127.0.0.1:{origin.port}", str(certificate)),
        ):
            distrustful = BalancingAgent(TIME, url, tls_ca=ca) if ca else BalancingAgent(TIME, url)
            self.addCleanup(distrustful.close)
            error = await self.fails(distrustful.request(b"GET", URL), ResponseNeverReceived)
            self.assertEqual(type(error.__cause__).__name__, "CertificateRefused")

    def test_bad_options(self) -> None:
        """What the configuration would refuse is refused, in the same words."""
        for servers, options, message in (
            ((), {}, "servers: has no value"),
            (("ftp://a",), {}, "servers: "),
            (("http://a",), {"balanse": "round-robin"}, "balance"),
            (("http://a",), {"connect_timeout": 5}, "connect_timeout: "),
            (("http://a",), {"retries": -1}, "retries: "),
            (("http://a",), {"tls_cert": "a.pem"}, "tls_cert and tls_key"),
        ):
            settings: dict[str, Any] = options
            error = self.assertRaises(ConfigurationError, BalancingAgent, TIME, servers, **settings)
            self.assertIn(message, str(error))


class ResponseTests(AgentTestCase):
    """What a caller gets."""

    async def respond(self, *data: bytes, method: bytes = b"GET") -> IResponse:
        """The response that these octets, after which the server closes, are read as."""

        def respond(connection: OriginConnection) -> None:
            for each in data:
                connection.send(each)
            connection.close()

        return await self.agent(Origin(self, respond)).request(method, URL)

    async def read(self, response: IResponse) -> tuple[bytes, Any]:
        """The body of a response, and how it ended."""
        reader = Reader()
        response.deliverBody(reader)
        ended = await reader.ended
        return reader.data, ended

    async def test_interfaces(self) -> None:
        """They are what Twisted's own are."""
        agent = self.agent(Origin(self))
        verifyObject(IAgent, agent)
        response = await agent.request(b"GET", URL)
        verifyObject(IResponse, response)
        verifyObject(IClientRequest, response.request)
        self.assertEqual((response.request.method, response.request.absoluteURI), (b"GET", URL))

    async def test_head_and_body(self) -> None:
        """Status, phrase, repeated fields and body come as the server sent them."""
        response = await self.respond(
            b"HTTP/1.1 418 Tea Pot\r\nSet-Cookie: a=1\r\nX-A: b\r\nSet-Cookie: b=2\r\nContent-Length: 5\r\n\r\nhello"
        )
        self.assertEqual((response.version, response.code, response.phrase), ((b"HTTP", 1, 1), 418, b"Tea Pot"))
        self.assertEqual(response.headers.getRawHeaders(b"set-cookie"), [b"a=1", b"b=2"])
        self.assertEqual(response.headers.getRawHeaders(b"x-a"), [b"b"])
        self.assertEqual(response.length, 5)
        body, ended = await self.read(response)
        self.assertEqual(body, b"hello")
        self.assertIsInstance(ended, ResponseDone)
        self.assertRaises(RuntimeError, response.deliverBody, Reader())

    async def test_informational_responses(self) -> None:
        """What comes before the response is not the response."""
        response = await self.respond(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HELLO)
        self.assertEqual((response.code, await readBody(response)), (200, b"hello"))
        self.assertFalse(response.headers.hasHeader(b"link"))

    async def test_response_to_head(self) -> None:
        """A response to HEAD has no body, and says in its fields how long it would be."""
        response = await self.respond(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", method=b"HEAD")
        self.assertEqual((response.length, response.headers.getRawHeaders(b"content-length")), (0, [b"5"]))
        self.assertEqual(await readBody(response), b"")

    async def test_body_until_the_end_of_the_connection(self) -> None:
        """Nobody can tell whether such a body is whole, and the reader is told so."""
        response = await self.respond(b"HTTP/1.0 200 OK\r\n\r\n", b"some")
        self.assertEqual((response.version, response.length), ((b"HTTP", 1, 0), UNKNOWN_LENGTH))
        body, ended = await self.read(response)
        self.assertEqual(body, b"some")
        self.assertIsInstance(ended, PotentialDataLoss)

    async def test_truncated_body(self) -> None:
        """Half a body is never taken for a whole one."""
        response = await self.respond(TRUNCATED)
        body, ended = await self.read(response)
        self.assertEqual(body, b"half")
        self.assertIsInstance(ended, ResponseFailed)
        self.assertIs(ended.response, response)
        ended.reasons[0].trap(ConnectionLost)

    async def test_truncated_chunks(self) -> None:
        """So it is with chunks, and with `readBody`."""
        response = await self.respond(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await self.fails(readBody(response), ResponseFailed)

    async def test_no_response(self) -> None:
        """A server that closes, or sends something else than HTTP, gave no response."""
        for data, cause in (
            (b"", "EmptyResponse"),
            (b"HTTP/1.1 2", "IncompleteResponse"),
            (b"SSH\r\n\r\n", "BadResponse"),
        ):

            def respond(connection: OriginConnection, data: bytes = data) -> None:
                connection.send(data)
                connection.close()

            origin = Origin(self, respond)
            error = await self.fails(self.agent(origin, retries=0).request(b"POST", URL), ResponseNeverReceived)
            self.assertEqual(type(error.__cause__).__name__, cause)

    async def test_response_timeout(self) -> None:
        """A server that does not answer in time gave no response."""
        error = await self.fails(
            self.agent(Origin(self, None), response_timeout="1ms").request(b"GET", URL), ResponseNeverReceived
        )
        self.assertEqual(type(error.__cause__).__name__, "ResponseTimeout")

    async def test_paused_reader(self) -> None:
        """A reader that pauses is given nothing, the end included, until it resumes."""
        origin = Origin(self)
        agent = self.agent(origin)
        reader = Reader(paused=True)
        (await agent.request(b"GET", URL)).deliverBody(reader)
        await readBody(await agent.request(b"GET", URL))
        self.assertEqual((reader.data, reader.ended.called), (b"", False))
        reader.push.resumeProducing()
        self.assertIsInstance(await reader.ended, ResponseDone)
        self.assertEqual(reader.data, b"hello")

    async def test_slow_reader_pauses_the_server(self) -> None:
        """While a reader pauses, its server is not read."""
        origin = Origin(self, None)
        answered = self.agent(origin).request(b"GET", URL)
        server = await origin.request()
        server.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        reader = Reader()
        (await answered).deliverBody(reader)
        await reader.some
        self.assertEqual(len(read_from(origin)), 1)
        reader.push.pauseProducing()
        self.assertEqual(read_from(origin), [])
        server.send(b"3\r\ntwo\r\n0\r\n\r\n")
        reader.push.resumeProducing()
        self.assertIsInstance(await reader.ended, ResponseDone)
        self.assertEqual(reader.data, b"onetwo")

    async def test_reader_that_pauses_at_once(self) -> None:
        """Content that came before the reader did not wait in vain, nor is more read for one that pauses at once."""
        origin = Origin(self, None)
        agent = self.agent(origin)
        answered = agent.request(b"GET", URL)
        server = await origin.request()
        server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        response = await answered
        server.send(b"hello")
        other = agent.request(b"GET", URL)
        (await origin.request()).send(HELLO)
        await other
        self.assertEqual(len(read_from(origin)), 1)  # the other one, which is idle
        reader = Reader(paused=True)
        response.deliverBody(reader)
        self.assertEqual((len(read_from(origin)), reader.data), (1, b""))
        server.send(b"world")
        reader.push.resumeProducing()
        self.assertIsInstance(await reader.ended, ResponseDone)
        self.assertEqual(reader.data, b"helloworld")

    async def test_reader_that_has_enough(self) -> None:
        """A reader that stops ends the connection to the server, and hears that its body is not whole."""
        origin = Origin(self, None)
        answered = self.agent(origin).request(b"GET", URL)
        server = await origin.request()
        server.send(TRUNCATED)
        reader = Reader()
        (await answered).deliverBody(reader)
        await reader.some
        reader.push.stopProducing()
        self.assertIsInstance(await reader.ended, ResponseFailed)
        await server.lost

    async def test_cancelled_reading(self) -> None:
        """Who cancels `readBody` gets CancelledError, and the server is left."""
        origin = Origin(self, None)
        answered = self.agent(origin).request(b"GET", URL)
        server = await origin.request()
        server.send(TRUNCATED)
        reading = readBody(await answered)
        reading.cancel()
        await self.fails(reading, CancelledError)
        await server.lost


class EndTests(AgentTestCase):
    """Requests that end before their time."""

    async def test_cancel(self) -> None:
        """Cancelling a request leaves the server at once and stops the content."""
        origin = Origin(self, None)
        answered = self.agent(origin).request(b"GET", URL)
        server = await origin.request()
        answered.cancel()
        await self.fails(answered, CancelledError)
        await server.lost

    async def test_cancel_while_connecting(self) -> None:
        """A request can be cancelled before there is a connection."""
        pieces = Pieces(at_once=b"some")
        answered = self.agent(Origin(self)).request(b"POST", URL, None, pieces)
        answered.cancel()
        await self.fails(answered, CancelledError)
        self.assertTrue(pieces.stopped)

    async def test_producer_fails(self) -> None:
        """Content that cannot be produced fails the request; the server never takes it for whole."""
        origin = Origin(self, None)
        pieces = Pieces()
        answered = self.agent(origin).request(b"POST", URL, None, pieces)
        pieces.consumer.write(b"some")
        pieces.done.errback(OSError("the disk is gone"))
        error = await self.fails(answered, RequestGenerationFailed)
        self.assertEqual(str(error.reasons[0].value), "the disk is gone")  # type: ignore[attr-defined]
        self.assertEqual(origin.requests, [])

    async def test_wrong_length(self) -> None:
        """A producer that writes more or less than it said fails the request."""
        for at_once, done in ((b"12345", Deferred[None]()), (b"123", succeed(None))):
            pieces = Pieces(4, at_once)
            pieces.done = done
            await self.fails(self.agent(Origin(self)).request(b"POST", URL, None, pieces), RequestGenerationFailed)

    async def test_producer_that_does_not_start(self) -> None:
        """A producer that fails as it is started fails the request, and no server hears of it."""
        origin = Origin(self)
        pieces = Pieces()
        pieces.done = fail(OSError("no such file"))
        await self.fails(self.agent(origin).request(b"POST", URL, None, pieces), RequestGenerationFailed)
        self.assertEqual(origin.connected, 0)

    async def test_producer_fails_after_the_answer(self) -> None:
        """When the response has begun, its body ends as failed."""
        origin = Origin(self, None)
        pieces = Pieces(at_once=b"some")
        answered = self.agent(origin).request(b"POST", URL, None, pieces)
        await origin.connected_once
        origin.connections[0].send(TRUNCATED)
        reader = Reader()
        (await answered).deliverBody(reader)
        pieces.done.errback(OSError("the disk is gone"))
        self.assertIsInstance(await reader.ended, ResponseFailed)

    async def test_early_answer(self) -> None:
        """A server that answers before it has the content: the answer counts, the producer is stopped."""
        origin = Origin(self, None)
        pieces = Pieces(at_once=b"some")
        answered = self.agent(origin).request(b"POST", URL, None, pieces)
        await origin.connected_once
        origin.connections[0].send(HELLO)
        self.assertEqual(await readBody(await answered), b"hello")
        self.assertTrue(pieces.stopped)

    async def test_close(self) -> None:
        """Closing ends what is running: requests without a response, and bodies on their way."""
        origin = Origin(self, None)
        agent = self.agent(origin)
        answered = agent.request(b"GET", URL)
        (await origin.request()).send(TRUNCATED)
        reader = Reader()
        (await answered).deliverBody(reader)
        waiting = agent.request(b"GET", URL)
        await origin.request()
        connecting = agent.request(b"GET", URL)
        closed = agent.close()
        self.assertIsInstance(await reader.ended, ResponseFailed)
        await self.fails(waiting, ResponseNeverReceived)
        await self.fails(connecting, ResponseNeverReceived)
        await closed
        await self.fails(agent.request(b"GET", URL), ResponseNeverReceived)

    async def test_close_twice(self) -> None:
        """Closing what is closed, or was never used, is no mistake."""
        agent = self.agent(Origin(self), check="GET /")
        await agent.close()
        await agent.close()


class TreqTests(AgentTestCase):
    """The agent under treq."""

    async def test_json(self) -> None:
        """treq sends and reads JSON."""
        origin = Origin(self, b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a": 1}')
        client = treq.client.HTTPClient(self.agent(origin))
        response = await client.post("http://api.example/items", json={"b": 2})
        self.assertEqual(await response.json(), {"a": 1})
        self.assertEqual((await origin.request()).content, b'{"b":2}')

    async def test_redirect(self) -> None:
        """treq follows a redirect, and the responses know each other."""

        def respond(connection: OriginConnection) -> None:
            there = connection.line.startswith(b"GET /there")
            connection.send(HELLO if there else b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")

        client = treq.client.HTTPClient(self.agent(Origin(self, respond)))
        response = await client.get("http://shop.example/here")
        self.assertEqual((response.code, await response.text()), (200, "hello"))
        self.assertEqual([each.code for each in response.history()], [302])

    async def test_gzip_and_cookies(self) -> None:
        """treq decodes what is compressed and keeps cookies; the agent hides nothing from it."""
        import gzip

        packed = gzip.compress(b"hello")
        origin = Origin(
            self,
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nSet-Cookie: a=1\r\nContent-Length: %d\r\n\r\n%b"
            % (len(packed), packed),
        )
        client = treq.client.HTTPClient(self.agent(origin))
        response = await client.get("http://shop.example/")
        self.assertEqual((await response.content(), response.cookies()["a"]), (b"hello", "1"))
