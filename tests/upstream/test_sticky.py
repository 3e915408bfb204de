"""The cookie that keeps a client at its server."""

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import an_exchange
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import Address, ServerSpec, StickySpec
from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Request, Response
from twisted_relay.upstream.server import Server
from twisted_relay.upstream.sticky import Sticky, take_cookie

SECRET = b"sixteen octets.."


def a_server(name: str) -> Server:
    """A server of which only the name matters."""
    return Server(ServerSpec(name, "http", Address("10.0.0.1", 80)), BackendOptions(), lambda: 0.0)


def asking(*cookies: bytes, proto: bytes = b"http") -> Exchange:
    """A request with these Cookie fields."""
    fields = Fields([b"Host: a", *(b"cookie: " + cookie for cookie in cookies), b"X: y"])
    return Exchange(Request(b"GET", b"/", fields), Origin("192.0.2.1", proto, 80, b""), 1.0)


def answer(*lines: bytes) -> Response:
    """A response with these fields."""
    return Response(200, b"OK", Fields(list(lines)))


class CookieTests(SynchronousTestCase):
    """Cookies are read, and taken away."""

    def test_taken(self) -> None:
        """Ours is taken out of the request and all others stay, in their order."""
        for lines, value, left in (
            ([b"SRV=abc"], b"abc", []),
            ([b"a=1; SRV=abc; b=2"], b"abc", [b"a=1; b=2"]),
            ([b'SRV="abc"; b=2'], b"abc", [b"b=2"]),
            ([b"SRV=1; SRV=2"], b"1", []),
            ([b"a=1", b"SRV=abc", b"c=3"], b"abc", [b"a=1", b"c=3"]),
            ([b"SRV="], b"", []),
            ([b"aSRV=1; srv=2"], None, [b"aSRV=1; srv=2"]),
            ([b"a=SRV=1"], None, [b"a=SRV=1"]),
            ([], None, []),
        ):
            exchange = asking(*lines)
            self.assertEqual(take_cookie(exchange.request, b"SRV"), value, lines)
            self.assertEqual(exchange.request.fields.get_all(b"cookie"), left)
            self.assertEqual(exchange.request.fields.get(b"x"), b"y")


class StickyTests(SynchronousTestCase):
    """Clients come back."""

    def setUp(self) -> None:
        """Two servers."""
        self.one, self.two = a_server("s1"), a_server("s2")
        self.sticky = Sticky(StickySpec("SRV"), "app", SECRET)
        self.sticky.update([self.one, self.two])

    def test_there_and_back(self) -> None:
        """Who was given the cookie is recognized by it; as long as the server stays it is not sent again."""
        first, response = asking(), answer()
        self.assertIsNone(self.sticky.take(first))
        self.sticky.stick(first, response, self.two)
        cookie = response.fields.get(b"set-cookie") or b""
        value = cookie.partition(b";")[0]
        self.assertEqual(cookie, value + b"; Path=/; HttpOnly; SameSite=Lax")
        self.assertEqual(response.fields.get(b"cache-control"), b"private")
        second, response = asking(value), answer()
        self.assertIs(self.sticky.take(second), self.two)
        self.assertIs(self.sticky.take(second), self.two)
        self.assertNotIn(b"cookie", second.request.fields)
        self.sticky.stick(second, response, self.two)
        self.assertEqual(list(response.fields), [])
        self.sticky.stick(second, response, self.one)
        self.assertEqual(len(response.fields.get_all(b"set-cookie")), 1)

    def test_attributes(self) -> None:
        """What is configured stands in the cookie; with TLS it is Secure; with an age it is sent again and again."""
        spec = StickySpec("SRV", same_site="Strict", max_age=60, path="/shop", domain="example.org")
        sticky = Sticky(spec, "app", b"")
        sticky.update([self.one])
        exchange = asking(b"SRV=" + sticky.value_for("s1"), proto=b"https")
        self.assertIs(sticky.take(exchange), self.one)
        response = answer(b"Cache-Control: no-store")
        sticky.stick(exchange, response, self.one)
        attributes = b"Path=/shop; HttpOnly; Domain=example.org; Max-Age=60; SameSite=Strict; Secure"
        self.assertEqual(response.fields.get(b"set-cookie"), b"SRV=%b; %b" % (sticky.value_for("s1"), attributes))
        self.assertEqual(response.fields.get_all(b"cache-control"), [b"no-store"])

    def test_values(self) -> None:
        """The value depends on secret, backend and server, and on nothing else."""
        values = {
            Sticky(StickySpec("SRV"), backend, secret).value_for(server)
            for backend in ("app", "api")
            for secret in (SECRET, b"")
            for server in ("s1", "s2")
        }
        self.assertEqual(len(values), 8)
        self.assertEqual(self.sticky.value_for("s1"), b"ec4e9316d46e4e74031ada143a3ae6ab")

    def test_a_value_that_is_not_ours(self) -> None:
        """A cookie that names no server, or one that has left, is no cookie; it does not reach servers either."""
        gone = b"SRV=" + self.sticky.value_for("s2")
        self.sticky.update([self.one])
        for cookie in (gone, b"SRV=s1", b"SRV=" + b"0" * 32, b"SRV=" + b"0" * 5000):
            exchange = asking(cookie)
            self.assertIsNone(self.sticky.take(exchange))
            self.assertNotIn(b"cookie", exchange.request.fields)

    def test_a_server_that_has_left_meanwhile(self) -> None:
        """Nobody is made to stick to a server that is not there any more."""
        self.sticky.update([self.one])
        exchange, response = an_exchange(), answer()
        self.sticky.stick(exchange, response, self.two)
        self.assertEqual(list(response.fields), [])
