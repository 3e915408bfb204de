"""downstream.forward_answers: what clients of a forward proxy are told of errors."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import LISTENER, Conversation, Party, head
from twisted_relay import errors
from twisted_relay.config.tree import BackendOptions, ListenerOptions, RouteOptions
from twisted_relay.downstream.forward_answers import ForwardAnswers, proxy_status, wants_page
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.errors import ConfigurationError, DeniedByRule, DestinationForbidden, NameNotResolved, RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Answered, Request
from twisted_relay.routing import Route, Router

PROXY = replace(LISTENER, mode="forward")
BROWSER = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Refusing(Conversation):
    """A conversation with a forward proxy that answers everything with one error."""

    def __init__(self, case: SynchronousTestCase, error: RelayError, options: ListenerOptions = PROXY) -> None:
        super().__init__(case, options, BackendOptions(name="none"))

        def refuse(exchange: Exchange, answered: Answered) -> None:
            answered(error)

        router = Router([Route(RouteOptions(name=""), Plan("", refuse))])
        self.listener = Listener(options, router, self.deadlines, (self.exchanges.append,))


class AnswerTests(SynchronousTestCase):
    """The whole answer, as the client gets it."""

    def asking(self, error: RelayError, *lines: str, options: ListenerOptions = PROXY) -> tuple[Party, Refusing]:
        """A client that has sent a request of these lines, and is refused."""
        talk = Refusing(self, error, options)
        client = talk.client()
        client.sends(head(*lines))
        return client, talk

    def test_page(self) -> None:
        """A browser gets a page that nobody keeps and in which nothing runs."""
        client, talk = self.asking(DeniedByRule("x"), "GET http://a.example/ HTTP/1.1", "Host: a.example", BROWSER)
        fields = client.sees_head(
            "HTTP/1.1 403 Forbidden",
            "Content-Type: text/html; charset=utf-8",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            "Proxy-Status: relay; error=http_request_denied",
        )
        policy = fields.get(b"content-security-policy") or b""
        self.assertTrue(policy.startswith(b"default-src 'none'; "), policy)
        self.assertNotIn(b"script", policy)
        content = client.taken()
        self.assertIn(b"<h1>Blocked by the proxy</h1>", content)
        self.assertEqual(fields.get(b"x-request-id"), talk.exchanges[0].request_id)
        self.assertIn(talk.exchanges[0].request_id, content)

    def test_head(self) -> None:
        """HEAD gets the head of the page alone, and the connection goes on."""
        client, _ = self.asking(DeniedByRule("x"), "HEAD http://a.example/ HTTP/1.1", "Host: a.example", BROWSER)
        fields = client.sees_head("HTTP/1.1 403 Forbidden", "Content-Type: text/html; charset=utf-8")
        self.assertGreater(int(fields.get(b"content-length") or 0), 500)
        client.sees_nothing()
        client.is_open()

    def test_text_and_json(self) -> None:
        """Programs get one sentence, as text or as JSON."""
        lines = ("GET http://a.example/ HTTP/1.1", "Host: a.example")
        client, _ = self.asking(NameNotResolved("x"), *lines, "Accept: */*")
        content = client.sees_answer("HTTP/1.1 502 Bad Gateway", "Content-Type: text/plain; charset=utf-8")
        self.assertEqual(content, b"502 Bad Gateway\nThe name of the server was not found.\n")
        client, _ = self.asking(NameNotResolved("x"), *lines, "Accept: application/json")
        answer = json.loads(client.sees_answer("HTTP/1.1 502 Bad Gateway", "Content-Type: application/json"))
        self.assertEqual(answer["detail"], "The name of the server was not found.")

    def test_connect(self) -> None:
        """CONNECT gets text, whatever it accepts: no browser shows it."""
        lines = ("CONNECT a.example:443 HTTP/1.1", "Host: a.example:443", BROWSER)
        client, talk = self.asking(DestinationForbidden("10.0.0.1 is in 10.0.0.0/8"), *lines)
        fields = client.sees_head(
            "HTTP/1.1 403 Forbidden",
            "Content-Type: text/plain; charset=utf-8",
            "Proxy-Status: relay; error=destination_ip_prohibited",
        )
        self.assertEqual(fields.get(b"x-request-id"), talk.exchanges[0].request_id)
        self.assertNotIn(b"10.0.0", client.taken())

    def test_authentication(self) -> None:
        """The page of a 407 has the challenge."""
        error = errors.ProxyAuthenticationRequired("x", b'Basic realm="relay"')
        client, _ = self.asking(error, "GET http://a.example/ HTTP/1.1", "Host: a.example", BROWSER)
        client.sees_head(
            "HTTP/1.1 407 Proxy Authentication Required",
            'Proxy-Authenticate: Basic realm="relay"',
            "Content-Type: text/html; charset=utf-8",
        )

    def test_bad_requests(self) -> None:
        """What is no request gets text."""
        client, _ = self.asking(DeniedByRule("x"), "GET / HTTP/1.1", "Host: a.example", BROWSER)
        client.sees_answer("HTTP/1.1 400 Bad Request", "Content-Type: text/plain; charset=utf-8")

    def test_every_error(self) -> None:
        """Whatever the error, its text reaches nobody, in no form."""
        lines = ("GET http://a.example/ HTTP/1.1", "Host: a.example")
        tree = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, RelayError)]
        for error in tree:
            for accept in (BROWSER, "Accept: application/json", "Accept: */*"):
                client, _ = self.asking(error("10.0.0.1:8000 secret"), *lines, accept)
                answer = client.taken()
                self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % error.status), error)
                self.assertNotIn(b"secret", answer)
                self.assertNotIn(b"10.0.0.1", answer)

    def test_hostile_requests(self) -> None:
        """Whatever may stand in a request line or a field, the page has the same elements, and a browser no script."""
        plain = self.elements("GET http://a.example/ HTTP/1.1")
        self.assertIn("h1", plain)
        pages = 0
        for line in (
            "GET http://a'onmouseover='alert(1)'.example/ HTTP/1.1",
            "GET http://%3Cscript%3Ealert(1)%3C.example/ HTTP/1.1",
            "GET http://a&lt;b&gt;;{id}.example/ HTTP/1.1",
            "GET http://a.example/<script>alert(1)</script> HTTP/1.1",
            'GET http://a.example/"><img/src=x> HTTP/1.1',
            "GET http://[::1]:80/ HTTP/1.1",
            f"GET http://{'a' * 3000}.example/ HTTP/1.1",
            "G<ET http://a.example/ HTTP/1.1",
            "GET http://a.example/ HTTP/1.1\r\nX-Request-Id: <script>alert(1)</script>",
            "GET http://a.example/ HTTP/1.1\r\nReferer: <script>alert(1)</script>",
        ):
            elements = self.elements(line)
            self.assertIn(elements, ([], plain), line)
            pages += elements == plain
        self.assertEqual(pages, 8)

    def elements(self, line: str) -> list[str]:
        """The elements of the answer to a request."""
        client, _ = self.asking(DeniedByRule("x"), line, "Host: a.example", BROWSER)
        found: list[str] = []
        parser = HTMLParser()
        self.patch(parser, "handle_starttag", lambda tag, attributes: found.append(tag))
        parser.feed(client.taken().partition(b"\r\n\r\n")[2].decode())
        return found

    def test_own_page(self) -> None:
        """A file of the operator's takes the place of the page; it is read once."""
        path = Path(self.mktemp())
        path.write_text("<b>{host}</b> {contact}")
        options = replace(PROXY, block_page=str(path), contact="room 7")
        talk = Refusing(self, DeniedByRule("x"), options)
        path.unlink()
        client = talk.client()
        client.sends(head("GET http://a.example/ HTTP/1.1", "Host: a.example", BROWSER))
        self.assertEqual(client.sees_answer("HTTP/1.1 403 Forbidden"), b"<b>a.example</b> room 7")
        apart = talk.listener.apart(talk.listener.router, ())
        self.assertIs(apart.answer, talk.listener.answer)

    def test_no_page(self) -> None:
        """A file that cannot be used ends the start."""
        with self.assertRaises(ConfigurationError) as raised:
            ForwardAnswers(replace(PROXY, block_page=self.mktemp()))
        self.assertIn("block_page", str(raised.exception))
        ForwardAnswers(replace(PROXY, mode="socks5", block_page=self.mktemp()))  # there are no pages in SOCKS5


class DecisionTests(SynchronousTestCase):
    """What is told to whom."""

    def test_wants_page(self) -> None:
        """Who names HTML is a browser; who does not want it is none."""
        for accept, wanted in (
            ("text/html", True),
            ("application/json, Text/HTML;level=1;q=0.1", True),
            ("text/html;q=0", False),
            ("text/html; q=0.000, */*", False),
            ("text/html;q=0.001", True),
            ("text/htmlx, text/*, */*", False),
            ("", False),
        ):
            request = Request(b"GET", b"/", Fields([b"Accept: " + accept.encode()]))
            self.assertIs(wants_page(request), wanted, accept)
            self.assertFalse(wants_page(Request(b"CONNECT", b"a:443", Fields([b"Accept: text/html"]))))

    def test_proxy_status(self) -> None:
        """Proxy-Status has what clients may know as strings of structured fields."""
        for error, value in (
            (DeniedByRule("x"), b"relay; error=http_request_denied"),
            (DeniedByRule("x", "relay.ini:7"), b'relay; error=http_request_denied; details="relay.ini:7"'),
            (DeniedByRule("x", 'a"b\\c.ini:7'), b'relay; error=http_request_denied; details="a\\"b\\\\c.ini:7"'),
            (DeniedByRule("x", "\u00e9\n.ini:7"), b'relay; error=http_request_denied; details="\\\\xe9?.ini:7"'),
            (NameNotResolved("x", "NXDOMAIN"), b'relay; error=dns_error; rcode="NXDOMAIN"'),
        ):
            self.assertEqual(proxy_status(error), value)
