"""Every row of `requests`, however its octets arrive, and what servers and other parsers make of what is forwarded."""

from collections.abc import Iterator, Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.hostile.requests import CASES, TABLES, Accepted, Case
from tests.support.oracles import (
    Received,
    UnreadableMessage,
    answered_by_h11,
    received_by_h11,
    received_by_llhttp,
)
from tests.support.transports import MemoryReactor
from tests.support.wire import Outcome, Recorder, Servers, Wire, feed, without_splicing

SMUGGLED = Received(b"GET", b"/behind")
BEHIND = b"GET /behind HTTP/1.1\r\nHost: a\r\n\r\n"
SHORT = 200
"""Octets up to which a request is cut at every place."""
PIECE = 2000
LAST = 100
"""Of a long request the last octets come one by one, and what is before them in pieces."""
FRAMING = (b"host", b"content-length", b"transfer-encoding", b"connection")
KNOWN_TO_LLHTTP = frozenset(
    b"DELETE GET HEAD POST PUT CONNECT OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH UNLOCK BIND REBIND "
    b"UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PATCH PURGE MKCALENDAR LINK "
    b"UNLINK SOURCE".split()
)


def expected(case: Case, *, followed: bool = False) -> Outcome:
    """What must become of a row; `followed`: `BEHIND` was sent behind it."""
    verdict = case.verdict
    if not isinstance(verdict, Accepted):
        return Outcome(verdict.before, (200,) * len(verdict.before) + (verdict.status,), closed=True)
    requests = verdict.requests + ((SMUGGLED,) if followed and verdict.keeps else ())
    return Outcome(requests, (200,) * len(requests), closed=not verdict.keeps)


def small_pieces(raw: bytes) -> Iterator[bytes]:
    """Octet by octet; of something long, in pieces with the last ones octet by octet."""
    start = 0
    if len(raw) > PIECE:
        while start < len(raw) - LAST:
            end = min(start + PIECE, len(raw) - LAST)
            yield raw[start:end]
            start = end
    for index in range(start, len(raw)):
        yield raw[index : index + 1]


class RequestsTests(SynchronousTestCase):
    """What happens to each row, with the relay's own reading as the measure."""

    def setUp(self) -> None:
        """One relay for all clients of a test."""
        self.reactor = MemoryReactor()
        self.recorder = Recorder()
        self.wire = Wire(self.recorder, self.reactor)

    def outcome(self, parts: Sequence[bytes] | Iterator[bytes]) -> Outcome:
        """What becomes of these parts on a connection of their own."""
        self.recorder.requests = []
        client = self.wire.connect()
        feed(self.reactor, client, parts)
        outcome = Outcome(tuple(self.recorder.requests), self.statuses(bytes(client.delivered)), client.ended)
        self.wire.leave(client)
        return outcome

    def statuses(self, octets: bytes) -> tuple[int, ...]:
        """The status codes of the responses, one to each recorded request and one more if something was refused."""
        methods = [request.method for request in self.recorder.requests]
        found: list[int] = []
        while octets:
            method = methods[len(found)] if len(found) < len(methods) else b"GET"
            response = answered_by_h11(octets, method)
            self.assertTrue(response.is_complete, octets)
            found.append(response.status)
            octets = response.rest
        return tuple(found)

    def test_there_are_enough(self) -> None:
        """Names are not used twice within a table, and the tables have not shrunk."""
        for cases in TABLES.values():
            self.assertEqual(len({case.name for case in cases}), len(cases))
        self.assertGreaterEqual(len(CASES), 400)

    def test_whole(self) -> None:
        """A request that arrives in one piece."""
        for case in CASES:
            self.assertEqual(self.outcome([case.raw]), expected(case), case)

    def test_octet_by_octet(self) -> None:
        """A request that arrives octet by octet means the same."""
        for case in CASES:
            self.assertEqual(self.outcome(small_pieces(case.raw)), expected(case), case)

    def test_cut_at_every_place(self) -> None:
        """A request that arrives in two pieces means the same, wherever it is cut."""
        for case in CASES:
            if len(case.raw) <= SHORT:
                for cut in range(1, len(case.raw)):
                    parts = [case.raw[:cut], case.raw[cut:]]
                    self.assertEqual(self.outcome(parts), expected(case), (case, cut))

    def test_followed_by_another(self) -> None:
        """What comes behind is the next request, or nothing at all; a refused request has nothing behind it."""
        for case in CASES:
            followed = expected(case, followed=True)
            self.assertEqual(self.outcome([case.raw + BEHIND]), followed, case)
            self.assertEqual(self.outcome([case.raw, BEHIND]), followed, case)

    def test_followed_by_another_octet_by_octet(self) -> None:
        """The same when everything comes in small pieces."""
        for case in CASES:
            self.assertEqual(self.outcome(small_pieces(case.raw + BEHIND)), expected(case, followed=True), case)


class ForwardedTests(SynchronousTestCase):
    """What servers get, with two independent parsers as the measure."""

    def setUp(self) -> None:
        """Everything is in memory."""
        without_splicing(self.patch)
        self.reactor = MemoryReactor()

    def servers(self, parts: Sequence[bytes] | Iterator[bytes]) -> Servers:
        """The servers that got something of these parts, after they have answered all that is complete."""
        servers = Servers(self.reactor)
        wire = Wire(servers, self.reactor)
        client = wire.connect()
        for part in parts:
            feed(self.reactor, client, [part])
            servers.answer_complete_requests()
        wire.leave(client)
        return servers

    def check(self, case: Case, servers: Servers) -> None:
        """Each server got one request, the one that was meant; or none, and at most a beginning."""
        verdict = case.verdict
        requests = verdict.requests if isinstance(verdict, Accepted) else verdict.before
        for request, socket in zip(requests, servers.sockets, strict=False):
            octets = bytes(socket.delivered)
            self.assertEqual(received_by_h11(octets), [request], case)
            if request.method in KNOWN_TO_LLHTTP:
                self.assertEqual(received_by_llhttp(octets), [request], case)
            self.assert_framed_once(octets)
        self.assertGreaterEqual(len(servers.sockets), len(requests), case)
        for socket in servers.sockets[len(requests) :]:
            self.assert_incomplete(bytes(socket.delivered), case)
            self.assertTrue(socket.reset, case)

    def assert_framed_once(self, octets: bytes) -> None:
        """The fields that frame a request stand in it once, and not beside each other."""
        section = octets.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        names = [line.partition(b":")[0].lower() for line in section]
        for name in FRAMING:
            self.assertLessEqual(names.count(name), 1, octets)
        self.assertLessEqual(names.count(b"content-length") + names.count(b"transfer-encoding"), 1, octets)

    def assert_incomplete(self, octets: bytes, case: Case) -> None:
        """No parser finds a whole request in it."""
        for read in (received_by_h11, received_by_llhttp):
            try:
                found = read(octets)
            except UnreadableMessage:
                found = []
            self.assertEqual(found, [], case)

    def test_whole(self) -> None:
        """Servers get what was meant from requests that arrive in one piece."""
        for case in CASES:
            self.check(case, self.servers([case.raw]))

    def test_octet_by_octet(self) -> None:
        """Servers get the same from requests that arrive octet by octet."""
        for case in CASES:
            if len(case.raw) <= SHORT:
                self.check(case, self.servers(small_pieces(case.raw)))

    def test_nothing_behind_a_refused_request_is_forwarded(self) -> None:
        """No server hears of what follows a refused request."""
        for case in CASES:
            if not isinstance(case.verdict, Accepted):
                servers = self.servers([case.raw + BEHIND, BEHIND])
                self.check(case, servers)
                self.assertFalse(any(b"/behind" in bytes(socket.delivered) for socket in servers.sockets), case)
