"""What is told to servers about clients, and what is kept between the two of us."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.errors import LoopDetected
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin, prepare_request, prepare_response
from twisted_relay.http.http1 import read_request, read_response
from twisted_relay.http.message import Request

PEER = Origin("192.0.2.1", b"http", 8080, b"")
TRUSTED = Origin("192.0.2.1", b"http", 8080, b"", trusted=True)
WITH_VIA = Origin("192.0.2.1", b"http", 8080, b"web-1234")
TOLD = {
    b"X-Forwarded-For": b"192.0.2.1",
    b"X-Forwarded-Proto": b"http",
    b"X-Forwarded-Host": b"a:81",
    b"X-Forwarded-Port": b"8080",
    b"Forwarded": b'for=192.0.2.1;proto=http;host="a:81"',
}


def request_of(*lines: str, start: str = "GET / HTTP/1.1") -> Request:
    """A request to a:81 with these field lines."""
    return read_request("\r\n".join([start, "Host: a:81", *lines]).encode("latin-1"))


def prepared(origin: Origin, *lines: str) -> Fields:
    """The fields of such a request as a server gets them, without X-Request-Id."""
    request = request_of(*lines)
    prepare_request(request, origin)
    request.fields.remove(b"x-request-id")
    return request.fields


class RequestTests(SynchronousTestCase):
    """The fields that a request gets."""

    def test_added(self) -> None:
        """A server learns who asked, how, and for what, behind everything the client said."""
        self.assertEqual(list(prepared(PEER, "Accept: x")), [(b"Accept", b"x"), *TOLD.items()])

    def test_replaced(self) -> None:
        """What a client that is not trusted says of itself is not believed, in any spelling or repetition."""
        fields = prepared(
            PEER,
            "x-forwarded-for: 10.0.0.1",
            "X-FORWARDED-FOR: 10.0.0.2",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: evil",
            "X-Forwarded-Port: 1",
            "forwarded: for=10.0.0.3",
            "X-Forwarded-Other: kept",
        )
        self.assertEqual(list(fields), [(b"X-Forwarded-Other", b"kept"), *TOLD.items()])

    def test_appended(self) -> None:
        """What a proxy of ours says is kept, and its own address is added."""
        fields = prepared(
            TRUSTED, "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Proto: https", "Forwarded: for=10.0.0.1;proto=https"
        )
        self.assertEqual(fields.get_all(b"x-forwarded-for"), [b"10.0.0.1, 192.0.2.1"])
        self.assertEqual(fields.get_all(b"x-forwarded-proto"), [b"https"])
        self.assertEqual(fields.get_all(b"x-forwarded-host"), [b"a:81"])
        self.assertEqual(fields.get_all(b"forwarded"), [b"for=10.0.0.1;proto=https, " + TOLD[b"Forwarded"]])

    def test_appended_to_several_lines(self) -> None:
        """A chain in several lines becomes one, in order."""
        fields = prepared(TRUSTED, "X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 10.0.0.2, 10.0.0.3")
        self.assertEqual(fields.get_all(b"x-forwarded-for"), [b"10.0.0.1, 10.0.0.2, 10.0.0.3, 192.0.2.1"])

    def test_connection_cannot_drop_ours(self) -> None:
        """A client that names our fields in Connection only loses its own."""
        fields = prepared(TRUSTED, "Connection: x-forwarded-for, forwarded", "X-Forwarded-For: 10.0.0.1")
        self.assertEqual(dict(fields), TOLD)

    def test_addresses(self) -> None:
        """IPv6 is quoted in Forwarded, IPv4 in IPv6 is IPv4, and a UNIX socket has no address."""
        for client, plain, node in (
            ("2001:db8::1", b"2001:db8::1", b'"[2001:db8::1]"'),
            ("fe80::1%eth0", b"fe80::1", b'"[fe80::1]"'),
            ("::ffff:192.0.2.7", b"192.0.2.7", b"192.0.2.7"),
            ("", b"unknown", b"unknown"),
        ):
            fields = prepared(Origin(client, b"https", 0, b""))
            self.assertEqual(fields.get(b"x-forwarded-for"), plain)
            self.assertEqual(fields.get(b"forwarded"), b'for=%b;proto=https;host="a:81"' % node)
            self.assertNotIn(b"x-forwarded-port", fields)

    def test_no_authority(self) -> None:
        """What the client did not say is not told."""
        request = request_of(start="GET / HTTP/1.0")
        request.authority = b""
        prepare_request(request, PEER)
        self.assertNotIn(b"x-forwarded-host", request.fields)
        self.assertEqual(request.fields.get(b"forwarded"), b"for=192.0.2.1;proto=http")

    def test_two_authorities_on_one_connection(self) -> None:
        """What is remembered for one request is not told of the next."""
        origin = Origin("192.0.2.1", b"http", 8080, b"")
        for authority in (b"a:81", b"b", b"a:81"):
            request = request_of()
            request.authority = authority
            prepare_request(request, origin)
            self.assertEqual(request.fields.get_all(b"x-forwarded-host"), [authority])

    def test_via(self) -> None:
        """Appended to those of others; our own means a loop."""
        fields = prepared(WITH_VIA, "Via: 1.0 fred, 1.1 web-9999 (x)")
        self.assertEqual(fields.get_all(b"via"), [b"1.0 fred, 1.1 web-9999 (x)", b"1.1 web-1234"])
        for value in ("1.1 web-1234", "1.0 fred, 1.1 web-1234 (relay)", "HTTP/1.1 web-1234"):
            self.assertRaises(LoopDetected, prepared, WITH_VIA, "Via: 1.1 x", "via: " + value)

    def test_lines_stay_apart(self) -> None:
        """Requests of one connection do not share their lines."""
        first, second = request_of(), request_of()
        prepare_request(first, PEER)
        first.fields.add(b"X", b"y")
        prepare_request(second, PEER)
        self.assertNotIn(b"x", second.fields)


class ResponseTests(SynchronousTestCase):
    """The fields that a response loses."""

    def test_fields_of_the_connection(self) -> None:
        """They are between the server and us."""
        response = read_response(b"HTTP/1.1 200 OK\r\nConnection: x, close\r\nX: y\r\nVary: z", b"GET")
        prepare_response(response, trailers_pass=True)
        self.assertEqual(response.fields.lines, [b"Vary: z"])

    def test_trailer(self) -> None:
        """Trailers that are not passed on are not announced."""
        for passes, lines in ((True, [b"Trailer: X-Sum"]), (False, [])):
            head = b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked"
            response = read_response(head, b"GET")
            prepare_response(response, trailers_pass=passes)
            self.assertEqual(response.fields.lines, lines)
