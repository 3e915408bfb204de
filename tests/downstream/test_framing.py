"""How the end of a response is said to a client."""

from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.downstream.framing import framing_of
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Request, Response
from twisted_relay.http.stream import Stream

UNFINISHED = cast(Stream, object())

#: (method, minor, status, length, unfinished, keep open) → (lines, chunked, keep open)
CASES = (
    ((b"GET", 1, 200, 5, False, True), (b"Content-Length: 0\r\n\r\n", False, True)),
    ((b"GET", 1, 200, 5, True, True), (b"Content-Length: 5\r\n\r\n", False, True)),
    ((b"GET", 1, 200, 5, True, False), (b"Content-Length: 5\r\nConnection: close\r\n\r\n", False, False)),
    ((b"GET", 1, 200, None, True, True), (b"Transfer-Encoding: chunked\r\n\r\n", True, True)),
    ((b"GET", 0, 200, None, True, True), (b"Connection: close\r\n\r\n", False, False)),
    ((b"GET", 0, 200, 5, True, True), (b"Content-Length: 5\r\nConnection: keep-alive\r\n\r\n", False, True)),
    ((b"HEAD", 1, 200, 5, False, True), (b"Content-Length: 5\r\n\r\n", False, True)),
    ((b"HEAD", 1, 200, None, False, True), (b"\r\n", False, True)),
    ((b"GET", 1, 204, 0, False, True), (b"\r\n", False, True)),
    ((b"GET", 1, 304, 7, False, True), (b"Content-Length: 7\r\n\r\n", False, True)),
    ((b"GET", 1, 304, None, False, True), (b"\r\n", False, True)),
)


class FramingTests(SynchronousTestCase):
    """`framing_of`."""

    def test_table(self) -> None:
        """Length, chunks or the end of the connection; HEAD, 204 and 304 have no content whatever they say."""
        for (method, minor, status, length, unfinished, keep_open), expected in CASES:
            request = Request(method, b"/", Fields())
            request.minor = minor
            response = Response(status, b"", Fields())
            response.length = length
            response.stream = UNFINISHED if unfinished else None
            found = framing_of(request, response, keep_open=keep_open)
            self.assertEqual(tuple(found), expected, (method, minor, status, length, unfinished, keep_open))

    def test_trailers(self) -> None:
        """Complete content with trailers is chunked for a client that asked for them."""
        request = Request(b"GET", b"/", Fields())
        response = Response(200, b"OK", Fields())
        response.trailers = Fields([b"X-Sum: 1"])
        self.assertFalse(framing_of(request, response, keep_open=True).chunked)
        request.wants_trailers = True
        self.assertTrue(framing_of(request, response, keep_open=True).chunked)
        request.minor = 0
        self.assertFalse(framing_of(request, response, keep_open=True).chunked)
