"""Which X-Request-Id a server and the log get to see."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin, prepare_request
from twisted_relay.http.message import Request
from twisted_relay.http.request_id import LONGEST, is_request_id, new_request_id

#: (what the client sent, whether it may be kept)
GIVEN = (
    (b"7b3a-42/x", True),
    (b"a" * LONGEST, True),
    (b"a" * (LONGEST + 1), False),
    (b"", False),
    (b"two words", False),
    (b"tab\there", False),
    (b"caf\xe9", False),
)


def prepared(*lines: bytes) -> tuple[bytes, list[bytes]]:
    """(the id, the X-Request-Id values) of a request with these field lines after it was prepared."""
    request = Request(b"GET", b"/", Fields(list(lines)))
    request_id = prepare_request(request, Origin("192.0.2.1", b"http", 80, b"relay"))
    return request_id, request.fields.get_all(b"x-request-id")


class RequestIdTests(SynchronousTestCase):
    """`http/request_id.py`, and its use in `prepare_request`."""

    def test_new_ids_differ(self) -> None:
        """Each request has an id of its own, which is itself well formed."""
        first, second = new_request_id(), new_request_id()
        self.assertNotEqual(first, second)
        self.assertTrue(is_request_id(first))
        self.assertEqual(first[:16], second[:16])

    def test_absent(self) -> None:
        """A request without an id gets one, and the caller is told which."""
        request_id, sent = prepared(b"Accept: */*")
        self.assertEqual(sent, [request_id])

    def test_given(self) -> None:
        """A client's id is kept when it can stand in a log, and replaced when not."""
        for value, kept in GIVEN:
            self.assertEqual(is_request_id(value), kept, value)
            request_id, sent = prepared(b"x-request-ID: " + value)
            self.assertEqual(sent, [request_id])
            self.assertEqual(request_id == value, kept, value)

    def test_repeated(self) -> None:
        """Of two ids nobody can say which one counts: both are replaced by a new one."""
        request_id, sent = prepared(b"X-Request-Id: a", b"X-Request-Id: b")
        self.assertEqual(sent, [request_id])
        self.assertNotIn(request_id, (b"a", b"b"))
