"""What an HTTP check sends, and what it makes of the answer."""

from dataclasses import replace

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import OPTIONS, Call, Group
from twisted_relay import __version__
from twisted_relay.config.sections.backend import BackendOptions
from twisted_relay.config.values import CheckSpec
from twisted_relay.errors import ConnectFailed, ConnectTimeout, NameNotResolved, ServerError, TLSFailed
from twisted_relay.health.http_check import MAX_CONTENT, HTTPCheck
from twisted_relay.health.monitor import CheckFailed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Probe:
    """A check of the one server of a backend, under way."""

    def __init__(self, options: BackendOptions = OPTIONS) -> None:
        self.group = Group("s1", options=options)
        self.server = self.group.servers[0]
        self.result: Deferred[None] = Deferred.fromCoroutine(HTTPCheck(self.group.backend).probe(self.server))
        self.call: Call = self.group.calls.made[0]


def answered(answer: bytes, options: BackendOptions = OPTIONS) -> Probe:
    """A check that was answered with these octets."""
    probe = Probe(options)
    probe.call.accept()
    probe.call.send(answer)
    return probe


def status(line: str, method: str = "GET", *ranges: tuple[int, int]) -> tuple[BackendOptions, bytes]:
    """Options for status codes, and an answer with this status line."""
    spec = CheckSpec(method, "/health", ranges or ((200, 399),))
    length = "" if line[:3] in ("204", "304") else "Content-Length: 0\r\n"
    return replace(OPTIONS, check=spec), f"HTTP/1.1 {line}\r\n{length}\r\n".encode()


#: Options and answers of healthy servers.
HEALTHY = (
    (OPTIONS, OK),
    (OPTIONS, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    (OPTIONS, b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    (OPTIONS, b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK),
    (OPTIONS, OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")),
    status("204 No Content"),
    status("302 Found"),
    status("304 Not Modified"),
    status("401 Unauthorized", "GET", (200, 299), (401, 401)),
    status("200 OK", "HEAD"),
    status("404 Not Found", "OPTIONS", (404, 404)),
)
#: Options, answers of servers that are not healthy, and what is said of them.
UNHEALTHY = (
    (*status("503 Service Unavailable"), "GET /health answered 503"),
    (*status("404 Not Found"), "GET /health answered 404"),
    (*status("200 OK", "HEAD", (204, 204)), "HEAD /health answered 200"),
    (*status("400 Bad Request", "GET", (200, 299), (401, 401)), "GET /health answered 400"),
    (OPTIONS, b"SSH-2.0-OpenSSH_9.2\r\n", "GET /health: the response is not HTTP/1.x"),
    (
        OPTIONS,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        "GET /health: 101 without a request to upgrade",
    ),
)
#: Why there is no connection, and what is said of it.
UNREACHABLE: tuple[tuple[ServerError, str], ...] = (
    (ConnectFailed("refused"), "GET /health: connection refused"),
    (ConnectFailed("No route to host"), "GET /health: No route to host"),
    (ConnectTimeout("no connection within 5 s"), "GET /health: no connection within 5 s"),
    (NameNotResolved("no address is known for s1"), "GET /health: no address is known for s1"),
    (TLSFailed("certificate has expired"), "GET /health: TLS failed: certificate has expired"),
)


class RequestTests(SynchronousTestCase):
    """What is sent."""

    def test_request(self) -> None:
        """The configured request, to the server's own authority, that asks for nothing but itself."""
        probe = Probe()
        probe.call.accept()
        self.assertEqual(
            probe.call.request,
            b"GET /health HTTP/1.1\r\nHost: s1.example.org:8000\r\n"
            b"User-Agent: twisted_relay/" + __version__.encode() + b" (check)\r\nConnection: close\r\n\r\n",
        )

    def test_host(self) -> None:
        """`check_host` is what Host says."""
        probe = Probe(replace(OPTIONS, check_host="health.example.org"))
        probe.call.accept()
        self.assertIn(b"\r\nHost: health.example.org\r\n", probe.call.request)


class AnswerTests(SynchronousTestCase):
    """What is made of the answer."""

    def test_healthy(self) -> None:
        """One of the status codes and a complete response are a good check."""
        for options, answer in HEALTHY:
            self.assertIsNone(self.successResultOf(answered(answer, options).result), answer)

    def test_unhealthy(self) -> None:
        """Anything else is a failed check that says what came."""
        for options, answer, said in UNHEALTHY:
            probe = answered(answer, options)
            self.assertEqual(str(self.failureResultOf(probe.result, CheckFailed).value), said)
            self.assertFalse(probe.call.is_open, said)

    def test_in_pieces(self) -> None:
        """An answer that comes octet by octet is the same answer."""
        probe = Probe()
        probe.call.accept()
        for place in range(len(OK) - 1):
            probe.call.send(OK[place : place + 1])
            self.assertNoResult(probe.result)
        probe.call.send(OK[-1:])
        self.successResultOf(probe.result)

    def test_no_connection(self) -> None:
        """A server that cannot be reached fails with the reason."""
        for error, said in UNREACHABLE:
            probe = Probe()
            probe.call.refuse(error)
            self.assertEqual(str(self.failureResultOf(probe.result, CheckFailed).value), said)

    def test_closed_early(self) -> None:
        """A server that closes before or within its answer is not healthy."""
        for answer, said in (
            (b"", "GET /health: the server closed the connection without a response"),
            (OK[:-1], "GET /health: the server closed the connection in the middle of its response"),
            (OK[:10], "GET /health: the server closed the connection in the middle of its response"),
        ):
            probe = answered(answer) if answer else Probe()
            if not answer:
                probe.call.accept()
            probe.call.close()
            self.assertEqual(str(self.failureResultOf(probe.result, CheckFailed).value), said)

    def test_content_until_close(self) -> None:
        """An answer whose end is the end of the connection is complete with it."""
        probe = answered(b"HTTP/1.1 200 OK\r\n\r\nhello")
        self.assertNoResult(probe.result)
        probe.call.close()
        self.successResultOf(probe.result)

    def test_content_without_end(self) -> None:
        """Of a long answer no more than 64 KiB is read: the server is healthy, the connection is closed."""
        probe = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 1000)
        for _ in range(MAX_CONTENT // 1000 + 1):
            self.assertTrue(probe.call.is_open)
            probe.call.send(b"x" * 1000)
        self.successResultOf(probe.result)
        self.assertFalse(probe.call.is_open)

    def test_content_of_a_failure_is_not_read(self) -> None:
        """A status code that fails the check ends it."""
        probe = answered(b"HTTP/1.1 500 Oops\r\nContent-Length: 1000\r\n\r\nx")
        self.failureResultOf(probe.result, CheckFailed)
        self.assertFalse(probe.call.is_open)


class ConnectionTests(SynchronousTestCase):
    """A check leaves nothing behind."""

    def test_closed_after_the_answer(self) -> None:
        """No connection is kept, even if the server would."""
        self.assertFalse(answered(OK).call.is_open)

    def test_not_counted_as_traffic(self) -> None:
        """Neither a good check nor a failed one shows in the numbers of the traffic."""
        for answer in (OK, b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", b"nonsense"):
            probe = answered(answer)
            probe.result.addErrback(lambda _: None)
            counters, pool = probe.server.counters, probe.group.backend.pools["s1"]
            self.assertEqual((counters.codes, counters.connections, counters.bytes_sent), ({}, 0, 0))
            self.assertEqual((counters.bytes_received, sum(counters.errors.values())), (0, 0))
            self.assertEqual((pool.open, pool.idle, probe.server.active_requests), (0, [], 0))
            self.assertEqual(sum(probe.group.backend.counters.connect_times.counts), 0)

    def test_cancelled(self) -> None:
        """A check that is called off stops at once, whatever it waits for."""
        for answer in (None, b"", b"HTTP/1.1 200 OK\r\n", OK[:-1]):
            probe = Probe()
            if answer is not None:
                probe.call.accept()
            if answer:
                probe.call.send(answer)
            self.assertNoResult(probe.result)
            probe.result.cancel()
            self.failureResultOf(probe.result, CancelledError)
            self.assertFalse(probe.call.is_pending)
            self.assertFalse(probe.call.is_open)
            self.assertEqual(probe.group.backend.deadlines.members, set())
