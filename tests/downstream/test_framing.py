"""How the end of a response is said to a client: by length, by chunks, by closing, or not at all."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.downstream.framing import framing_of
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Request, Response
from twisted_relay.http.stream import Flow, Sink, Stream

CHUNKED = "Transfer-Encoding: chunked"
CLOSE = "Connection: close"
KEEP = "Connection: keep-alive"


class NoSource:
    """Where content would come from."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def cancel(self) -> None: ...

    def splice(self, sink: Sink) -> Flow | None:
        return None


def a_request(method: bytes = b"GET", minor: int = 1, *, te: bool = False) -> Request:
    """A request of this version, with `TE: trailers` or not."""
    request = Request(method, b"/", Fields())
    request.minor, request.wants_trailers = minor, te
    return request


def a_response(status: int, length: int | None, content: bytes | None, *, trailers: bool = False) -> Response:
    """A response; without content at hand it has a stream."""
    response = Response(status, b"", Fields())
    response.length = length
    if content is None:
        response.stream = Stream(NoSource())
    else:
        response.content = content
    if trailers:
        response.trailers = Fields([b"X-Sum: 1"])
    return response


class FramingTests(SynchronousTestCase):
    """Every kind of request with every kind of response."""

    def test_framing(self) -> None:
        """The lines, whether content is chunked, and whether the connection stays."""
        get, old = a_request(), a_request(minor=0)
        head, te, old_te = a_request(b"HEAD"), a_request(te=True), a_request(minor=0, te=True)
        for request, response, lines, kept in (
            (get, a_response(200, 5, b"hello"), ["Content-Length: 5"], True),
            (get, a_response(200, 0, b""), ["Content-Length: 0"], True),
            (get, a_response(200, None, b"hello"), ["Content-Length: 5"], True),
            (get, a_response(200, 99, None), ["Content-Length: 99"], True),
            (get, a_response(200, None, None), [CHUNKED], True),
            (old, a_response(200, 5, b"hello"), ["Content-Length: 5", KEEP], True),
            (old, a_response(200, 99, None), ["Content-Length: 99", KEEP], True),
            (old, a_response(200, None, None), [CLOSE], False),
            (get, a_response(204, 0, b""), [], True),
            (old, a_response(204, 0, b""), [KEEP], True),
            (get, a_response(304, None, b""), [], True),
            (get, a_response(304, 77, b""), ["Content-Length: 77"], True),
            (head, a_response(200, 77, b""), ["Content-Length: 77"], True),
            (head, a_response(200, None, b""), [], True),
            (get, a_response(200, 5, b"hello", trailers=True), ["Content-Length: 5"], True),
            (te, a_response(200, 5, b"hello", trailers=True), [CHUNKED], True),
            (te, a_response(200, None, None), [CHUNKED], True),
            (old_te, a_response(200, 5, b"hello", trailers=True), ["Content-Length: 5", KEEP], True),
        ):
            framing = framing_of(request, response, keep_open=True)
            self.assertEqual(framing.lines, "".join(f"{line}\r\n" for line in [*lines, ""]).encode(), lines)
            self.assertEqual((framing.chunked, framing.keep_open), (CHUNKED in lines, kept))

    def test_close(self) -> None:
        """A connection that cannot stay says so once, whatever the framing."""
        for request in (a_request(), a_request(minor=0), a_request(b"HEAD")):
            for response in (a_response(200, 5, b"hello"), a_response(200, None, None), a_response(204, 0, b"")):
                framing = framing_of(request, response, keep_open=False)
                self.assertEqual(framing.lines.count(CLOSE.encode()), 1)
                self.assertNotIn(KEEP.encode(), framing.lines)
                self.assertFalse(framing.keep_open)
