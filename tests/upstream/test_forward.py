"""Where the requests of a forward proxy's clients go."""

import errno
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import LISTENER, ROUTE, Conversation, Party, head, ok
from twisted_relay.config.tree import BackendOptions, ListenerOptions, RouteOptions
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.guard.guard import Guard
from twisted_relay.routing import Route, Router
from twisted_relay.upstream import forward
from twisted_relay.upstream.assemble import Surroundings
from twisted_relay.upstream.forward import Forward
from twisted_relay.upstream.ports import ConnectPorts

PROXY = replace(LISTENER, mode="forward", tunnel_idle_timeout=10.0, connect_timeout=2.0)
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def connecting(target: str = "10.0.0.1:443") -> bytes:
    """A CONNECT."""
    return head(f"CONNECT {target} HTTP/1.1", f"Host: {target}")


class Proxied(Conversation):
    """A conversation in which the listener is a forward proxy."""

    def __init__(
        self, case: SynchronousTestCase, listener: ListenerOptions = PROXY, guard: Guard | None = None
    ) -> None:
        super().__init__(case, listener, BackendOptions(name="none"), ROUTE)
        surroundings = Surroundings(self._time, self._time, self.deadlines, self.resolver, guard=guard)
        self.forward = Forward(listener, surroundings)
        plan = Plan("", self._counted(ConnectPorts(listener, self.forward)), upgrades=forward.UPGRADES)
        router = Router([Route(RouteOptions(name=""), plan)])
        self.listener = Listener(listener, router, self.deadlines, (self.exchanges.append,))

    def is_over(self) -> None:
        """See `Conversation`; the connections to origins are closed first."""
        self.forward.close()
        super().is_over()


class HTTPTests(SynchronousTestCase):
    """Plain http."""

    def test_pools(self) -> None:
        """Each origin has connections of its own, which are used again; Host is the URI's."""
        talk = Proxied(self)
        client = talk.client()
        for host in ("10.0.0.1", "10.0.0.2"):
            client.sends(head(f"GET http://{host}:8080/a HTTP/1.1", "Host: other"))
            server = talk.accepts(host)
            server.sees_head("GET /a HTTP/1.1", f"Host: {host}:8080")
            server.sends(ok())
            client.sees(ok())
        client.sends(head("GET http://10.0.0.2:8080/b HTTP/1.1", "Host: other"))
        server.sees_head("GET /b HTTP/1.1", "Host: 10.0.0.2:8080")
        server.sends(ok())
        self.assertEqual([exchange.server for exchange in talk.exchanges], ["10.0.0.1:8080"] + ["10.0.0.2:8080"] * 2)
        talk.is_over()

    def test_who_asks(self) -> None:
        """Names are looked up on behalf of whoever has sent the request, with CONNECT and without."""
        talk = Proxied(self)
        told: list[str] = []
        self.patch(talk.resolver, "on_behalf_of", told.append)
        for request in (head("GET http://10.0.0.1/ HTTP/1.1", "Host: a"), connecting("10.0.0.1:443")):
            client = talk.client()
            client.sends(request)
            talk.accepts("10.0.0.1")
            client.aborts()
        self.assertEqual(told, ["192.0.2.1", "192.0.2.1"])
        talk.is_over()

    def test_many_origins(self) -> None:
        """Of many origins only the last ones keep their connections."""
        self.patch(forward, "MAX_ORIGINS", 2)
        talk = Proxied(self)
        client = talk.client()
        servers = []
        for number in range(3):
            client.sends(head(f"GET http://10.0.0.{number}/ HTTP/1.1", "Host: a"))
            servers.append(talk.accepts())
            servers[-1].sends(ok())
            client.sees(ok())
        servers[0].sees_close()
        client.sends(head("GET http://10.0.0.2/ HTTP/1.1", "Host: a"))
        servers[2].sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_upgrades(self) -> None:
        """A WebSocket needs no CONNECT: it rests and ages as tunnels do. Other protocols are not passed on."""
        talk = Proxied(self, replace(PROXY, tunnel_max_age=25.0))
        client, server = open_websocket(talk)
        for _ in range(3):
            talk.waits(8.0)
            client.sends(b"frame")
            server.sees(b"frame")
        talk.waits(2.0)
        client.sees_close()
        client, server = open_websocket(talk)
        talk.waits(11.0)
        client.sees_close()
        self.assertEqual([each.code for each in talk.exchanges], [101, 101])
        client = talk.client()
        client.sends(head("GET http://10.0.0.1/ HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: h2c"))
        server = talk.accepts()
        server.sees_head("GET / HTTP/1.1", "Host: 10.0.0.1")
        server.sends(ok())
        client.sees(ok())
        talk.is_over()


def open_websocket(talk: Proxied) -> tuple[Party, Party]:
    """Both ends of a new WebSocket of plain http."""
    client = talk.client()
    client.sends(head("GET http://10.0.0.1/ HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket"))
    server = talk.accepts()
    server.sees_head("GET / HTTP/1.1", "Host: 10.0.0.1", "Connection: Upgrade", "Upgrade: websocket")
    switched = head("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket")
    server.sends(switched)
    client.sees_head("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket")
    return client, server


class ConnectTests(SynchronousTestCase):
    """Tunnels."""

    def test_tunnel(self) -> None:
        """The answer comes when the connection stands; what came behind the request is carried over."""
        talk = Proxied(self)
        client = talk.client()
        client.sends(connecting() + b"early")
        client.sees_nothing()
        server = talk.accepts("10.0.0.1")
        client.sees(ESTABLISHED)
        server.sees(b"early")
        server.sends(b"\x16\x03")
        client.sees(b"\x16\x03")
        client.ends()
        server.closes()
        self.assertEqual((talk.last().code, talk.last().server, talk.last().bytes_received), (200, "10.0.0.1:443", 5))
        talk.is_over()

    def test_refused(self) -> None:
        """A destination that refuses is a 502, one that is silent a 504."""
        talk = Proxied(self)
        client = talk.client()
        client.sends(connecting())
        talk.refuses(errno.ECONNREFUSED)
        client.sees_answer("HTTP/1.1 502 Bad Gateway")
        client.sends(connecting())
        talk.waits(2.1)
        client.sees_answer("HTTP/1.1 504 Gateway Timeout")
        talk.is_over()

    def test_leaving(self) -> None:
        """A client that leaves while its tunnel is opened leaves nothing behind."""
        talk = Proxied(self)
        client = talk.client()
        client.sends(connecting() + b"early")
        client.aborts()
        self.assertEqual(talk.codes(), [499])
        talk.is_over()

    def test_too_much_too_early(self) -> None:
        """What a client sends before the tunnel stands is bounded, and arrives."""
        talk = Proxied(self)
        client = talk.client()
        client.sends(connecting() + b"x" * 1_000_000)
        self.assertLess(client.socket.read, 300_000)
        server = talk.accepts()
        talk.settle()
        self.assertEqual(len(server.socket.delivered), 1_000_000)
        client.aborts()
        talk.is_over()

    def test_idle_and_old(self) -> None:
        """A tunnel ends when it is idle for too long, or too old."""
        for options, silence in ((PROXY, True), (replace(PROXY, tunnel_max_age=30.0), False)):
            talk = Proxied(self, options)
            client = talk.client()
            client.sends(connecting())
            talk.accepts()
            for _ in range(6):
                talk.waits(8.0 if not silence else 2.5)
                if not silence:
                    client.sends(b"x")
            self.assertEqual(talk.codes(), [200])
            talk.is_over()
