"""HTTP/1.1 towards a client: order, framing, content both ways, early answers, limits, time, shutdown."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import BACKEND, LISTENER, ROUTE, Conversation, get, head, ok, post
from twisted_relay.downstream.connection import LINGER_TIME, MAX_LINGER
from twisted_relay.downstream.http1 import MAX_DRAINED, MAX_PIPELINED

KIB = 1024


class OrderTests(SynchronousTestCase):
    """Requests are answered in their order on a connection that stays."""

    def test_keep_alive(self) -> None:
        """A second request on the same connection is answered too, over the same connection to the server."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get("/1"))
        server = talk.accepts()
        server.sees_head("GET /1 HTTP/1.1")
        server.sends(ok(b"one"))
        client.sees(ok(b"one"))
        client.sends(get("/2"))
        server.sees_head("GET /2 HTTP/1.1")
        server.sends(ok(b"two"))
        client.sees(ok(b"two"))
        client.is_open()
        self.assertEqual(talk.pool().server.counters.reuses, 1)
        talk.is_over()

    def test_pipelined_requests_are_answered_in_order(self) -> None:
        """Requests sent in one go are given to the server one after the other."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get("/1") + get("/2") + get("/3"))
        server = talk.accepts()
        for n in ("1", "2", "3"):
            server.sees_head(f"GET /{n} HTTP/1.1")
            server.sees_nothing()
            server.sends(ok(n.encode()))
            client.sees(ok(n.encode()))
        talk.is_over()

    def test_request_byte_by_byte(self) -> None:
        """It does not matter how the octets of a request arrive."""
        talk = Conversation(self)
        client = talk.client()
        request = post(b"hello")
        client.sends(*(request[n : n + 1] for n in range(len(request))))
        server = talk.accepts()
        server.sees_head("POST / HTTP/1.1", "Content-Length: 5")
        server.sees(b"hello")
        response = ok(b"world")
        server.sends(*(response[n : n + 1] for n in range(len(response))))
        client.sees(response)
        client.sends(get())
        server.sees_head("GET / HTTP/1.1")
        server.sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_a_flood_of_pipelined_requests_is_held_back(self) -> None:
        """While one request is served, no more of the next ones is read than the limit and one read."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        flood = get("/next") * 20_000
        client.sends(flood)
        self.assertLessEqual(len(flood) - len(client.socket.arrived), MAX_PIPELINED + 65536)
        server.sends(ok())
        server.sees_head("GET / HTTP/1.1")
        server.sees_head("GET /next HTTP/1.1")
        client.aborts()
        server.sends(ok())
        server.sends(ok())
        talk.is_over()

    def test_pipelined_requests_that_were_held_back_are_all_answered(self) -> None:
        """Reading goes on when those that waited have been served."""
        talk = Conversation(self)
        client = talk.client()
        wanted = 2 * MAX_PIPELINED // len(get())
        client.sends(get() * wanted)
        server = talk.accepts()
        for _ in range(wanted):
            server.sees_head("GET / HTTP/1.1")
            server.sends(ok())
        client.sees(ok() * wanted)
        client.is_open()
        talk.is_over()

    def test_an_empty_line_before_a_request_is_ignored(self) -> None:
        """One CRLF between two requests is a known mistake of old clients (RFC 9112 §2.2)."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(b"\r\n" + get())
        server = talk.accepts()
        server.sends(ok())
        client.sends(b"\r", b"\n", get())
        server.sends(ok())
        client.sees(ok(), ok())
        talk.is_over()

    def test_close_is_honoured(self) -> None:
        """After Connection: close the answer says close, and the connection is closed."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get("/", "Connection: close"))
        server = talk.accepts()
        server.sends(ok(b"x"))
        client.sees_answer("HTTP/1.1 200 OK", "Connection: close")
        client.sees_close()
        server.is_open()
        talk.is_over()

    def test_http_1_0(self) -> None:
        """An HTTP/1.0 client gets its connection closed, unless it asked to keep it."""
        for lines, kept in (((), False), (("Connection: keep-alive",), True)):
            talk = Conversation(self)
            client = talk.client()
            client.sends(head("GET / HTTP/1.0", "Host: a", *lines))
            talk.accepts().sends(ok(b"x"))
            client.sees_answer("HTTP/1.1 200 OK", f"Connection: {'keep-alive' if kept else 'close'}")
            self.assertEqual(client.socket.closed, not kept)
            talk.is_over()

    def test_max_requests(self) -> None:
        """The last request that a connection may carry is answered with close."""
        talk = Conversation(self, replace(LISTENER, max_requests=2))
        client = talk.client()
        client.sends(get() * 3)
        server = talk.accepts()
        server.sends(ok())
        client.sees(ok())
        server.sends(ok())
        client.sees_answer("HTTP/1.1 200 OK", "Connection: close")
        self.assertEqual(talk.begun, 2)
        client.closes()
        talk.is_over()


class FramingTests(SynchronousTestCase):
    """How long a response is, is said anew for each client."""

    def test_head(self) -> None:
        """The answer to HEAD has the length of a GET and no content, and the connection stays in step."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("HEAD / HTTP/1.1", "Host: a") + get("/2"))
        server = talk.accepts()
        server.sees_head("HEAD / HTTP/1.1")
        server.sends(head("HTTP/1.1 200 OK", "Content-Length: 5000"))
        client.sees(head("HTTP/1.1 200 OK", "Content-Length: 5000"))
        server.sees_head("GET /2 HTTP/1.1")
        server.sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_head_of_chunked(self) -> None:
        """A HEAD whose GET would be chunked has no content and ends with its head."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("HEAD / HTTP/1.1", "Host: a"))
        server = talk.accepts()
        server.sends(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"))
        client.sees_head("HTTP/1.1 200 OK")
        client.sees_nothing()
        client.is_open()
        self.assertEqual(len(talk.pool().idle), 1)
        talk.is_over()

    def test_responses_without_content(self) -> None:
        """204 and 304 end with their heads; 304 keeps the length it speaks of."""
        for status, lines in (("204 No Content", ()), ("304 Not Modified", ("Content-Length: 12",))):
            talk = Conversation(self)
            client = talk.client()
            client.sends(get())
            server = talk.accepts()
            server.sends(head(f"HTTP/1.1 {status}", "ETag: x", *lines))
            client.sees(head(f"HTTP/1.1 {status}", "ETag: x", *lines))
            self.assertEqual(len(talk.pool().idle), 1)
            talk.is_over()

    def test_chunked_response(self) -> None:
        """Chunked content passes chunk by chunk, as soon as it is there."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        server.sends(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"))
        client.sees(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"))
        server.sends(b"3;ext=1\r\nabc\r\n")
        client.sees(b"3\r\nabc\r\n")
        server.sends(b"2\r\nd", b"e\r\n")
        client.sees(b"1\r\nd\r\n1\r\ne\r\n")
        server.sends(b"0\r\n\r\n")
        client.sees(b"0\r\n\r\n")
        self.assertEqual(len(talk.pool().idle), 1)
        talk.is_over()

    def test_chunked_response_to_http_1_0(self) -> None:
        """A client that does not know chunks gets the content until the connection closes."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("GET / HTTP/1.0", "Host: a", "Connection: keep-alive"))
        server = talk.accepts()
        server.sends(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"), b"3\r\nabc\r\n", b"0\r\n\r\n")
        client.sees(head("HTTP/1.1 200 OK", "Connection: close"), b"abc")
        client.sees_close()
        talk.is_over()

    def test_response_until_close(self) -> None:
        """What ends with the server's connection is chunked for HTTP/1.1, and ends the connection before it."""
        for version, framing, content in (
            ("1.1", "Transfer-Encoding: chunked", b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
            ("1.0", "Connection: close", b"abcde"),
        ):
            talk = Conversation(self)
            client = talk.client()
            client.sends(head(f"GET / HTTP/{version}", "Host: a"))
            server = talk.accepts()
            server.sends(head("HTTP/1.1 200 OK"), b"abc", b"de")
            server.closes()
            client.sees(head("HTTP/1.1 200 OK", framing), content)
            self.assertEqual(client.socket.closed, version == "1.0")
            self.assertEqual(talk.pool().open, 0)
            self.assertEqual(talk.codes(), [200])
            talk.is_over()

    def test_trailers_for_those_who_asked(self) -> None:
        """Trailers pass to a client that said TE: trailers, and only to it."""
        for te, trailers in ((("TE: trailers", "Connection: TE"), b"X-Sum: 1\r\n"), ((), b"")):
            talk = Conversation(self)
            client = talk.client()
            client.sends(get("/", *te))
            server = talk.accepts()
            fields = server.sees_head("GET / HTTP/1.1")
            self.assertEqual(fields.get(b"te"), b"trailers" if te else None)
            server.sends(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Trailer: X-Sum"), b"1\r\na\r\n")
            fields = client.sees_head("HTTP/1.1 200 OK")
            self.assertEqual(b"trailer" in fields, bool(te))
            server.sends(b"0\r\nX-Sum: 1\r\n\r\n")
            client.sees(b"1\r\na\r\n0\r\n" + trailers + b"\r\n")
            talk.is_over()

    def test_trailers_of_a_response_that_came_at_once(self) -> None:
        """It makes no difference that the whole response was there in one read."""
        for te, content in (
            (("TE: trailers", "Connection: TE"), b"1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n"),
            ((), b"a"),
        ):
            talk = Conversation(self)
            client = talk.client()
            client.sends(get("/", *te))
            server = talk.accepts()
            server.sends(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + b"1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n")
            fields = client.sees_head("HTTP/1.1 200 OK")
            self.assertEqual(fields.get(b"transfer-encoding"), b"chunked" if te else None)
            client.sees(content)
            talk.is_over()

    def test_chunked_request_with_trailers(self) -> None:
        """A chunked request reaches the server chunked, with its trailers, as it comes."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("PUT /f HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Trailer: X-Sum"))
        server = talk.accepts()
        server.sees_head("PUT /f HTTP/1.1", "Transfer-Encoding: chunked", "Trailer: X-Sum")
        client.sends(b"3\r\nabc\r\n")
        server.sees(b"3\r\nabc\r\n")
        client.sends(b"0\r\nX-Sum: 1\r\n\r\n")
        server.sees(b"0\r\nX-Sum: 1\r\n\r\n")
        server.sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_a_small_chunked_request_gets_a_length(self) -> None:
        """Chunked content that has come whole with its head is sent with its length."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(
            head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n" + get()
        )
        server = talk.accepts()
        server.sees_head("POST / HTTP/1.1", "Content-Length: 3")
        server.sees(b"abc")
        server.sends(ok())
        server.sees_head("GET / HTTP/1.1")
        server.sends(ok())
        client.sees(ok(), ok())
        talk.is_over()


class InformationalTests(SynchronousTestCase):
    """1xx responses are passed on."""

    def test_100_continue_end_to_end(self) -> None:
        """The server decides whether the content is wanted; the client hears of it and only then sends."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Content-Length: 5", "Expect: 100-continue"))
        server = talk.accepts()
        server.sees_head("POST / HTTP/1.1", "Expect: 100-continue", "Content-Length: 5")
        client.sees_nothing()
        server.sends(head("HTTP/1.1 100 Continue"))
        client.sees(head("HTTP/1.1 100 Continue"))
        client.sends(b"hello")
        server.sees(b"hello")
        server.sends(ok(b"x"))
        client.sees(ok(b"x"))
        client.is_open()
        talk.is_over()

    def test_the_server_refuses_the_content(self) -> None:
        """A final answer instead of 100 closes the connection, because nobody knows whether the content will come."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Content-Length: 5", "Expect: 100-continue"))
        server = talk.accepts()
        server.sends(head("HTTP/1.1 403 Forbidden", "Content-Length: 0"))
        client.sees_answer("HTTP/1.1 403 Forbidden", "Connection: close")
        client.sends(get("/x") + get("/not-a-request"))
        self.assertEqual(talk.begun, 1)
        client.closes()
        self.assertEqual(talk.pool().open, 0)
        talk.is_over()

    def test_early_hints(self) -> None:
        """103 passes to HTTP/1.1 clients, before the answer, with its fields."""
        for version, seen in (("1.1", head("HTTP/1.1 103 Early Hints", "Link: </a>")), ("1.0", b"")):
            talk = Conversation(self)
            client = talk.client()
            client.sends(head(f"GET / HTTP/{version}", "Host: a"))
            server = talk.accepts()
            server.sends(head("HTTP/1.1 103 Early Hints", "Link: </a>"))
            client.sees(seen)
            server.sends(ok(b"x"))
            client.sees_answer("HTTP/1.1 200 OK")
            talk.is_over()

    def test_100_that_nobody_asked_for(self) -> None:
        """A 100 for a request without Expect goes no further."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        talk.accepts().sends(head("HTTP/1.1 100 Continue") + ok())
        client.sees(ok())
        talk.is_over()


class EarlyAnswerTests(SynchronousTestCase):
    """The server answers while the request's content still comes."""

    def test_a_small_rest_is_dropped_and_the_connection_kept(self) -> None:
        """Content behind an early answer is never read as a request; the request after it is."""
        talk = Conversation(self)
        client = talk.client()
        inner = get("/smuggled")
        client.sends(head("POST / HTTP/1.1", "Host: a", f"Content-Length: {len(inner) + 1}") + b"x")
        server = talk.accepts()
        server.sends(head("HTTP/1.1 400 Bad Request", "Content-Length: 0"))
        client.sees(head("HTTP/1.1 400 Bad Request", "Content-Length: 0"))
        self.assertEqual(talk.pool().open, 0)
        client.sends(inner[:10], inner[10:] + get("/next"))
        talk.accepts().sees_head("GET /next HTTP/1.1")
        self.assertEqual(talk.begun, 2)
        client.aborts()
        talk.is_over()

    def test_a_large_rest_ends_the_connection(self) -> None:
        """After the answer what still comes is read for a while, so that no reset destroys the answer."""
        for lines in ((f"Content-Length: {MAX_DRAINED + 100}",), ("Transfer-Encoding: chunked",)):
            talk = Conversation(self)
            client = talk.client()
            client.sends(head("POST / HTTP/1.1", "Host: a", *lines))
            server = talk.accepts()
            server.sends(head("HTTP/1.1 400 Bad Request", "Content-Length: 1") + b"x")
            client.sees_answer("HTTP/1.1 400 Bad Request", "Connection: close")
            client.sees_end()
            client.sends(get("/smuggled") * 10)
            self.assertEqual(talk.begun, 1)
            self.assertEqual(bytes(client.socket.arrived), b"")
            client.closes()
            client.sees_close()
            talk.is_over()

    def test_lingering_is_bounded_in_time(self) -> None:
        """A client that does not go away is cut off."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(b"GET nonsense\r\n\r\n")
        client.sees_answer("HTTP/1.1 400 Bad Request", "Connection: close")
        for _ in range(int(LINGER_TIME)):
            client.sends(b"x")
            talk.waits(1.0)
        talk.waits(1.0)
        self.assertTrue(client.socket.closed)
        talk.is_over()

    def test_lingering_is_bounded_in_octets(self) -> None:
        """A client that goes on sending is cut off."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(b"GET nonsense\r\n\r\n")
        for _ in range(MAX_LINGER // 65536 + 2):
            client.sends(b"x" * 65536)
        client.sees_reset()
        talk.is_over()

    def test_early_answer_with_content_that_streams(self) -> None:
        """The rest of a request is dropped while the early answer's content still comes."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Content-Length: 100") + b"x")
        server = talk.accepts()
        server.sends(head("HTTP/1.1 200 OK", "Content-Length: 4") + b"ab")
        client.sends(b"y" * 99)
        server.sends(b"cd")
        client.sees(ok(b"abcd"))
        client.is_open()
        client.sends(get())
        server.taken()
        talk.settle()
        self.assertEqual(talk.begun, 2)
        client.aborts()
        talk.is_over()


class BackPressureTests(SynchronousTestCase):
    """Content streams at bounded memory, whoever is slow."""

    LENGTH = 8 * KIB * KIB
    BOUND = 512 * KIB

    def test_a_slow_client_stops_the_server(self) -> None:
        """While the client takes nothing, a bounded part of the response is read; then all of it arrives."""
        for framing in ("length", "chunked", "close"):
            talk = Conversation(self)
            client = talk.client()
            client.sends(get())
            server = talk.accepts()
            client.blocks()
            content = bytes(range(256)) * (self.LENGTH // 256)
            if framing == "length":
                response = ok(content)
            elif framing == "chunked":
                response = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
                response += b"%x\r\n" % len(content) + content + b"\r\n0\r\n\r\n"
            else:
                response = head("HTTP/1.1 200 OK") + content
            server.sends(response)
            if framing == "close":
                server.closes()
            self.assertLess(server.socket.read, self.BOUND)
            client.takes(1024 * KIB)
            self.assertLess(server.socket.read, 1024 * KIB + self.BOUND)
            client.unblocks()
            self.assertEqual(bytes(server.socket.arrived), b"")
            self.assertGreaterEqual(len(client.taken()), self.LENGTH)
            client.is_open()
            self.assertEqual(talk.codes(), [200])
            talk.is_over()

    def test_a_slow_server_stops_the_client(self) -> None:
        """While the server takes nothing, a bounded part of the request is read; then all of it arrives."""
        for chunked in (False, True):
            talk = Conversation(self)
            client = talk.client()
            content = b"x" * self.LENGTH
            line = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {self.LENGTH}"
            client.sends(head("POST / HTTP/1.1", "Host: a", line))
            server = talk.accepts()
            server.blocks()
            client.sends(b"%x\r\n" % len(content) + content + b"\r\n0\r\n\r\n" if chunked else content)
            self.assertLess(client.socket.read, self.BOUND)
            server.takes(1024 * KIB)
            self.assertLess(client.socket.read, 1024 * KIB + self.BOUND)
            server.unblocks()
            self.assertGreaterEqual(len(server.taken()), self.LENGTH)
            server.sends(ok())
            client.sees(ok())
            client.is_open()
            talk.is_over()

    def test_content_that_waits_for_a_connection_is_bounded(self) -> None:
        """While the server is being dialled the client's content stays in the client's hands."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", f"Content-Length: {self.LENGTH}"))
        client.sends(b"x" * self.LENGTH)
        self.assertLess(client.socket.read, self.BOUND)
        server = talk.accepts()
        self.assertGreaterEqual(len(server.taken()), self.LENGTH)
        server.sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_a_client_that_reads_no_answers_gets_no_more_requests_served(self) -> None:
        """Pipelined requests whose answers nobody takes do not fill the memory with answers."""
        talk = Conversation(self)
        client = talk.client()
        client.blocks()
        client.sends(get() * 200)
        server = talk.accepts()
        answered = 0
        while server.taken():
            server.sends(ok(b"x" * 16 * KIB))
            answered += 1
        self.assertLess(answered * 16 * KIB, self.BOUND)
        client.unblocks()
        while server.taken():
            server.sends(ok(b"x" * 16 * KIB))
        self.assertEqual(talk.codes(), [200] * 200)
        talk.is_over()


class LimitTests(SynchronousTestCase):
    """What is too large or not allowed is refused with its own status."""

    def test_refusals(self) -> None:
        """Each bad head gets its answer, on a connection that is then closed; the exchange is counted."""
        long = "x" * 9000
        for octets, status in (
            (b"GET / HTTP/1.1\r\n\r\n", "400 Bad Request"),
            (b"\x16\x03\x01\x02\x00\x01", "400 Bad Request"),
            (get("/" + long), "414 URI Too Long"),
            (b"GET /" + long.encode(), "414 URI Too Long"),
            (get("/", *[f"X: {long}"] * 5), "431 Request Header Fields Too Large"),
            (get("/", *["X: y"] * 300), "431 Request Header Fields Too Large"),
            (head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: gzip, chunked"), "501 Not Implemented"),
            (head("CONNECT a:1 HTTP/1.1", "Host: a:1"), "501 Not Implemented"),
            (head("GET / HTTP/2.0", "Host: a"), "505 HTTP Version Not Supported"),
            (get("/", "Expect: tea"), "417 Expectation Failed"),
        ):
            talk = Conversation(self)
            client = talk.client()
            client.sends(octets)
            client.sees_answer(f"HTTP/1.1 {status}", "Connection: close")
            client.sends(get())
            client.closes()
            self.assertEqual(talk.codes(), [int(status[:3])])
            self.assertEqual(talk.begun, 0)
            talk.is_over()

    def test_max_body_by_length(self) -> None:
        """A length above the limit is answered 413 at once; none of the content reaches a server."""
        talk = Conversation(self, route=replace(ROUTE, max_body=10))
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Content-Length: 11"))
        client.sees_answer("HTTP/1.1 413 Content Too Large", "Connection: close")
        client.sends(b"x" * 11 + get())
        client.closes()
        self.assertEqual(talk.begun, 0)
        talk.is_over()

    def test_max_body_while_it_comes(self) -> None:
        """Chunked content that grows above the limit is answered 413 and the server's request is cut off."""
        talk = Conversation(self, route=replace(ROUTE, max_body=10))
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n")
        server = talk.accepts()
        client.sends(b"6\r\nworld!\r\n")
        client.sees_answer("HTTP/1.1 413 Content Too Large", "Connection: close")
        server.sees_reset()
        client.sends(b"0\r\n\r\n" + get())
        client.closes()
        self.assertEqual(talk.codes(), [413])
        self.assertEqual(talk.server().counters.errors["reset"], 0)
        talk.is_over()

    def test_max_body_of_what_is_there_already(self) -> None:
        """Chunked content above the limit that came with its head is answered 413."""
        talk = Conversation(self, route=replace(ROUTE, max_body=3))
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked") + b"4\r\nabcd\r\n0\r\n\r\n")
        client.sees_answer("HTTP/1.1 413 Content Too Large", "Connection: close")
        client.closes()
        self.assertEqual(talk.begun, 0)
        talk.is_over()

    def test_max_body_after_the_answer_began(self) -> None:
        """When the answer has begun already there is no way to say 413: the connection is cut."""
        talk = Conversation(self, route=replace(ROUTE, max_body=10))
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n")
        server = talk.accepts()
        server.sends(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + b"1\r\na\r\n")
        client.sends(b"6\r\nworld!\r\n")
        self.assertTrue(client.socket.closed)
        server.sees_reset()
        talk.is_over()

    def test_broken_chunks(self) -> None:
        """Content that is not framed as it should be is answered 400; the server never sees the end of it."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n")
        server = talk.accepts()
        client.sends(b"zz\r\n")
        client.sees_answer("HTTP/1.1 400 Bad Request", "Connection: close")
        server.sees_reset()
        self.assertNotIn(b"0\r\n\r\n", server.taken())
        client.closes()
        talk.is_over()


class TimeTests(SynchronousTestCase):
    """Nobody holds a connection for ever."""

    def test_idle_connection_is_closed_silently(self) -> None:
        """A connection without a request is closed without a word, before the first request and between two."""
        talk = Conversation(self)
        client = talk.client()
        talk.waits(59.0)
        client.is_open()
        client.sends(get())
        server = talk.accepts()
        server.sends(ok())
        client.sees(ok())
        talk.waits(59.0)
        client.is_open()
        talk.waits(2.0)
        client.sees_nothing()
        client.sees_close()
        talk.is_over()

    def test_header_timeout(self) -> None:
        """A head that does not become complete is answered 408, however it trickles in."""
        talk = Conversation(self)
        client = talk.client()
        for octet in get("/", "X: " + "y" * 100)[:9]:
            client.sends(bytes((octet,)))
            client.is_open()
            talk.waits(1.1)
        talk.waits(1.0)
        client.sees_answer("HTTP/1.1 408 Request Timeout", "Connection: close")
        self.assertEqual(talk.codes(), [408])
        client.closes()
        talk.is_over()

    def test_an_empty_line_does_not_prolong_the_idle_time(self) -> None:
        """Octets that are no request do not hold the connection."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(b"\r")
        talk.waits(61.0)
        self.assertTrue(client.socket.closed)
        talk.is_over()

    def test_body_timeout(self) -> None:
        """Content that makes no progress is answered 408, and the server is let go."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Content-Length: 1000"))
        server = talk.accepts()
        for _ in range(3):
            talk.waits(29.0)
            client.sends(b"x" * 300)
        client.is_open()
        talk.waits(61.0)
        client.sees_answer("HTTP/1.1 408 Request Timeout", "Connection: close")
        server.sees_reset()
        self.assertEqual(talk.server().counters.errors["timeout"], 0)
        self.assertEqual(talk.codes(), [408])
        client.closes()
        talk.is_over()

    def test_one_byte_now_and_then_is_no_progress(self) -> None:
        """A client that sends one octet of its content every few seconds is cut off all the same."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Content-Length: 1000"))
        talk.accepts()
        for _ in range(8):
            client.sends(b"x")
            talk.waits(5.0)
        client.sees_answer("HTTP/1.1 408 Request Timeout", "Connection: close")
        client.closes()
        talk.is_over()

    def test_send_timeout(self) -> None:
        """A client that takes nothing of its response is cut off, and the server is let go."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        client.blocks()
        server.sends(ok(b"x" * 500_000))
        talk.waits(59.0)
        self.assertFalse(client.socket.closed)
        talk.waits(62.0)
        client.sees_reset()
        server.sees_reset()
        talk.is_over()

    def test_a_client_that_takes_a_byte_now_and_then(self) -> None:
        """Taking one octet every few seconds does not hold the connection for ever."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        client.blocks()
        server.sends(ok(b"x" * 500_000))
        for _ in range(20):
            talk.waits(9.0)
            client.takes(1)
        client.sees_reset()
        talk.is_over()

    def test_a_slow_client_that_takes_enough_is_served(self) -> None:
        """A slow but steady reader gets all of it, however long it takes."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        client.blocks()
        server.sends(ok(b"x" * 500_000))
        for _ in range(26):
            talk.waits(50.0)
            client.takes(20_000)
        client.is_open()
        client.unblocks()
        self.assertEqual(talk.codes(), [200])
        talk.is_over()

    def test_send_timeout_of_the_last_answer(self) -> None:
        """Also an answer that is written and waits for the client has its time, with and without close after it."""
        for lines in ((), ("Connection: close",)):
            talk = Conversation(self)
            client = talk.client()
            client.blocks()
            client.sends(get("/", *lines))
            talk.accepts().sends(ok(b"x" * 1000))
            talk.waits(200.0)
            self.assertTrue(client.socket.closed, lines)
            talk.is_over()

    def test_a_half_closed_lingering_connection_is_not_kept(self) -> None:
        """After an error answer that nobody takes, the connection is gone within the limits."""
        talk = Conversation(self)
        client = talk.client()
        client.blocks()
        client.sends(b"nonsense\r\n\r\n")
        talk.waits(200.0)
        self.assertTrue(client.socket.closed)
        talk.is_over()


class ClientLeavesTests(SynchronousTestCase):
    """A client that leaves is let go at once, in every phase, and what worked for it is stopped."""

    def test_while_its_head_is_incomplete(self) -> None:
        """Nothing was begun, so nothing is finished."""
        for leave in ("closes", "aborts"):
            talk = Conversation(self)
            client = talk.client()
            client.sends(b"GET / HT")
            getattr(client, leave)()
            self.assertTrue(client.socket.closed)
            self.assertEqual(talk.codes(), [])
            talk.is_over()

    def test_while_a_server_is_dialled(self) -> None:
        """The attempt to connect is given up."""
        for leave in ("closes", "aborts", "ends"):
            talk = Conversation(self)
            client = talk.client()
            client.sends(get())
            getattr(client, leave)()
            talk.nobody_is_dialled()
            self.assertEqual(talk.codes(), [499])
            talk.is_over()

    def test_while_it_waits_for_the_answer(self) -> None:
        """The server's connection is cut, and the server is not blamed."""
        for leave in ("closes", "aborts", "ends"):
            talk = Conversation(self)
            client = talk.client()
            client.sends(get())
            server = talk.accepts()
            getattr(client, leave)()
            server.sees_reset()
            self.assertEqual(talk.codes(), [499])
            self.assertEqual(sum(talk.server().counters.errors.values()), 0)
            talk.is_over()

    def test_while_its_content_comes(self) -> None:
        """The server never sees a complete request."""
        for leave in ("closes", "aborts"):
            for framing in ("Content-Length: 10", "Transfer-Encoding: chunked"):
                talk = Conversation(self)
                client = talk.client()
                client.sends(head("POST / HTTP/1.1", "Host: a", framing))
                server = talk.accepts()
                client.sends(b"5\r\n")
                getattr(client, leave)()
                server.sees_reset()
                self.assertEqual(talk.codes(), [499])
                talk.is_over()

    def test_while_its_content_is_held_back(self) -> None:
        """A client that aborts while its content waits for a slow server is noticed when reading goes on."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Content-Length: 500000"))
        server = talk.accepts()
        server.blocks()
        client.sends(b"x" * 200_000)
        client.aborts()
        server.unblocks()
        server.sees_reset()
        self.assertEqual(talk.codes(), [499])
        talk.is_over()

    def test_while_the_response_streams(self) -> None:
        """The server's connection is cut; the status that was sent stays, with the client named as the reason."""
        for leave in ("closes", "aborts"):
            talk = Conversation(self)
            client = talk.client()
            client.sends(get())
            server = talk.accepts()
            server.sends(head("HTTP/1.1 200 OK", "Content-Length: 10") + b"hello")
            getattr(client, leave)()
            server.sees_reset()
            exchange = talk.last()
            assert exchange.error is not None
            self.assertEqual((exchange.code, exchange.error.reason), (200, "client_abort"))
            talk.is_over()

    def test_while_the_response_is_held_back_for_it(self) -> None:
        """A client that takes nothing and then leaves frees everything."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        client.blocks()
        server.sends(ok(b"x" * 1_000_000))
        client.aborts()
        server.sees_reset()
        self.assertEqual(len(talk.exchanges), 1)
        talk.is_over()

    def test_with_pipelined_requests(self) -> None:
        """What it had asked for besides is never begun."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get() * 5)
        talk.accepts()
        client.aborts()
        self.assertEqual((talk.begun, talk.codes()), (1, [499]))
        talk.is_over()

    def test_after_the_answer(self) -> None:
        """Nothing is left of it."""
        for leave in ("closes", "aborts", "ends"):
            talk = Conversation(self)
            client = talk.client()
            client.sends(get())
            talk.accepts().sends(ok())
            getattr(client, leave)()
            self.assertTrue(client.socket.closed)
            self.assertEqual(talk.codes(), [200])
            self.assertEqual(len(talk.pool().idle), 1)
            talk.is_over()

    def test_half_close_served(self) -> None:
        """With `half_close = serve` a client that has only stopped sending still gets its answer."""
        talk = Conversation(self, replace(LISTENER, half_close="serve"))
        client = talk.client()
        client.sends(get())
        client.ends()
        server = talk.accepts()
        server.sends(ok(b"hello"))
        client.sees_answer("HTTP/1.1 200 OK", "Connection: close")
        client.sees_close()
        self.assertEqual(talk.codes(), [200])
        talk.is_over()

    def test_half_close_served_in_order(self) -> None:
        """The pipelined requests of a client that has stopped sending are all answered."""
        talk = Conversation(self, replace(LISTENER, half_close="serve"))
        client = talk.client()
        client.sends(get("/1") + get("/2"))
        client.ends()
        server = talk.accepts()
        server.sends(ok(b"one"))
        server.sends(ok(b"two"))
        self.assertEqual(talk.codes(), [200, 200])
        self.assertTrue(client.socket.closed)
        talk.is_over()

    def test_half_close_served_while_it_streams(self) -> None:
        """It makes no difference that the response takes long."""
        talk = Conversation(self, replace(LISTENER, half_close="serve"))
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        server.sends(head("HTTP/1.1 200 OK", "Content-Length: 4") + b"ab")
        client.ends()
        server.sends(b"cd")
        client.sees(ok(b"abcd"))
        client.sees_close()
        talk.is_over()


class ShutdownTests(SynchronousTestCase):
    """A listener that drains lets go in good order."""

    def test_idle_connections_close(self) -> None:
        """Connections without a request are closed at once."""
        talk = Conversation(self)
        client = talk.client()
        talk.listener.drain()
        talk.settle()
        client.sees_close()
        talk.is_over()

    def test_what_runs_is_finished(self) -> None:
        """A running request is answered, with close; further ones are not begun."""
        talk = Conversation(self)
        idle: list[bool] = []
        talk.listener.on_idle = lambda: idle.append(True)
        client = talk.client()
        client.sends(get("/1") + get("/2"))
        server = talk.accepts()
        talk.listener.drain()
        talk.settle()
        client.is_open()
        self.assertEqual(idle, [])
        server.sends(ok(b"one"))
        client.sees_answer("HTTP/1.1 200 OK", "Connection: close")
        client.closes()
        self.assertEqual(idle, [True])
        self.assertEqual(talk.begun, 1)
        talk.is_over()

    def test_a_response_that_streams_is_finished(self) -> None:
        """Content that is under way arrives whole; then the connection is closed."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        server.sends(head("HTTP/1.1 200 OK", "Content-Length: 4") + b"ab")
        talk.listener.drain()
        server.sends(b"cd")
        client.sees(ok(b"abcd"))
        client.sees_close()
        talk.is_over()

    def test_a_half_sent_head_is_not_waited_for(self) -> None:
        """A request that is not complete does not hold the shutdown up."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(b"GET /")
        talk.listener.drain()
        talk.settle()
        self.assertTrue(client.socket.closed)
        talk.is_over()

    def test_abort(self) -> None:
        """When the patience is over everything is cut."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        talk.listener.abort()
        talk.settle()
        client.sees_reset()
        server.sees_reset()
        self.assertEqual(len(talk.exchanges), 1)
        talk.is_over()


class AnswerTests(SynchronousTestCase):
    """Answers of our own keep the connection usable where that is safe."""

    def test_404(self) -> None:
        """A request that no route takes is answered 404, and the next one is read."""
        talk = Conversation(self, route=replace(ROUTE, method=("PUT",)))
        client = talk.client()
        client.sends(get(), get())
        client.sees_head("HTTP/1.1 404 Not Found")
        client.is_open()
        self.assertEqual(talk.codes(), [404, 404])
        talk.is_over()

    def test_404_with_content(self) -> None:
        """The content of a request that nobody serves is never read as the next request."""
        talk = Conversation(self, route=replace(ROUTE, method=("PUT",)))
        client = talk.client()
        inner = get("/smuggled")
        client.sends(post(inner)[: -len(inner)])
        client.sends(inner)
        client.sends(get())
        self.assertEqual(talk.codes(), [404, 404])
        client.is_open()
        talk.is_over()

    def test_error_to_head(self) -> None:
        """An answer of ours to HEAD has no content."""
        talk = Conversation(self, backend=replace(BACKEND, servers=()))
        client = talk.client()
        client.sends(head("HEAD / HTTP/1.1", "Host: a"))
        client.sees_head("HTTP/1.1 503 Service Unavailable")
        client.sees_nothing()
        talk.is_over()

    def test_loop(self) -> None:
        """A request that comes back to the listener that sent it is answered 508."""
        talk = Conversation(self, replace(LISTENER, via=True))
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        via = server.sees_head("GET / HTTP/1.1").get(b"via")
        assert via is not None
        server.sends(ok())
        client.taken()
        client.sends(get("/", f"Via: {via.decode()}"))
        client.sees_head("HTTP/1.1 508 Loop Detected")
        talk.is_over()

    def test_via_in_the_response(self) -> None:
        """The response tells of us too, if the listener has `via`."""
        talk = Conversation(self, replace(LISTENER, via=True))
        client = talk.client()
        client.sends(get())
        talk.accepts().sends(ok())
        self.assertIn(b"via", client.sees_head("HTTP/1.1 200 OK"))
        talk.is_over()

    def test_byte_counts(self) -> None:
        """The exchange knows the octets of content received and of everything sent."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(post(b"hello"))
        talk.accepts().sends(ok(b"x" * 100))
        exchange = talk.last()
        self.assertEqual(exchange.bytes_received, 5)
        self.assertEqual(exchange.bytes_sent, len(client.taken()))
        self.assertEqual(talk.listener.counters.bytes_received, len(post(b"hello")))
        talk.is_over()
