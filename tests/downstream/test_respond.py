"""Destinations that need no server."""

from dataclasses import replace
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import ROUTE, get
from twisted_relay.config.values import Redirect
from twisted_relay.downstream.respond import MAX_FILE, redirect, respond
from twisted_relay.errors import BadRequest, ConfigurationError
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.http1 import read_request
from twisted_relay.http.message import Answer, Response

RESPOND = replace(ROUTE, backend="", respond=200)


def ask(destination: Destination, request: bytes) -> Answer:
    """The answer to this request."""
    exchange = Exchange(read_request(request.removesuffix(b"\r\n\r\n")), Origin("192.0.2.1", b"http", 80, b""), 1.0)
    answers: list[Answer] = []
    destination(exchange, answers.append)
    (answer,) = answers
    return answer


class RespondTests(SynchronousTestCase):
    """`respond` with a body or a file."""

    def test_body(self) -> None:
        """Status, type and content are those of the route; each answer has fields of its own."""
        destination = respond(replace(RESPOND, respond=418, respond_body="Tee für dich\n", respond_type="text/html"))
        for _ in range(2):
            response = ask(destination, get())
            assert isinstance(response, Response)
            self.assertEqual((response.status, response.reason), (418, b"I'm a teapot"))
            self.assertEqual(response.content, "Tee für dich\n".encode())
            self.assertEqual(response.length, len(response.content))
            self.assertEqual(response.fields.get_all(b"content-type"), [b"text/html"])
            self.assertIn(b"date", response.fields)
            response.fields.add(b"X-Added", b"by a filter")

    def test_without_a_body(self) -> None:
        """No content, no type; a status without a known reason is fine."""
        response = ask(respond(replace(RESPOND, respond=299)), get())
        assert isinstance(response, Response)
        self.assertEqual((response.status, response.reason, response.content), (299, b"", b""))
        self.assertNotIn(b"content-type", response.fields)

    def test_file(self) -> None:
        """A file is read once, when the route is made."""
        path = Path(self.mktemp())
        path.write_bytes(b"\x00content")
        destination = respond(replace(RESPOND, respond_file=str(path)))
        path.unlink()
        response = ask(destination, get())
        assert isinstance(response, Response)
        self.assertEqual(response.content, b"\x00content")

    def test_bad_files(self) -> None:
        """A file that is not there or too large is a mistake in the configuration, told with its name."""
        large = Path(self.mktemp())
        large.write_bytes(bytes(MAX_FILE + 1))
        for path in (str(large), "/nowhere/at/all"):
            error = self.assertRaises(ConfigurationError, respond, replace(RESPOND, respond_file=path))
            self.assertIn(path, str(error))


class RedirectTests(SynchronousTestCase):
    """`redirect` with its placeholders."""

    def location(self, target: str, request: bytes) -> bytes | None:
        """Where this request is sent."""
        response = ask(redirect(Redirect(308, target)), request)
        assert isinstance(response, Response)
        self.assertEqual((response.status, response.reason), (308, b"Permanent Redirect"))
        self.assertEqual(response.content, b"")
        return response.fields.get(b"location")

    def test_placeholders(self) -> None:
        """Host without port, path and query as received."""
        for target, location in (
            ("https://{host}{uri}", b"https://example.org/a%2Fb?c=d&e"),
            ("https://x.test{path}", b"https://x.test/a%2Fb"),
            ("https://x.test/?{query}", b"https://x.test/?c=d&e"),
            ("https://x.test/", b"https://x.test/"),
        ):
            request = get("/a%2Fb?c=d&e").replace(b"example.org", b"EXAMPLE.org:8080")
            self.assertEqual(self.location(target, request), location)

    def test_what_the_client_sent_is_not_expanded_again(self) -> None:
        """Placeholders in a request are text."""
        self.assertEqual(self.location("https://x.test{uri}", get("/{host}?{uri}")), b"https://x.test/{host}?{uri}")

    def test_absolute_form(self) -> None:
        """The path of an absolute target is taken, and its authority is the host."""
        request = get("http://other.test/a?b")
        self.assertEqual(self.location("https://{host}{uri}", request), b"https://other.test/a?b")

    def test_without_a_host(self) -> None:
        """An HTTP/1.0 request without Host cannot be sent to the same host."""
        answer = ask(redirect(Redirect(308, "https://{host}{uri}")), b"GET / HTTP/1.0\r\n\r\n")
        self.assertIsInstance(answer, BadRequest)
        answer = ask(redirect(Redirect(301, "https://x.test{uri}")), b"GET /a HTTP/1.0\r\n\r\n")
        assert isinstance(answer, Response)
        self.assertEqual(answer.fields.get(b"location"), b"https://x.test/a")
