"""What a TCP check does, and what it makes of the server's octets."""

from dataclasses import replace

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import OPTIONS, Call, Group
from twisted_relay.config.values import CheckSpec
from twisted_relay.errors import ConnectFailed, ConnectTimeout
from twisted_relay.health.check import CheckFailed, CutShort
from twisted_relay.health.tcp_check import MAX_RECEIVED, TCPCheck

TCP = replace(OPTIONS, check=CheckSpec(kind="tcp"))
PING = replace(TCP, check_send=b"PING\r\n", check_expect=b"+PONG")


class Case:
    """A check of the one server of a backend, under way."""

    def __init__(self, send: bytes = b"", expect: bytes = b"") -> None:
        self.group = Group("s1", options=replace(TCP, check_send=send, check_expect=expect))
        self.check = TCPCheck(self.group.backend)
        self.result = Deferred.fromCoroutine(self.check.probe(self.group.servers[0]))
        self.call: Call = self.group.calls.made[0]


class TCPCheckTests(SynchronousTestCase):
    """`check = tcp`."""

    def test_connected(self) -> None:
        """A connection that can be made is enough; it is closed, and nothing was sent."""
        case = Case()
        case.call.accept()
        self.successResultOf(case.result)
        self.assertEqual((case.call.request, case.call.is_open), (b"", False))

    def test_not_connected(self) -> None:
        """A server that cannot be reached fails with the reason."""
        for error, said in (
            (ConnectFailed("refused"), "tcp: connection refused"),
            (ConnectFailed("10.0.0.1:80: No route to host"), "tcp: 10.0.0.1:80: No route to host"),
            (ConnectTimeout("no connection within 5 s"), "tcp: no connection within 5 s"),
        ):
            case = Case()
            case.call.refuse(error)
            self.assertEqual(str(self.failureResultOf(case.result, CheckFailed).value), said)

    def test_no_tls(self) -> None:
        """It is a TCP connection, also to a server that speaks TLS."""
        group = Group("s1", options=TCP, scheme="https")
        group.servers[0].pool.dialler.tls = object()
        result = Deferred.fromCoroutine(TCPCheck(group.backend).probe(group.servers[0]))
        self.assertIsNone(group.calls.made[0].tls)
        group.calls.made[0].accept()
        self.successResultOf(result)

    def test_only_sent(self) -> None:
        """What is sent is sent, and nothing is waited for."""
        case = Case(send=b"QUIT\r\n")
        case.call.accept()
        self.successResultOf(case.result)
        self.assertEqual((case.call.request, case.call.is_open), (b"QUIT\r\n", False))

    def test_expected(self) -> None:
        """What is expected may stand anywhere, and come octet by octet."""
        for octets in (b"+PONG", b"220 hello\r\n+PONG\r\n", b"++PONG"):
            case = Case(b"PING\r\n", b"+PONG")
            case.call.accept()
            self.assertEqual(case.call.request, b"PING\r\n")
            for octet in octets:
                case.call.send(bytes([octet]))
            self.successResultOf(case.result)
            self.assertFalse(case.call.is_open)

    def test_a_greeting(self) -> None:
        """A server may speak first."""
        case = Case(expect=b"220 ")
        case.call.accept()
        self.assertNoResult(case.result)
        case.call.send(b"220 mail.example.org\r\n")
        self.successResultOf(case.result)

    def test_something_else(self) -> None:
        """A server that closes without it has failed; what it said is quoted."""
        for octets, said in (
            (b"", 'tcp: expected "+PONG", got nothing: the server closed the connection'),
            (b"-ERR\r\n", 'tcp: expected "+PONG", got "-ERR\\r\\n": the server closed the connection'),
        ):
            case = Case(b"PING\r\n", b"+PONG")
            case.call.accept()
            if octets:
                case.call.send(octets)
            case.call.close()
            self.assertEqual(str(self.failureResultOf(case.result, CheckFailed).value), said)

    def test_too_much(self) -> None:
        """No more than the first 64 KiB are looked at."""
        case = Case(expect=b"needle")
        case.call.accept()
        case.call.send(b"x" * (MAX_RECEIVED - 1))
        self.assertNoResult(case.result)
        case.call.send(b"needle")
        said = str(self.failureResultOf(case.result, CheckFailed).value)
        self.assertTrue(said.endswith("not in the first 65536 octets"), said)
        self.assertFalse(case.call.is_open)

    def test_too_late(self) -> None:
        """A check that is called off ends at once and says what it waited for."""
        for accepted, said in ((False, "tcp: no connection"), (True, 'tcp: no "+PONG"')):
            case = Case(b"PING\r\n", b"+PONG")
            if accepted:
                case.call.accept()
            case.result.cancel()
            self.assertEqual(str(self.failureResultOf(case.result, CutShort, CancelledError).value), said)
            self.assertEqual((case.call.is_pending, case.call.is_open), (False, False))
            self.assertEqual(case.group.backend.deadlines.members, set())
