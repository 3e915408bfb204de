"""Requests as a forward proxy takes them."""

from collections.abc import Callable
from itertools import product

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.errors import BadRequest, ClientError, MethodNotSupported
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.http1 import write_whole_request
from twisted_relay.http.message import Request
from twisted_relay.http.proxied import (
    OWN,
    authority_of,
    connect_request,
    destination,
    prepare_proxied_request,
    read_proxied_or_own_request,
    read_proxied_request,
)

ORIGIN = Origin("192.0.2.1", b"http", 3128, b"", hidden=True)


def head(line: str, *fields: str) -> bytes:
    """A head without the empty line at its end."""
    return "\r\n".join([line, *fields]).encode("latin-1")


class ReadingTests(SynchronousTestCase):
    """What a client may ask for."""

    def test_destinations(self) -> None:
        """Host and port are those of the URI, or of CONNECT's target; Host is not believed."""
        for line, where, target in (
            ("GET http://example.org/a?b HTTP/1.1", ("example.org", 80), b"/a?b"),
            ("GET http://Example.ORG.:8080 HTTP/1.1", ("example.org", 8080), b"/"),
            ("POST HTTP://[2001:DB8::1]:81/x HTTP/1.1", ("2001:db8::1", 81), b"/x"),
            ("OPTIONS http://example.org HTTP/1.1", ("example.org", 80), b"*"),
            ("CONNECT example.org:443 HTTP/1.1", ("example.org", 443), b"example.org:443"),
            ("CONNECT [::1]:8443 HTTP/1.1", ("::1", 8443), b"[::1]:8443"),
            ("CONNECT 192.0.2.7:443 HTTP/1.0", ("192.0.2.7", 443), b"192.0.2.7:443"),
        ):
            request = read_proxied_request(head(line, "Host: other.example"))
            self.assertEqual((destination(request), request.target), (where, target), line)

    def test_made(self) -> None:
        """A destination that came another way is a CONNECT like any other."""
        for host, port in (("example.org", 443), ("192.0.2.7", 1), ("2001:db8::1", 65535)):
            request = connect_request(host, port)
            read = read_proxied_request(b"CONNECT %b HTTP/1.1\r\nHost: a" % request.target)
            for name in ("method", "target", "authority", "host", "length", "upgrade", "path"):
                self.assertEqual(getattr(request, name), getattr(read, name), name)
            self.assertEqual(destination(request), (host, port))

    def test_a_bad_host(self) -> None:
        """A Host that is none does no harm: the URI says where to go."""
        request = read_proxied_request(head("GET http://[::1]:81/x HTTP/1.1", "Host: ::1:81"))
        self.assertEqual((destination(request), request.authority), (("::1", 81), b"[::1]:81"))

    def test_refused(self) -> None:
        """Paths, other schemes, and CONNECT without a port, with content or with anything else in its target."""
        for line, field, error in (
            ("GET / HTTP/1.1", "", BadRequest),
            ("OPTIONS * HTTP/1.1", "", BadRequest),
            ("GET ftp://example.org/ HTTP/1.1", "", BadRequest),
            ("GET https://example.org/ HTTP/1.1", "", MethodNotSupported),
            ("GET http:///x HTTP/1.1", "", BadRequest),
            ("GET http://a@example.org/ HTTP/1.1", "", BadRequest),
            ("CONNECT example.org HTTP/1.1", "", BadRequest),
            ("CONNECT example.org: HTTP/1.1", "", BadRequest),
            ("CONNECT example.org:0 HTTP/1.1", "", BadRequest),
            ("CONNECT example.org:65536 HTTP/1.1", "", BadRequest),
            ("CONNECT :443 HTTP/1.1", "", BadRequest),
            ("CONNECT [::1] HTTP/1.1", "", BadRequest),
            ("CONNECT [v2.example.org]:443 HTTP/1.1", "", BadRequest),
            ("GET http://[VA.example.org]/ HTTP/1.1", "", BadRequest),
            ("CONNECT http://example.org:443 HTTP/1.1", "", BadRequest),
            ("CONNECT example.org:443/ HTTP/1.1", "", BadRequest),
            ("CONNECT a@example.org:443 HTTP/1.1", "", BadRequest),
            ("CONNECT example.org:443 HTTP/1.1", "Content-Length: 5", BadRequest),
            ("CONNECT example.org:443 HTTP/1.1", "Transfer-Encoding: chunked", BadRequest),
        ):
            lines = ["Host: example.org"] + [field] * bool(field)
            self.assertIsInstance(self.failure_of(head(line, *lines)), error, line)

    def failure_of(self, octets: bytes) -> ClientError | None:
        """Why a head is refused."""
        try:
            read_proxied_request(octets)
        except ClientError as error:
            return error
        return None


class OwnTests(SynchronousTestCase):
    """Requests for what the proxy itself has."""

    METHODS = ("GET", "HEAD", "POST", "OPTIONS", "CONNECT", "TRACE", "get", "PURGE")
    TARGETS = (
        *(
            "/proxy.pac",
            "/wpad.dat",
            "/proxy.pac?x",
            "/wpad.dat?http://a/",
            "/",
            "*",
            "/proxy.pac/",
            "/proxy.pac;x",
            "//proxy.pac",
        ),
        *(
            "/./proxy.pac",
            "/a/../wpad.dat",
            "/%70roxy.pac",
            "/Proxy.pac",
            "proxy.pac",
            "relay:/proxy.pac",
            "?/proxy.pac",
        ),
        *(
            "http://a.example/proxy.pac",
            "http:///proxy.pac",
            "https://a.example/proxy.pac",
            "a.example:443",
            "/proxy.pac:443",
        ),
    )

    def test_two_paths(self) -> None:
        """GET and HEAD of two paths are for the proxy; everything else is read as if there were none."""
        own = []
        for method, target, host in product(
            self.METHODS, self.TARGETS, ("Host: proxy.example:3128", "Host: a b", "X: y")
        ):
            octets = head(f"{method} {target} HTTP/1.1", host)
            with_file, without = outcome(read_proxied_or_own_request, octets), outcome(read_proxied_request, octets)
            if with_file != without:
                self.assertIs(without[0], BadRequest)
                self.assertEqual(with_file[-1], OWN + target.partition("?")[0].encode())
                own.append((method, target, host))
        paths = ("/proxy.pac", "/wpad.dat", "/proxy.pac?x", "/wpad.dat?http://a/")
        self.assertEqual(own, list(product(("GET", "HEAD"), paths, ("Host: proxy.example:3128",))))


def outcome(read: Callable[[bytes], Request], octets: bytes) -> tuple[object, ...]:
    """What a reader makes of a head: what is asked for, or the kind of its refusal."""
    try:
        request = read(octets)
    except ClientError as error:
        return (type(error),)
    return request.method, request.target, request.authority, request.host, request.path


class AnonymityTests(SynchronousTestCase):
    """What destinations see of clients."""

    REVEALING = (
        "Via: 1.1 inner",
        "X-Forwarded-For: 10.0.0.7",
        "Forwarded: for=10.0.0.7",
        "X-Forwarded-Proto: http",
        "X-Real-IP: 10.0.0.7",
        "Client-IP: 10.0.0.7",
        "x-client-ip: 10.0.0.7",
        "X_Real_Ip: 10.0.0.7",
        "X-Forwarded-User: hugo",
        "X-Forwarded-Server: inner",
        "x_forwarded_by: inner",
        "CF-Connecting-IP: 10.0.0.7",
        "WL-Proxy-Client-IP: 10.0.0.7",
        "Proxy-Authorization: Basic YTpi",
        "Proxy-Connection: keep-alive",
        "Connection: X-Secret",
        "X-Secret: 1",
    )

    def test_nothing_of_the_client(self) -> None:
        """Everything that tells of the client, or of proxies before us, is gone, and nothing is added."""
        line = "GET http://example.org/ HTTP/1.1"
        request = read_proxied_request(head(line, "Host: example.org", "Accept: */*", *self.REVEALING))
        self.assertEqual(prepare_proxied_request(request, ORIGIN), b"")
        self.assertEqual(request.fields.lines, [b"Accept: */*"])

    def test_told(self) -> None:
        """With `forwarded` and `via` on, destinations hear of the client, from us alone."""
        told = Origin("192.0.2.1", b"http", 3128, b"relay")
        request = read_proxied_request(head("GET http://a/ HTTP/1.1", "Host: a", "X-Forwarded-For: 10.0.0.7"))
        prepare_proxied_request(request, told)
        self.assertEqual(request.fields.get_all(b"x-forwarded-for"), [b"192.0.2.1"])
        self.assertEqual(request.fields.get(b"via"), b"1.1 relay")


class WritingTests(SynchronousTestCase):
    """What another proxy gets."""

    def test_whole_uris(self) -> None:
        """The URI has the authority that was judged, not the one that the client wrote; the request stays as it is."""
        for line, uri in (
            ("GET http://A.example.:80/x?y HTTP/1.1", b"GET http://a.example/x?y"),
            ("GET http://a.example HTTP/1.1", b"GET http://a.example/"),
            ("GET http://[2001:DB8::1]:8080/%41 HTTP/1.1", b"GET http://[2001:db8::1]:8080/%41"),
            ("OPTIONS http://a.example HTTP/1.1", b"OPTIONS http://a.example"),
        ):
            request = read_proxied_request(head(line, "Host: other", "Accept: a"))
            prepare_proxied_request(request, ORIGIN)
            target, lines = request.target, list(request.fields.lines)
            host, port = destination(request)
            authority = authority_of(host, port)
            written = write_whole_request(request, authority, [b"Proxy-Authorization: Basic eDp5"])
            fields = b"Host: %b\r\nAccept: a\r\nProxy-Authorization: Basic eDp5\r\n\r\n" % authority
            self.assertEqual(written, uri + b" HTTP/1.1\r\n" + fields, line)
            self.assertEqual((request.target, request.fields.lines), (target, lines))
            self.assertEqual(write_whole_request(request, authority).count(b"\r\n"), 4)
