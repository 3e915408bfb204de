"""What an HTTP check sends, and what it makes of the answer."""

from dataclasses import replace

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import OPTIONS, Call, Group
from twisted_relay import __version__
from twisted_relay.config.sections.backend import BackendOptions
from twisted_relay.config.values import Address, CheckSpec, FieldLine, FieldMatch, UnixAddress
from twisted_relay.errors import ConnectFailed, ConnectTimeout, NameNotResolved, ServerError, TLSFailed
from twisted_relay.health.check import CheckFailed, CutShort
from twisted_relay.health.http_check import MAX_CONTENT, MAX_EXPECTED, HTTPCheck
from twisted_relay.net.deadlines import NEVER

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Probe:
    """A check of the one server of a backend, under way."""

    def __init__(self, options: BackendOptions = OPTIONS) -> None:
        self.group = Group("s1", options=options)
        self.server = self.group.servers[0]
        self.check = HTTPCheck(self.group.backend)
        self.result = self.again()
        self.call: Call = self.group.calls.made[0]

    def again(self) -> Deferred[None]:
        """One more check of the server."""
        return Deferred.fromCoroutine(self.check.probe(self.server))


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
    (
        replace(OPTIONS, check_expect_header=(FieldMatch("x-ready", "exact", "yes"),)),
        OK,
        'GET /health answered 200, but header x-ready is absent, wanted "yes"',
    ),
    (
        replace(OPTIONS, check_expect_body="ready"),
        OK,
        'GET /health answered, but the body does not match ~ready: it begins with "ok"',
    ),
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
            b"User-Agent: twisted_relay/" + __version__.encode() + b" (check)\r\n\r\n",
        )

    def test_without_reuse(self) -> None:
        """Where no connection is kept the server is told."""
        probe = Probe(replace(OPTIONS, check_reuse=False))
        probe.call.accept()
        self.assertIn(b"\r\nConnection: close\r\n", probe.call.request)

    def test_header(self) -> None:
        """`check_header` adds fields; a User-Agent takes the place of ours."""
        fields = (FieldLine("Accept", "text/plain"), FieldLine("user-agent", "me"))
        probe = Probe(replace(OPTIONS, check_header=fields))
        probe.call.accept()
        self.assertEqual(
            probe.call.request,
            b"GET /health HTTP/1.1\r\nHost: s1.example.org:8000\r\nAccept: text/plain\r\nuser-agent: me\r\n\r\n",
        )

    def test_port(self) -> None:
        """`check_port` is where checks connect; Host stays the server's, and traffic goes where it went."""
        probe = Probe(replace(OPTIONS, check_port=9000))
        self.assertEqual(probe.call.address, Address("s1.example.org", 9000))
        probe.call.accept()
        self.assertIn(b"\r\nHost: s1.example.org:8000\r\n", probe.call.request)
        probe.server.pool.dial(lambda _: None)
        self.assertEqual(probe.group.calls.made[-1].address, Address("s1.example.org", 8000))

    def test_port_of_a_socket_file(self) -> None:
        """A UNIX socket has no port."""
        group = Group("s1", options=replace(OPTIONS, check_port=9000))
        server = group.servers[0]
        server.pool.dialler.spec = replace(server.spec, address=UnixAddress("/run/app.sock"))
        probe = Deferred.fromCoroutine(HTTPCheck(group.backend).probe(server))
        self.assertEqual(group.calls.made[0].address, UnixAddress("/run/app.sock"))
        probe.cancel()
        self.failureResultOf(probe, CancelledError)

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
        probe = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(MAX_CONTENT // 1024):
            probe.call.send(b"x" * 1024)
            self.assertTrue(probe.call.is_open)
        probe.call.send(b"x")
        self.successResultOf(probe.result)
        self.assertFalse(probe.call.is_open)

    def test_body(self) -> None:
        """`check_expect_body` is looked for anywhere in the content, however it comes."""
        options = replace(OPTIONS, check_expect_body='"status": *"ok"')
        content = b'{"name": "app", "status":  "ok"}\n'
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer += b"".join(b"1\r\n%c\r\n" % octet for octet in content) + b"0\r\n\r\n"
        whole = answered(answer, options)
        self.successResultOf(whole.result)
        probe = Probe(options)
        probe.call.accept()
        for octet in answer:
            probe.call.send(bytes([octet]))
        self.successResultOf(probe.result)

    def test_body_is_bounded(self) -> None:
        """What stands after the first 256 KiB is not looked at, and the rest is not waited for."""
        options = replace(OPTIONS, check_expect_body="needle")
        for before, found in ((MAX_EXPECTED - 6, True), (MAX_EXPECTED - 5, False)):
            probe = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * before, options)
            probe.call.send(b"needle" + b"x" * 10)
            if found:
                self.successResultOf(probe.result)
            else:
                self.failureResultOf(probe.result, CheckFailed)
            self.assertFalse(probe.call.is_open)

    def test_content_of_a_failure_is_not_read(self) -> None:
        """A status code or a field that fails the check ends it."""
        options = replace(OPTIONS, check_expect_header=(FieldMatch("x-ready", "present"),))
        for answer in (b"HTTP/1.1 500 Oops\r\nContent-Length: 1000\r\n\r\nx", OK[:-1]):
            probe = answered(answer, options)
            self.failureResultOf(probe.result, CheckFailed)
            self.assertFalse(probe.call.is_open)

    def test_too_late(self) -> None:
        """A check that is called off says what it was waiting for."""
        for answer, said in (
            (None, "GET /health: no connection"),
            (b"", "GET /health: no response"),
            (b"HTTP/1.1 200 OK\r\n", "GET /health: no response"),
            (OK[:-1], "GET /health: no end of the response"),
        ):
            probe = Probe()
            if answer is not None:
                probe.call.accept()
            if answer:
                probe.call.send(answer)
            probe.result.cancel()
            self.assertEqual(str(self.failureResultOf(probe.result, CutShort).value), said)

    def test_a_server_that_is_slow_is_only_late_for_its_check(self) -> None:
        """No time limit of the traffic holds for a check."""
        probe = Probe(replace(OPTIONS, response_timeout=0.001, idle_timeout=0.001))
        probe.call.accept()
        deadlines = probe.group.backend.deadlines
        self.assertEqual([member.deadline for member in deadlines.members], [NEVER])
        probe.call.send(OK[:-1])
        self.assertEqual([member.deadline for member in deadlines.members], [NEVER])
        probe.call.send(OK[-1:])
        self.successResultOf(probe.result)


class ReuseTests(SynchronousTestCase):
    """A check keeps its connection."""

    def test_kept(self) -> None:
        """The next check goes over the connection of the one before."""
        probe = answered(OK)
        for number in range(2, 5):
            result = probe.again()
            self.assertEqual(probe.call.request.count(b"GET /health HTTP/1.1\r\n"), number)
            probe.call.send(OK)
            self.successResultOf(result)
        self.assertEqual(len(probe.group.calls.made), 1)

    def test_kept_after_a_failure(self) -> None:
        """An answer that is complete leaves the connection usable, whatever it says."""
        probe = answered(b"HTTP/1.1 503 Oops\r\nContent-Length: 0\r\n\r\n")
        self.failureResultOf(probe.result, CheckFailed)
        result = probe.again()
        probe.call.send(OK)
        self.successResultOf(result)
        self.assertEqual(len(probe.group.calls.made), 1)

    def test_not_kept(self) -> None:
        """It is closed where that is asked for, and when the server wants it so."""
        for answer, options in (
            (OK, replace(OPTIONS, check_reuse=False)),
            (OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), OPTIONS),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", OPTIONS),
        ):
            probe = answered(answer, options)
            self.successResultOf(probe.result)
            self.assertFalse(probe.call.is_open)
            probe.again().addErrback(lambda _: None)
            self.assertEqual(len(probe.group.calls.made), 2)

    def test_closed_while_idle(self) -> None:
        """A server that closes what is idle is asked over a fresh connection."""
        probe = answered(OK)
        probe.call.close()
        result = probe.again()
        probe.group.calls.made[1].accept()
        probe.group.calls.made[1].send(OK)
        self.successResultOf(result)

    def test_closed_as_we_ask(self) -> None:
        """So it is when the connection ends without a word after the request was sent: once, then it is a failure."""
        for answer in (OK, b""):
            probe = answered(OK)
            result = probe.again()
            probe.call.close()
            self.assertNoResult(result)
            fresh = probe.group.calls.made[1]
            fresh.accept()
            self.assertIn(b"GET /health", fresh.request)
            if answer:
                fresh.send(answer)
                self.successResultOf(result)
            else:
                fresh.close()
                self.failureResultOf(result, CheckFailed)
            self.assertEqual(len(probe.group.calls.made), 2)

    def test_broken_within_the_answer(self) -> None:
        """A server that ends in the middle of an answer has failed, on whatever connection."""
        probe = answered(OK)
        result = probe.again()
        probe.call.send(OK[:10])
        probe.call.close()
        self.failureResultOf(result, CheckFailed)
        self.assertEqual(len(probe.group.calls.made), 1)

    def test_surplus(self) -> None:
        """What a server sends without being asked ends the connection."""
        probe = answered(OK)
        probe.call.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        self.assertFalse(probe.call.is_open)

    def test_forgotten(self) -> None:
        """What is kept for a server that is checked no more is closed."""
        probe = answered(OK)
        probe.check.forget(probe.server)
        probe.check.forget(probe.server)
        self.assertFalse(probe.call.is_open)
        self.assertEqual(probe.group.backend.deadlines.members, set())


class ConnectionTests(SynchronousTestCase):
    """A check leaves nothing behind but its own connection."""

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
