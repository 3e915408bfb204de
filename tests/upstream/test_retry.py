"""What is tried again after a failure, and where."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.errors import (
    BadResponse,
    ClientAbort,
    ConnectFailed,
    ConnectionReset,
    ConnectTimeout,
    IncompleteResponse,
    NameNotResolved,
    RelayError,
    ResponseTimeout,
    TLSFailed,
)
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Request
from twisted_relay.http.stream import Flow, Sink, Stream
from twisted_relay.upstream.retry import IDEMPOTENT, Again, again, can_replay

METHODS = (b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE", b"POST", b"PATCH", b"CONNECT", b"get", b"QUERY")
ERRORS: tuple[type[RelayError], ...] = (
    ConnectFailed,
    ConnectTimeout,
    NameNotResolved,
    TLSFailed,
    ConnectionReset,
    IncompleteResponse,
    BadResponse,
    ResponseTimeout,
    ClientAbort,
)


class NoSource:
    """Where content would come from."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def cancel(self) -> None: ...

    def splice(self, sink: Sink) -> Flow | None:
        return None


def a_request(method: bytes, content: bytes = b"", *, streamed: bool = False) -> Request:
    """A request whose content is at hand, or still arriving."""
    request = Request(method, b"/", Fields())
    request.content, request.length = content, len(content)
    if streamed:
        request.length, request.stream = None, Stream(NoSource())
    return request


#: (error, method, the content still arrives, over a connection that had served before, tries, retries, what to do).
CASES: tuple[tuple[type[RelayError], bytes, bool, bool, int, int, Again], ...] = (
    # Nothing was sent: anything may go to another server, as often as is allowed.
    (ConnectFailed, b"GET", False, False, 1, 2, Again.NEXT),
    (ConnectFailed, b"POST", False, False, 1, 2, Again.NEXT),
    (ConnectFailed, b"POST", True, False, 2, 2, Again.NEXT),
    (ConnectFailed, b"GET", False, False, 3, 2, Again.NO),
    (ConnectFailed, b"GET", False, False, 1, 0, Again.NO),
    (ConnectTimeout, b"POST", True, False, 1, 2, Again.NEXT),
    (NameNotResolved, b"PATCH", True, False, 1, 1, Again.NEXT),
    (TLSFailed, b"POST", False, False, 1, 1, Again.NEXT),
    (TLSFailed, b"POST", False, False, 2, 1, Again.NO),
    # An idle connection was closed as we sent: the same server once more, which counts as no try.
    (ConnectionReset, b"GET", False, True, 1, 2, Again.FRESH),
    (ConnectionReset, b"GET", False, True, 1, 0, Again.FRESH),
    (ConnectionReset, b"PUT", False, True, 3, 2, Again.FRESH),
    (ConnectionReset, b"POST", False, True, 1, 2, Again.NO),
    (ConnectionReset, b"PUT", True, True, 1, 2, Again.NO),
    # A fresh connection was closed: the server may have acted on what it got.
    (ConnectionReset, b"GET", False, False, 1, 2, Again.NEXT),
    (ConnectionReset, b"DELETE", False, False, 2, 2, Again.NEXT),
    (ConnectionReset, b"GET", False, False, 3, 2, Again.NO),
    (ConnectionReset, b"GET", False, False, 1, 0, Again.NO),
    (ConnectionReset, b"POST", False, False, 1, 2, Again.NO),
    (ConnectionReset, b"PUT", True, False, 1, 2, Again.NO),
    # Octets of a response came, or time is up: never again.
    (IncompleteResponse, b"GET", False, False, 1, 2, Again.NO),
    (BadResponse, b"GET", False, True, 1, 2, Again.NO),
    (ResponseTimeout, b"GET", False, False, 1, 2, Again.NO),
    # Nobody waits for the answer.
    (ClientAbort, b"GET", False, False, 1, 2, Again.NO),
)


class AgainTests(SynchronousTestCase):
    """The decision after a failed try."""

    def test_cases(self) -> None:
        """Each failure is answered, tried over a fresh connection, or tried elsewhere."""
        for error, method, streamed, reused, tries, retries, expected in CASES:
            request = a_request(method, streamed=streamed)
            decision = again(error("x"), request, reused=reused, tries=tries, retries=retries)
            self.assertIs(decision, expected, f"{error.__name__} {method!r} {streamed=} {reused=} {tries=} {retries=}")

    def test_what_was_sent_is_not_repeated(self) -> None:
        """Once something was sent, only methods that mean the same twice are ever sent twice."""
        for error in (ConnectionReset, IncompleteResponse, BadResponse, ResponseTimeout):
            for method in set(METHODS) - IDEMPOTENT:
                for reused in (True, False):
                    decision = again(error("x"), a_request(method), reused=reused, tries=1, retries=9)
                    self.assertIs(decision, Again.NO, f"{error.__name__} {method!r}")

    def test_tries_end(self) -> None:
        """With every server failing, a request is tried `retries` times more than once, and no more."""
        for error in ERRORS:
            for retries in range(4):
                tries = 1
                while again(error("x"), a_request(b"GET"), reused=False, tries=tries, retries=retries) is Again.NEXT:
                    tries += 1
                self.assertLessEqual(tries, retries + 1, error.__name__)


class ReplayTests(SynchronousTestCase):
    """Whether a request can be sent a second time."""

    def test_methods(self) -> None:
        """Those that RFC 9110 calls idempotent can, all others cannot; methods are case-sensitive."""
        replayed = {method for method in METHODS if can_replay(a_request(method))}
        self.assertEqual(replayed, {b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"})

    def test_content(self) -> None:
        """Content that is all at hand can be sent again, content that flows through cannot."""
        self.assertTrue(can_replay(a_request(b"PUT", b"small")))
        self.assertFalse(can_replay(a_request(b"PUT", streamed=True)))
