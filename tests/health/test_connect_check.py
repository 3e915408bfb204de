"""The check `connect`: whether a proxy opens a tunnel."""

from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import head
from tests.upstream.test_through import OPEN, PARENT, Chained, proxies
from twisted_relay.config.values import CheckSpec
from twisted_relay.health.connect_check import ConnectCheck

CHECKED = replace(PARENT, check=CheckSpec("CONNECT", "www.example:443", kind="connect"), username="relay")


class ConnectCheckTests(SynchronousTestCase):
    """A proxy that is checked, without and with SOCKS5."""

    def test_up(self) -> None:
        """Requests wait for the first check, which asks as traffic would, and leaves no connection behind."""
        talk = Chained(self, CHECKED)
        self.assertEqual(talk.server("p1").state, "down")
        proxy = talk.accepts("10.9.0.1")
        proxy.sees_head("CONNECT www.example:443 HTTP/1.1", "Proxy-Authorization: Basic cmVsYXk6czNjcmV0")
        proxy.sends(OPEN)
        self.assertEqual(talk.server("p1").state, "up")
        proxy.sees_close()
        self.assertEqual(talk.server("p1").counters.connections, 0)
        talk.is_over()

    def test_down(self) -> None:
        """A proxy that opens no tunnel is down, and the reason is told."""
        for answer, why in (
            (head("HTTP/1.1 503 No"), "connect www.example:443: the parent answered CONNECT with '503 No'"),
            (b"SSH", "connect www.example:443: the response is not HTTP/1.x"),
        ):
            talk = Chained(self, replace(CHECKED, check_fall=1))
            proxy = talk.accepts()
            proxy.sends(answer)
            self.assertEqual((talk.server("p1").state, talk.server("p1").last_check), ("down", why))
            talk.is_over()

    def test_stalls(self) -> None:
        """A check that has no answer in time has failed, and its connection is cut."""
        talk = Chained(self, replace(CHECKED, check_fall=1, check_timeout=1.0))
        proxy = talk.accepts()
        talk.waits(1.1)
        self.assertEqual(talk.server("p1").last_check, "connect www.example:443: no answer within 1 s")
        proxy.sees_reset()
        talk.is_over()

    def test_socks(self) -> None:
        """The same through SOCKS5."""
        talk = Chained(self, replace(CHECKED, servers=proxies("socks5"), username=""))
        proxy = talk.accepts()
        proxy.sends(b"\5\0", b"\5\0\0\1" + bytes(6))
        self.assertEqual(talk.server("p1").state, "up")
        talk.is_over()

    def test_cancelled(self) -> None:
        """A check that is called off ends at once."""
        talk = Chained(self, replace(CHECKED, check_initial="up", check_interval=1000.0))
        proxy = talk.accepts()
        proxy.sends(OPEN)
        probe = Deferred.fromCoroutine(ConnectCheck(talk.parent).probe(talk.server("p1")))
        other = talk.accepts()
        probe.cancel()
        talk.settle()
        self.failureResultOf(probe)
        other.sees_reset()
        talk.is_over()
