"""The codec: heads read, heads written, and the same meaning however octets arrive.

What is refused stands in `tests/hostile/requests.py` and `responses.py`.
"""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support import octets
from twisted_relay.errors import BadResponse, ClientError
from twisted_relay.http.body import ChunkedReader, CloseReader, LengthReader
from twisted_relay.http.fields import Fields
from twisted_relay.http.http1 import (
    END,
    MAX_RESPONSE_HEAD,
    RequestLimits,
    find_request_head,
    find_response_head,
    read_request,
    read_response,
    request_reader,
    response_reader,
    without_connection_fields,
    write_request,
    write_status_line,
)
from twisted_relay.http.message import Request, Response

LIMITS = RequestLimits()
SMALL = RequestLimits(max_line=24, max_section=30, max_fields=3)


def request_of(*lines: str, start: str = "GET / HTTP/1.1", host: str = "Host: a") -> Request:
    """A request with these field lines."""
    return read_request("\r\n".join([start, host, *lines]).encode("latin-1"))


def response_of(*lines: str, start: str = "HTTP/1.1 200 OK", method: bytes = b"GET") -> Response:
    """A response with these field lines."""
    return read_response("\r\n".join([start, *lines]).encode("latin-1"), method)


def kept(message: Request | Response) -> list[bytes]:
    """The field lines that are passed on."""
    without_connection_fields(message)
    return message.fields.lines


class RequestTests(SynchronousTestCase):
    """What a request is understood to be."""

    def test_target(self) -> None:
        """The target as it came, and the parts of it that routes look at."""
        request = request_of(start="GET /a/%2e%2e/%62//c?d=%2e&e HTTP/1.1", host="Host: Example.com:80")
        self.assertEqual(request.target, b"/a/%2e%2e/%62//c?d=%2e&e")
        self.assertEqual(request.path, b"/b/c")
        self.assertEqual(request.query, b"d=%2e&e")
        self.assertEqual(request.authority, b"Example.com:80")
        self.assertEqual(request.host, b"example.com")

    def test_absolute_form(self) -> None:
        """The authority of the target takes the place of Host."""
        for start, target, path in (
            ("GET http://B:81/x?y HTTP/1.1", b"/x?y", b"/x"),
            ("GET HTTP://B:81 HTTP/1.1", b"/", b"/"),
            ("OPTIONS http://B:81 HTTP/1.1", b"*", b"*"),
            ("OPTIONS http://B:81? HTTP/1.1", b"/?", b"/"),
        ):
            request = request_of(start=start)
            self.assertEqual((request.target, request.path), (target, path), start)
            self.assertEqual((request.authority, request.host), (b"B:81", b"b"), start)

    def test_no_authority(self) -> None:
        """An empty Host, or none in HTTP/1.0, leaves it to the server's own."""
        for request in (request_of(host="Host:"), read_request(b"GET / HTTP/1.0")):
            self.assertEqual((request.authority, request.host), (b"", b""))

    def test_persistence(self) -> None:
        """Whether the client would like to go on."""
        for start, lines, keep_alive in (
            ("GET / HTTP/1.1", (), True),
            ("GET / HTTP/1.1", ("Connection: close",), False),
            ("GET / HTTP/1.1", ("Connection: x, CLOSE , keep-alive",), False),
            ("GET / HTTP/1.1", ("Connection: keep-alive", "Connection: close"), False),
            ("GET / HTTP/1.1", ("Connection: close", "Connection: keep-alive"), False),
            ("GET / HTTP/1.0", (), False),
            ("GET / HTTP/1.0", ("Connection: Keep-Alive",), True),
            ("GET / HTTP/1.0", ("Connection: x, keep-alive",), True),
            ("GET / HTTP/1.0", ("Proxy-Connection: keep-alive",), False),
        ):
            self.assertEqual(request_of(*lines, start=start).keep_alive, keep_alive, (start, lines))

    def test_upgrade(self) -> None:
        """Only when Connection names it, and not in HTTP/1.0."""
        lines = ("Upgrade: websocket", "Connection: keep-alive, Upgrade", "upgrade: h2c")
        self.assertEqual(request_of(*lines).upgrade, b"websocket, h2c")
        self.assertEqual(request_of("Upgrade: websocket").upgrade, b"")
        self.assertEqual(request_of(*lines, start="GET / HTTP/1.0").upgrade, b"")

    def test_trailers_wanted(self) -> None:
        """TE may name them among others."""
        self.assertTrue(request_of("TE: gzip;q=0.5, Trailers").wants_trailers)
        self.assertFalse(request_of("TE: trailers;q=0").wants_trailers)

    def test_expectation(self) -> None:
        """It is passed on, but HTTP/1.0 has none."""
        request = request_of("Expect: 100-Continue")
        self.assertTrue(request.expects_continue)
        self.assertEqual(kept(request), [b"Expect: 100-Continue"])
        old = request_of("Expect: 100-continue", start="GET / HTTP/1.0")
        self.assertFalse(old.expects_continue)
        self.assertEqual(kept(old), [])

    def test_what_is_passed_on(self) -> None:
        """Everything but what belongs to this connection, in order, case and repetition."""
        request = request_of(
            "X-a:1",
            "Connection: x-b, close, X-A2",
            "X-B: gone",
            "ACCEPT:  */*  ",
            "x-b: gone too",
            "Keep-Alive: 5",
            "Proxy-Connection: x",
            "Proxy-Authorization: y",
            "TE: gzip",
            "Transfer-Encoding: chunked",
            "X-A2: gone",
            "Trailer: X-Sum",
            "Upgrade: z",
            "X-a: \xe4",
        )
        self.assertEqual(kept(request), [b"X-a:1", b"ACCEPT:  */*  ", b"Trailer: X-Sum", b"X-a: \xe4"])

    def test_underscores(self) -> None:
        """To CGI and WSGI servers `X_Forwarded_For` is X-Forwarded-For: no such twin of a field of ours passes."""
        request = request_of("X_Forwarded_For: 10.0.0.1", "x-forwarded_PROTO: https", "My_Field: 1", "X_Request_Id: x")
        self.assertEqual(kept(request), [b"My_Field: 1"])
        request = request_of("Content_Length: 5", "Transfer_Encoding: chunked", "Proxy_Authorization: x")
        self.assertEqual((request.length, kept(request)), (0, []))

    def test_trailer_named_in_connection(self) -> None:
        """Trailer is for the next one only, if the client says so."""
        self.assertEqual(kept(request_of("Connection: trailer", "Trailer: X")), [])

    def test_names_are_remembered_in_bounds(self) -> None:
        """A flood of field names is read and not kept, and the usual ones still mean what they mean."""
        for number in range(5000):
            read_request(b"GET / HTTP/1.1\r\nHost: a\r\nX-%d: y" % number)
        self.assertEqual(request_of("cOnTeNt-LeNgTh: 5").length, 5)
        self.assertRaises(ClientError, request_of, "X-1 : y")

    def test_readers(self) -> None:
        """What reads the content."""
        self.assertIsNone(request_reader(request_of()))
        self.assertIsNone(request_reader(request_of("Content-Length: 0")))
        self.assertIsInstance(request_reader(request_of("Content-Length: 1")), LengthReader)
        self.assertIsInstance(request_reader(request_of("Transfer-Encoding: chunked")), ChunkedReader)

    def test_limits_of_small_sections(self) -> None:
        """A field section is limited also when it is shorter than a request line may be."""
        limits = RequestLimits(max_line=1000, max_section=10)
        self.assertRaises(ClientError, find_request_head, b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n", limits)


class WriteRequestTests(SynchronousTestCase):
    """The head that servers get."""

    def test_framing(self) -> None:
        """Computed from what was understood, never copied."""
        for lines, start, framing in (
            ((), "GET / HTTP/1.1", b""),
            (("Content-Length: 0",), "GET / HTTP/1.1", b""),
            (("Content-Length: 0",), "POST / HTTP/1.1", b"Content-Length: 0\r\n"),
            ((), "PUT / HTTP/1.0", b"Content-Length: 0\r\n"),
            (("Content-Length: 007",), "GET / HTTP/1.1", b"Content-Length: 7\r\n"),
            (("transfer-encoding: \tCHUNKED",), "GET / HTTP/1.1", b"Transfer-Encoding: chunked\r\n"),
            (("TE: trailers, x",), "GET / HTTP/1.1", b"Connection: TE\r\nTE: trailers\r\n"),
        ):
            request = request_of(*lines, start=start)
            without_connection_fields(request)
            expected = b"%b / HTTP/1.1\r\nHost: b:1\r\n%b\r\n" % (request.method, framing)
            self.assertEqual(write_request(request, b"b:1"), expected, lines)

    def test_fields(self) -> None:
        """Behind Host, as they came."""
        request = request_of("X:1", "Cookie: a ")
        without_connection_fields(request)
        self.assertEqual(write_request(request, b"b"), b"GET / HTTP/1.1\r\nHost: b\r\nX:1\r\nCookie: a \r\n\r\n")

    def test_upgrade(self) -> None:
        """Asked of the server in our own words."""
        request = request_of("Connection: upgrade", "Upgrade: websocket")
        without_connection_fields(request)
        written = write_request(request, b"b", request.upgrade)
        self.assertEqual(written, b"GET / HTTP/1.1\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")

    @given(octets.methods, octets.targets, octets.sections, st.none() | st.integers(0, (1 << 63) - 1))
    def test_round_trip(
        self, method: bytes, target: bytes, section: list[tuple[bytes, bytes]], length: int | None
    ) -> None:
        """What is written is read as the same request."""
        request = Request(method, target, Fields.of(section))
        request.length = length
        written = write_request(request, b"example.com:8080")
        self.assertEqual(find_request_head(written, LIMITS), len(written) - len(END))
        again = read_request(written[: -len(END)])
        self.assertEqual((again.method, again.target, again.authority), (method, target, b"example.com:8080"))
        self.assertEqual((again.length, again.keep_alive, again.minor), (length, True, 1))
        without_connection_fields(again)
        self.assertEqual(again.fields, request.fields)


class ResponseTests(SynchronousTestCase):
    """What a response is understood to be."""

    def test_status_line(self) -> None:
        """Code and reason as they came."""
        response = response_of(start="HTTP/1.1 404  Not\there \xe4")
        self.assertEqual((response.status, response.reason), (404, b" Not\there \xe4"))
        self.assertEqual(response_of(start="HTTP/1.1 200").reason, b"")
        self.assertEqual(write_status_line(404, b"Not Found"), b"HTTP/1.1 404 Not Found\r\n")

    def test_framing(self) -> None:
        """The length, and what reads the content."""
        for lines, start, method, length, reader in (
            (("Content-Length: 5",), "HTTP/1.1 200 OK", b"GET", 5, LengthReader),
            (("Content-Length: 0",), "HTTP/1.1 200 OK", b"GET", 0, None),
            (("Content-Length: 5",), "HTTP/1.1 200 OK", b"HEAD", 5, None),
            (("Content-Length: 5",), "HTTP/1.1 304 OK", b"GET", 5, None),
            (("Content-Length: 5",), "HTTP/1.1 204 OK", b"GET", 0, None),
            (("Content-Length: 5",), "HTTP/1.1 103 OK", b"GET", 0, None),
            (("Transfer-Encoding: chunked",), "HTTP/1.1 200 OK", b"GET", None, ChunkedReader),
            (("Transfer-Encoding: chunked",), "HTTP/1.1 200 OK", b"HEAD", None, None),
            (("Transfer-Encoding: chunked",), "HTTP/1.1 304 OK", b"GET", None, None),
            ((), "HTTP/1.1 200 OK", b"GET", None, CloseReader),
            ((), "HTTP/1.0 200 OK", b"POST", None, CloseReader),
            ((), "HTTP/1.1 200 OK", b"HEAD", None, None),
        ):
            response = response_of(*lines, start=start, method=method)
            self.assertEqual(response.length, length, (lines, start))
            made = response_reader(response, method)
            self.assertEqual(made if made is None else type(made), reader, (lines, start, method))

    def test_persistence(self) -> None:
        """Whether the connection can serve another request."""
        for lines, keep_alive in (
            ((), True),
            (("Connection: close",), False),
            (("Connection: keep-alive",), True),
            (("Connection: close", "Connection: keep-alive"), False),
            (("Connection: keep-alive", "Connection: close"), False),
        ):
            self.assertEqual(response_of(*lines).keep_alive, keep_alive, lines)

    def test_what_is_passed_on(self) -> None:
        """Everything but what belongs to this connection, in order, case and repetition."""
        response = response_of(
            "Set-Cookie: a",
            "Connection: x-b",
            "X-B: gone",
            "Keep-Alive: 5",
            "Transfer-Encoding: chunked",
            "Proxy-Authenticate: Basic",
            "Upgrade: h2c",
            "set-cookie:b",
            "Host: odd",
        )
        self.assertEqual(kept(response), [b"Set-Cookie: a", b"set-cookie:b", b"Host: odd"])

    @given(st.integers(200, 599), octets.values, octets.sections, st.integers(0, 1 << 40))
    def test_round_trip(self, status: int, reason: bytes, section: list[tuple[bytes, bytes]], length: int) -> None:
        """What is written is read as the same response."""
        fields = Fields.of([*section, (b"Content-Length", b"%d" % length)])
        head = write_status_line(status, reason) + b"\r\n".join(fields.lines)
        self.assertEqual(find_response_head(head + END), len(head))
        response = read_response(head, b"GET")
        self.assertEqual((response.status, response.reason), (status, reason))
        self.assertEqual(response.length, 0 if status == 204 else length)
        without_connection_fields(response)
        self.assertEqual(list(response.fields), section)


Verdict = int | type[Exception] | None
"""Where an acceptable head ends, `ClientError` or `BadResponse` for a refused one, None while it is not complete."""


def request_verdict(buffer: bytes, limits: RequestLimits, places: list[int]) -> Verdict:
    """What becomes of a head that comes in parts."""
    seen = 0
    for end in [*sorted(place % (len(buffer) + 1) for place in places), len(buffer)]:
        try:
            found = find_request_head(buffer[:end], limits, seen)
            if found >= 0:
                read_request(buffer[:found], limits.max_fields)
                return found
        except ClientError:
            return ClientError
        seen = end
    return None


def response_verdict(buffer: bytes, places: list[int]) -> Verdict:
    """The same for a response."""
    seen = 0
    for end in [*sorted(place % (len(buffer) + 1) for place in places), len(buffer)]:
        try:
            found = find_response_head(buffer[:end], seen)
            if found >= 0:
                read_response(buffer[:found], b"GET")
                return found
        except BadResponse:
            return BadResponse
        seen = end
    return None


class AnyOctetsTests(SynchronousTestCase):
    """Whatever comes, and however it comes."""

    @given(octets.octets(), octets.places, st.sampled_from([LIMITS, SMALL]))
    def test_requests(self, buffer: bytes, places: list[int], limits: RequestLimits) -> None:
        """Nothing but a `ClientError` is raised, and the parts do not matter."""
        self.assert_same_request(buffer, places, limits)

    @given(octets.targets, octets.sections, octets.SPECIAL, st.integers(0, 200), octets.places)
    def test_requests_with_a_fault(
        self, target: bytes, section: list[tuple[bytes, bytes]], fault: bytes, place: int, places: list[int]
    ) -> None:
        """The same for a request that would be good but for one piece in the wrong place."""
        good = write_request(Request(b"POST", target, Fields.of(section)), b"a")
        place %= len(good) + 1
        self.assert_same_request(good[:place] + fault + good[place:], places, LIMITS)

    def assert_same_request(self, buffer: bytes, places: list[int], limits: RequestLimits) -> None:
        """Whole, octet by octet, and cut at these places."""
        whole = request_verdict(buffer, limits, [])
        self.assertEqual(request_verdict(buffer, limits, list(range(1, len(buffer)))), whole)
        self.assertEqual(request_verdict(buffer, limits, places), whole)

    @given(octets.octets().map(lambda data: b"HTTP/1.1 " + data) | octets.octets(), octets.places)
    def test_responses(self, buffer: bytes, places: list[int]) -> None:
        """Nothing but `BadResponse` is raised, and the parts do not matter."""
        whole = response_verdict(buffer, [])
        self.assertEqual(response_verdict(buffer, list(range(1, len(buffer)))), whole)
        self.assertEqual(response_verdict(buffer, places), whole)

    @given(octets.octets())
    def test_heads(self, head: bytes) -> None:
        """Heads that nobody has looked at before raise nothing else either."""
        try:
            read_request(head)
        except ClientError:
            pass
        try:
            read_response(head, b"GET")
        except BadResponse:
            pass


class BoundaryTests(SynchronousTestCase):
    """Limits are the same however octets arrive."""

    def test_requests(self) -> None:
        """The longest line and section pass in any parts, and one octet more in none."""
        for line, section, verdict in (
            (24, 30, True),
            (25, 30, False),
            (24, 31, False),
        ):
            start = b"GET /%b HTTP/1.1" % (b"a" * (line - 14))
            buffer = b"%b\r\nHost: a\r\nX: %b\r\n\r\n" % (start, b"y" * (section - 14))
            expected = len(buffer) - len(END) if verdict else ClientError
            for cut in range(len(buffer)):
                self.assertEqual(request_verdict(buffer, SMALL, [cut]), expected, (line, section, cut))
            self.assertEqual(request_verdict(buffer, SMALL, list(range(len(buffer)))), expected)

    def test_responses(self) -> None:
        """The largest head passes in any parts, and one octet more in none."""
        start = b"HTTP/1.1 200 OK\r\nX: "
        for size, verdict in ((MAX_RESPONSE_HEAD, MAX_RESPONSE_HEAD), (MAX_RESPONSE_HEAD + 1, BadResponse)):
            buffer = start + b"y" * (size - len(start)) + END
            for cut in range(len(buffer) - 6, len(buffer) + 1):
                self.assertEqual(response_verdict(buffer, [cut]), verdict, cut)
