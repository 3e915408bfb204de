"""Our own answers: the right status, in the form the client wants, and nothing of our insides."""

import json
import re

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay import errors
from twisted_relay.downstream.answers import REASONS, answer_to, date_line
from twisted_relay.errors import BadRequest, ContentTooLarge, NoServer, RelayError, ResponseTimeout
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Request


def asking(accept: bytes) -> Request:
    """A request that accepts this."""
    return Request(b"GET", b"/", Fields([b"Accept: " + accept] if accept else []))


class AnswerTests(SynchronousTestCase):
    """What a client is told of an error."""

    def test_every_error(self) -> None:
        """Every error of the tree has a status with a reason phrase, and its text never reaches the client."""
        tree = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, RelayError)]
        self.assertGreater(len(tree), 25)
        for error in tree:
            response = answer_to(error("10.0.0.1:8000 secret"), None)
            self.assertEqual(response.status, error.status)
            self.assertEqual(response.length, len(response.content))
            whole = response.content + b"".join(response.fields.lines)
            self.assertNotIn(b"secret", whole)
            self.assertNotIn(b"10.0.0.1", whole)
            self.assertEqual(response.fields.get(b"cache-control"), b"no-store")
            if error is not errors.ClientAbort:
                self.assertIn(error.status, REASONS, error)

    def test_text(self) -> None:
        """Without a wish the answer is text: the status, and one sentence."""
        for accept in (b"", b"*/*", b"text/html, application/json;q=0.9", b"image/png"):
            response = answer_to(NoServer("x"), asking(accept))
            self.assertEqual(response.fields.get(b"content-type"), b"text/plain; charset=utf-8")
            self.assertEqual(response.content, b"503 Service Unavailable\nNo server is available for this request.\n")

    def test_json(self) -> None:
        """Who asks for JSON and not for text gets it."""
        for accept in (b"application/json", b"application/json, */*"):
            response = answer_to(NoServer("x"), asking(accept))
            self.assertEqual(response.fields.get(b"content-type"), b"application/json")
            self.assertEqual(
                json.loads(response.content),
                {
                    "status": 503,
                    "title": "Service Unavailable",
                    "detail": "No server is available for this request.",
                },
            )

    def test_proxy_status(self) -> None:
        """`Proxy-Status` names the cause where the request itself was not the cause (RFC 9209)."""
        for error, value in (
            (BadRequest("x"), None),
            (ContentTooLarge("x"), b"relay; error=http_request_denied"),
            (NoServer("x"), b"relay; error=destination_unavailable"),
            (ResponseTimeout("x"), b"relay; error=http_response_timeout"),
        ):
            self.assertEqual(answer_to(error, None).fields.get(b"proxy-status"), value)

    def test_retry_after(self) -> None:
        """Who may come back is told when."""
        self.assertEqual(answer_to(NoServer("x"), None).fields.get(b"retry-after"), b"5")
        self.assertIsNone(answer_to(BadRequest("x"), None).fields.get(b"retry-after"))

    def test_date(self) -> None:
        """A Date in the one form of RFC 9110 §5.6.7."""
        pattern = rb"Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
        self.assertTrue(re.fullmatch(pattern, date_line()))
