"""What a TLS check does when it has no TLS: the handshakes themselves are tried on real sockets, in the scenarios."""

from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import OPTIONS, Group
from twisted_relay.config.values import CheckSpec
from twisted_relay.errors import ConnectFailed, TLSFailed
from twisted_relay.health.check import CheckFailed, CutShort
from twisted_relay.health.connections import CLOSE_WITHIN
from twisted_relay.health.tls_check import TLSCheck

TLS = replace(OPTIONS, check=CheckSpec(kind="tls"))


class TLSCheckTests(SynchronousTestCase):
    """`check = tls`."""

    def setUp(self) -> None:
        self.group = Group("s1", options=TLS, scheme="https")
        self.check = TLSCheck(self.group.backend)

    def probe(self) -> Deferred[None]:
        """A check, under way."""
        return Deferred.fromCoroutine(self.check.probe(self.group.servers[0]))

    def test_good(self) -> None:
        """A handshake is enough; the connection is closed in order."""
        result = self.probe()
        self.group.calls.made[0].accept()
        self.successResultOf(result)
        self.assertFalse(self.group.calls.made[0].is_open)

    def test_failed(self) -> None:
        """No connection, or no trust, are told in words."""
        for error, said in (
            (TLSFailed("certificate verify failed"), "tls: TLS failed: certificate verify failed"),
            (ConnectFailed("10.0.0.1:443: No route to host"), "tls: 10.0.0.1:443: No route to host"),
        ):
            result = self.probe()
            self.group.calls.made[-1].refuse(error)
            self.assertEqual(str(self.failureResultOf(result, CheckFailed).value), said)

    def test_too_late(self) -> None:
        """A handshake that takes too long is what was waited for."""
        result = self.probe()
        result.cancel()
        self.assertEqual(str(self.failureResultOf(result, CutShort).value), "tls: no handshake")
        self.assertFalse(self.group.calls.made[0].is_pending)

    def test_a_server_without_tls(self) -> None:
        """A plain server, which may come by discovery, is told so instead of being asked."""
        group = Group("s1", options=TLS)
        result = Deferred.fromCoroutine(TLSCheck(group.backend).probe(group.servers[0]))
        self.assertEqual(str(self.failureResultOf(result, CheckFailed).value), "tls: the server is not an https server")
        self.assertEqual(group.calls.made, [])

    def test_who_does_not_close(self) -> None:
        """A server that does not close its side is cut off after a while."""
        result = self.probe()
        call = self.group.calls.made[0]
        call.lingers = True
        call.accept()
        self.successResultOf(result)
        call.send(b"x")
        self.assertTrue(call.is_open)
        (connection,) = self.group.backend.deadlines.members
        self.assertEqual(connection.deadline, self.group.clock.seconds() + CLOSE_WITHIN)
        connection.expired(connection.deadline)
        self.assertFalse(call.is_open)

    def test_forgotten(self) -> None:
        """So it is at once when its server is checked no more."""
        self.probe().addErrback(lambda _: None)
        call = self.group.calls.made[0]
        call.lingers = True
        call.accept()
        self.check.forget(self.group.servers[0])
        self.assertFalse(call.is_open)
