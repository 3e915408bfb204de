"""Every row of `responses`, however its octets arrive: what the client gets, and what becomes of the connection."""

from collections.abc import Iterable
from dataclasses import dataclass

from twisted.trial.unittest import SynchronousTestCase

from tests.hostile.responses import CASES, TABLES, After, Case, Passed
from tests.hostile.test_requests import SHORT, small_pieces
from tests.support.oracles import Answered, UnreadableMessage, answered_by_h11
from tests.support.transports import MemoryReactor
from tests.support.wire import Servers, Wire, feed, without_splicing

BEHIND = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a response."""

    answer: Answered
    closed: bool
    """The client's connection was closed."""
    reset: bool
    """It was cut."""
    kept: bool
    """The server's connection could be lent again."""


class ResponsesTests(SynchronousTestCase):
    """What happens to each row."""

    def setUp(self) -> None:
        """One set of servers for all clients of a test."""
        without_splicing(self.patch)
        self.reactor = MemoryReactor()
        self.servers = Servers(self.reactor)
        self.wire = Wire(self.servers, self.reactor)

    def outcome(self, case: Case, parts: Iterable[bytes]) -> Outcome:
        """What becomes of these parts as the answer to a request of their own."""
        client = self.wire.connect()
        feed(self.reactor, client, [case.method + b" / HTTP/1.1\r\nHost: a\r\n\r\n"])
        server, connection = self.servers.sockets[-1], self.servers.connections[-1]
        feed(self.reactor, server, parts)
        if case.closes:
            server.far_closes()
            self.reactor.settle()
        octets = bytes(client.delivered)
        self.assertNotIn(b"poison", b"" if self.takes_all(case) else octets)
        answer = answered_by_h11(octets, case.method, ended=client.closed and not client.reset)
        outcome = Outcome(answer, client.ended, client.reset, connection in self.servers.kept)
        self.wire.leave(client)
        if not server.closed:
            server.far_resets()
            self.reactor.settle()
        return outcome

    def takes_all(self, case: Case) -> bool:
        """Whether what comes behind belongs to the response, or would make up for what it lacks."""
        return case.closes and (not isinstance(case.verdict, Passed) or case.verdict.until_close)

    def check(self, case: Case, parts: Iterable[bytes], *, followed: bool = False) -> None:
        """A row comes out as it must; `followed`: by octets that belong to nobody."""
        outcome = self.outcome(case, parts)
        verdict = case.verdict
        if not isinstance(verdict, Passed):
            self.assertFalse(outcome.kept, case)
            if outcome.answer.status == 502:
                self.assertTrue(outcome.answer.is_complete, case)
                self.assertIn(b"proxy-status", dict(outcome.answer.fields), case)
            else:
                self.assertFalse(outcome.answer.is_complete, case)
                self.assertTrue(outcome.reset, case)
            return
        self.assertEqual((outcome.answer.status, outcome.answer.content), (verdict.status, verdict.content), case)
        self.assertTrue(outcome.answer.is_complete, case)
        self.assertEqual(outcome.answer.rest, b"", case)
        self.assertFalse(outcome.reset or outcome.closed, case)
        self.assertEqual(outcome.kept, verdict.after is After.KEPT and not followed, case)

    def test_there_are_enough(self) -> None:
        """Names are not used twice within a table, and the tables have not shrunk."""
        for cases in TABLES.values():
            self.assertEqual(len({case.name for case in cases}), len(cases))
        self.assertGreaterEqual(len(CASES), 170)

    def test_whole(self) -> None:
        """A response that arrives in one piece."""
        for case in CASES:
            self.check(case, [case.raw])

    def test_octet_by_octet(self) -> None:
        """A response that arrives octet by octet means the same."""
        for case in CASES:
            self.check(case, small_pieces(case.raw))

    def test_cut_at_every_place(self) -> None:
        """A response that arrives in two pieces means the same, wherever it is cut."""
        for case in CASES:
            if len(case.raw) <= SHORT:
                for cut in range(1, len(case.raw)):
                    self.check(case, [case.raw[:cut], case.raw[cut:]])

    def test_followed_by_octets_that_belong_to_nobody(self) -> None:
        """What comes behind a response reaches no client, and the connection is not lent again."""
        for case in CASES:
            if not self.takes_all(case):
                self.check(case, [case.raw + BEHIND], followed=True)
                self.check(case, [case.raw, *small_pieces(BEHIND)], followed=True)

    def test_followed_later_by_octets_that_belong_to_nobody(self) -> None:
        """The same when they come while the connection is idle."""
        for case in CASES:
            if not self.takes_all(case):
                self.check(case, [case.raw, BEHIND], followed=True)

    def test_an_idle_connection_with_octets_is_gone_at_once(self) -> None:
        """Not even a request that is served in the same turn of the loop gets the connection."""
        client = self.wire.connect()
        feed(self.reactor, client, [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
        feed(self.reactor, self.servers.sockets[-1], [b"HTTP/1.1 204 No Content\r\n\r\n"])
        (connection,) = self.servers.kept
        connection.dataReceived(BEHIND)
        self.assertEqual(self.servers.kept, [])
        self.wire.leave(client)

    def test_refusals_say_the_cause(self) -> None:
        """Garbage is named as such in Proxy-Status (RFC 9209), and nothing of it is shown."""
        case = next(case for case in CASES if case.name == "ICY")
        answer = self.outcome(case, [case.raw]).answer
        self.assertEqual(dict(answer.fields)[b"proxy-status"], b"relay; error=http_protocol_error")
        self.assertNotIn(b"ICY", answer.content)


class OracleTests(SynchronousTestCase):
    """The oracle itself."""

    def test_unreadable(self) -> None:
        """h11 refuses what is no response."""
        self.assertRaises(UnreadableMessage, answered_by_h11, b"nonsense\r\n\r\n")
