"""Exchanges of a forward proxy that go no faster than limits let them."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.net.test_tunnel import STEP
from tests.support.pairs import PairSocket
from tests.support.playbook import Party, head, ok
from tests.upstream.test_forward import ESTABLISHED, PROXY, Proxied, connecting
from twisted_relay.config.tree import ListenerOptions, RouteOptions
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.net import splice
from twisted_relay.routing import Route, Router
from twisted_relay.upstream.bandwidth import Bandwidth, BothWays, maker
from twisted_relay.upstream.paced import Paced

RATE = 100_000
LIMITED = replace(PROXY, bandwidth=RATE, body_timeout=5.0, send_timeout=5.0, response_timeout=5.0)
LARGE = bytes(range(250)) * 2000
URL = "http://10.0.0.1/"


class PacedProxy(Proxied):
    """A forward proxy with limits."""

    def __init__(self, case: SynchronousTestCase, options: ListenerOptions = LIMITED) -> None:
        super().__init__(case, options)
        self.bandwidth = Bandwidth(options, {}, maker(self._time, self.reactor.seconds))
        plan = Plan("", self._counted(Paced(self.bandwidth, self.forward)))
        router = Router([Route(RouteOptions(name=""), plan)])
        self.listener = Listener(options, router, self.deadlines, (self.exchanges.append,))

    def waits(self, seconds: float) -> None:
        """Time passes in steps in which a limit loses nothing."""
        self.reactor.pass_time(seconds, STEP)

    @property
    def limits(self) -> BothWays:
        """Those of the listener."""
        assert self.bandwidth._all is not None
        return self.bandwidth._all

    def is_over(self) -> None:
        """See `Conversation`; nobody pays or waits any more."""
        super().is_over()
        for limit in (self.limits.up, self.limits.down):
            self.case.assertEqual((limit.tolls, len(limit._waiting)), (0, 0))


class SplicedPacedProxy(PacedProxy):
    """The same over real pairs of sockets."""

    wire = PairSocket


class SplicedTests(SynchronousTestCase):
    """Large responses, inside the kernel."""

    def test_download(self) -> None:
        """They come at the rate, whole, and no time limit ends what waits for longer than it."""
        if not splice.AVAILABLE:
            self.skipTest("this platform has no splice")
        content = LARGE * 20
        talk = SplicedPacedProxy(self, replace(LIMITED, bandwidth=5_000_000))
        client = talk.client()
        client.sends(head(f"GET {URL} HTTP/1.1", "Host: a"))
        server = talk.accepts()
        response = head("HTTP/1.1 200 OK", f"Content-Length: {len(content)}") + content
        server.sends(response)
        talk.waits(1.0)
        self.assertTrue(4_500_000 <= len(client.socket.delivered) <= 6_500_000, len(client.socket.delivered))
        talk.limits.down.charge(100 * 5_000_000)
        talk.waits(90.0)
        before = len(client.socket.delivered)
        self.assertLess(before, 7_500_000)
        talk.waits(30.0)
        client.sees(response)
        self.assertEqual((talk.codes(), talk.last().bytes_sent), ([200], len(response)))
        talk.is_over()


class PacedTests(SynchronousTestCase):
    """Plain http and tunnels."""

    def setUp(self) -> None:
        self.talk = PacedProxy(self)
        self.client = self.talk.client()

    def asks(self, *lines: str, content: bytes = b"") -> Party:
        """The client asks; the server that gets it."""
        self.client.sends(head(f"GET {URL} HTTP/1.1", "Host: a", *lines) + content)
        return self.talk.accepts("10.0.0.1")

    def test_download(self) -> None:
        """A response comes at the rate, whole, and no time limit ends it; the server waits meanwhile."""
        server = self.asks()
        response = head("HTTP/1.1 200 OK", f"Content-Length: {len(LARGE)}") + LARGE
        server.sends(response)
        self.talk.waits(2.0)
        self.assertTrue(2 * RATE - 70_000 <= len(self.client.socket.delivered) <= 2 * RATE + 70_000)
        self.assertLess(server.socket.read, 2 * RATE + 140_000)
        self.talk.waits(10.0)
        self.client.sees(response)
        self.assertEqual(self.talk.codes(), [200])
        self.talk.is_over()

    def test_a_rate_below_every_time_limit(self) -> None:
        """Content that has to wait for longer than any time limit still comes."""
        self.talk = PacedProxy(self, replace(LIMITED, bandwidth=5000))
        self.client = self.talk.client()
        server = self.asks()
        response = head("HTTP/1.1 200 OK", f"Content-Length: {len(LARGE)}") + LARGE
        server.sends(response)
        self.talk.waits(len(LARGE) / 5000 + 20)
        self.client.sees(response)
        self.talk.is_over()

    def test_upload(self) -> None:
        """So does an upload, in one direction only."""
        self.client.sends(head(f"POST {URL} HTTP/1.1", "Host: a", f"Content-Length: {len(LARGE)}") + LARGE)
        self.talk.nobody_is_dialled()  # what came with the head is paid first
        self.talk.waits(1.0)
        server = self.talk.accepts()
        self.talk.waits(1.0)
        self.assertTrue(2 * RATE - 70_000 <= len(server.socket.delivered) <= 2 * RATE + 70_000)
        self.assertLess(self.client.socket.read, 2 * RATE + 140_000)
        self.talk.waits(4.0)
        self.assertTrue(server.taken().endswith(b"\r\n\r\n" + LARGE))
        server.sends(ok())
        self.client.sees(ok())
        self.talk.is_over()

    def test_many_small_ones(self) -> None:
        """Small responses, each complete at once, pay too: together they come at the rate."""
        small = head("HTTP/1.1 200 OK", "Content-Length: 10000") + bytes(10_000)
        server = self.asks()
        for number in range(20):
            server.sends(small)
            self.talk.waits(0.1)
            if number < 19:
                self.client.sends(head(f"GET {URL} HTTP/1.1", "Host: a"))
        self.talk.waits(1.0)
        self.assertLess(len(self.client.socket.delivered), 2.2 * RATE)
        self.assertGreater(len(self.client.socket.delivered), 1.8 * RATE)
        self.assertEqual(self.talk.codes(), [200] * 20)
        self.talk.is_over()

    def test_tunnel(self) -> None:
        """Tunnels pay, both ways, from their first octet on."""
        self.client.sends(connecting("10.0.0.1:443"))
        server = self.talk.accepts()
        self.client.sees(ESTABLISHED)
        server.sends(LARGE)
        self.client.sends(LARGE)
        self.talk.waits(2.0)
        for party in (server, self.client):
            self.assertTrue(1.8 * RATE <= len(party.socket.delivered) <= 2.4 * RATE, len(party.socket.delivered))
        self.talk.waits(5.0)
        self.client.sees(LARGE)
        server.sees(LARGE)
        self.client.aborts()
        self.talk.waits(11.0)
        self.talk.is_over()

    def test_client_leaves(self) -> None:
        """A client that leaves at any moment leaves no timer and no debt that anybody waits for."""
        post = head(f"POST {URL} HTTP/1.1", "Host: a", "Content-Length: 60000") + bytes(60_000)
        for owed_up, owed_down in ((0, 0), (RATE, 0), (0, RATE)):
            self.setUp()
            self.talk.limits.up.charge(owed_up)
            self.talk.limits.down.charge(owed_down)
            self.client.sends(post)
            if not owed_up:
                self.talk.waits(1.0)
                server = self.talk.accepts()
                server.sends(head("HTTP/1.1 200 OK", "Content-Length: 90000") + bytes(30_000))
            self.client.aborts()
            self.talk.waits(3.0)
            self.assertEqual(len(self.talk.exchanges), 1)
            self.talk.is_over()

    def test_client_leaves_before_there_is_an_answer(self) -> None:
        """Nothing is kept of a client that leaves while its server is connected to, or thinks."""
        for request in (connecting(), head(f"GET {URL} HTTP/1.1", "Host: a")):
            for connects in (False, True):
                self.setUp()
                self.client.sends(request)
                if connects and request.startswith(b"GET"):
                    self.talk.accepts()
                self.client.aborts()
                self.talk.waits(3.0)
                self.talk.is_over()

    def test_server_fails(self) -> None:
        """A server that fails, before its answer or while the content waits, is told as always."""
        server = self.asks()
        server.sends(head("HTTP/1.1 200 OK", f"Content-Length: {len(LARGE)}") + LARGE[:200_000])
        server.aborts()
        self.talk.waits(5.0)
        self.client.sees_reset()
        self.talk.is_over()
        self.setUp()
        self.asks().aborts()
        self.talk.waits(1.0)
        self.talk.accepts().aborts()
        self.assertEqual(self.talk.codes(), [502])
        self.talk.is_over()

    def test_several_clients(self) -> None:
        """Clients that share a limit get the same."""
        parties = []
        for number in range(4):
            client = self.talk.client(f"192.0.2.{number}")
            client.sends(head(f"GET {URL} HTTP/1.1", "Host: a"))
            server = self.talk.accepts()
            server.sends(head("HTTP/1.1 200 OK", "Content-Length: 500000") + LARGE)
            parties.append(client)
        self.talk.waits(16.0)
        came = [len(client.socket.delivered) for client in parties]
        self.assertLess(max(came) - min(came), 140_000, came)
        self.talk.waits(10.0)
        for client in parties:
            self.assertTrue(client.taken().endswith(LARGE))
        self.talk.is_over()
