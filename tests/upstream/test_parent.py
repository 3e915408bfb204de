"""A parent as a backend: what counts against its proxies, and the connections to and through them."""

import errno
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import Party, head, ok, post
from tests.upstream.test_forward import ESTABLISHED, connecting
from tests.upstream.test_through import GRANTED, LISTENER, NAMED, OPEN, PARENT, Chained, proxies
from twisted_relay.config.values import Address, BalanceSpec, EjectSpec, ServerSpec, UnixAddress
from twisted_relay.upstream import parent
from twisted_relay.upstream.parent import Credentials

SOCKS = replace(PARENT, servers=proxies("socks5"))
TWO = replace(PARENT, servers=proxies(number=2), eject_after=EjectSpec(3, 10.0))


def asking(host: str) -> bytes:
    """A request for a host."""
    return head(f"GET http://{host}/ HTTP/1.1", "Host: other")


class BlameTests(SynchronousTestCase):
    """What ejects a proxy."""

    def test_broken(self) -> None:
        """Proxies that cannot be connected to, break off or refuse our credentials are taken out, but not the last."""
        for break_it in (
            lambda talk: talk.refuses(errno.ECONNREFUSED),
            lambda talk: talk.accepts().closes(),
            lambda talk: talk.accepts().sends(b"nonsense\r\n"),
            lambda talk: talk.accepts().sends(head("HTTP/1.1 407 Who?")),
        ):
            talk = Chained(self, replace(TWO, retries=0))
            for _ in range(8):
                client = talk.client()
                client.sends(connecting(NAMED))
                break_it(talk)
                client.aborts()
            self.assertEqual(sorted(server.state for server in talk.parent.servers), ["ejected", "up"])
            talk.is_over()

    def test_destinations(self) -> None:
        """Destinations that cannot be reached, are slow or break off are no fault of a proxy."""
        for answer, status in (
            (head("HTTP/1.1 503 Down", "Content-Length: 0"), 503),
            (head("HTTP/1.1 504 Late", "Content-Length: 0"), 504),
            (head("HTTP/1.1 200 OK", "Content-Length: 9") + b"half", 200),
            (b"", 504),
        ):
            talk = Chained(self, replace(TWO, retries=0, response_timeout=1.0))
            for _ in range(10):
                client = talk.client()
                client.sends(asking("a.example"))
                if talk.network.waiting:
                    proxy = talk.accepts()
                if answer:
                    proxy.sends(answer)
                    proxy.closes()
                else:
                    talk.waits(1.5)
                self.assertEqual(talk.last().code, status)
                client.aborts()
            self.assertEqual([server.state for server in talk.parent.servers], ["up", "up"], answer)
            talk.is_over()

    def test_silent_destinations(self) -> None:
        """A destination that never answers makes every proxy late, and none of them bad."""
        for options in (TWO, replace(TWO, servers=proxies("socks5", 2))):
            talk = Chained(self, replace(options, retries=0, connect_timeout=1.0))
            for _ in range(8):
                client, _ = talk.tunnel()
                talk.waits(1.5)
                client.sees_answer("HTTP/1.1 504 Gateway Timeout", "Proxy-Status: relay; error=connection_timeout")
                client.aborts()
            self.assertEqual([server.state for server in talk.parent.servers], ["up", "up"])
            self.assertEqual([server.counters.errors["parent_timeout"] for server in talk.parent.servers], [4, 4])
            talk.is_over()

    def test_too_late(self) -> None:
        """Nor does it say something of proxies that all tries together took too long."""
        for request in (asking("a.example"), connecting(NAMED)):
            talk = Chained(self, replace(TWO, retries=0, total_timeout=1.0))
            for _ in range(8):
                client = talk.client()
                client.sends(request)
                talk.accepts()
                talk.waits(1.5)
                self.assertEqual(talk.last().code, 504)
                client.aborts()
            self.assertEqual([server.state for server in talk.parent.servers], ["up", "up"], request)
            talk.is_over()

    def test_origins_that_break_off(self) -> None:
        """Nor is what an HTTP proxy passes on of an origin that closes without an answer, or answers nonsense."""
        for end in (
            lambda proxy: proxy.aborts(),
            lambda proxy: proxy.closes(),
            lambda proxy: proxy.sends(b"junk\r\nVia: 1.1 tiny\r\n\r\n"),
        ):
            talk = Chained(self, replace(TWO, retries=0))
            for _ in range(8):
                client = talk.client()
                client.sends(asking("a.example"))
                end(talk.accepts())
                self.assertEqual(talk.last().code, 502)
                client.aborts()
            servers = talk.parent.servers
            self.assertEqual([server.state for server in servers], ["up", "up"])
            self.assertEqual([sum(server.counters.errors.values()) for server in servers], [4, 4])
            talk.is_over()

    def test_origins_that_want_credentials(self) -> None:
        """An origin that answers 407 takes no proxy away, though the client does not get to see that."""
        talk = Chained(self, replace(TWO, retries=0))
        for _ in range(8):
            client = talk.client()
            client.sends(asking("a.example"))
            talk.accepts().sends(head("HTTP/1.1 407 Who?", "Content-Length: 0"))
            client.sees_answer("HTTP/1.1 502 Bad Gateway", "Proxy-Status: relay; error=proxy_configuration_error")
            client.aborts()
        self.assertEqual([server.state for server in talk.parent.servers], ["up", "up"])
        self.assertEqual([server.counters.errors["parent_credentials"] for server in talk.parent.servers], [4, 4])
        talk.is_over()

    def test_origins_behind_tunnels(self) -> None:
        """Nor is what an origin does on a connection through SOCKS5, or on one for a WebSocket."""
        lines = "Host: a", "Upgrade: websocket", "Connection: Upgrade"
        socket = head("GET http://a.example/ HTTP/1.1", *lines)
        for options, request, opening in (
            (replace(TWO, servers=proxies("socks5", 2)), asking("a.example"), (b"\5\0", GRANTED)),
            (TWO, socket, (OPEN,)),
        ):
            for end in (lambda proxy: proxy.aborts(), lambda proxy: proxy.closes(), lambda proxy: proxy.sends(b"junk")):
                talk = Chained(self, replace(options, retries=0))
                for _ in range(8):
                    client = talk.client()
                    client.sends(request)
                    proxy = talk.accepts()
                    proxy.sends(*opening)
                    end(proxy)
                    self.assertEqual(talk.last().code, 502)
                    client.aborts()
                self.assertEqual([server.state for server in talk.parent.servers], ["up", "up"])
                talk.is_over()

    def test_tunnels_to_nowhere(self) -> None:
        """Nor are tunnels that a proxy refuses."""
        talk = Chained(self, TWO)
        for _ in range(10):
            client, proxy = talk.tunnel()
            proxy.sends(head("HTTP/1.1 503 No such host"))
            client.sees_answer("HTTP/1.1 502 Bad Gateway")
            client.aborts()
        self.assertEqual([server.state for server in talk.parent.servers], ["up", "up"])
        talk.is_over()


class LoadTests(SynchronousTestCase):
    """Tunnels are requests of their proxy."""

    def test_least_connections(self) -> None:
        """As long as a tunnel is open its proxy is busy, so that the next one goes elsewhere."""
        talk = Chained(self, replace(TWO, balance=BalanceSpec("least-connections")))
        parties: list[Party] = []
        for _ in range(4):
            client, proxy = talk.tunnel()
            proxy.sends(OPEN)
            client.sees(ESTABLISHED)
            parties.append(client)
        self.assertEqual([server.active_requests for server in talk.parent.servers], [2, 2])
        for client in parties:
            client.aborts()
        self.assertEqual([server.active_requests for server in talk.parent.servers], [0, 0])
        talk.is_over()

    def test_limit(self) -> None:
        """A full proxy lets tunnels wait until one is closed."""
        talk = Chained(self, replace(PARENT, max_requests_per_server=1))
        first, proxy = talk.tunnel()
        proxy.sends(OPEN)
        second = talk.client()
        second.sends(connecting(NAMED))
        talk.nobody_is_dialled()
        first.aborts()
        talk.accepts().sends(OPEN)
        second.sees(ESTABLISHED)
        second.aborts()
        talk.is_over()


class ConnectionTests(SynchronousTestCase):
    """Connections to and through proxies."""

    def test_uploads(self) -> None:
        """Content streams to a proxy as to a server, and is sent again over a fresh connection if it was stale."""
        talk = Chained(self)
        client = talk.client()
        client.sends(asking("a.example"))
        proxy = talk.accepts()
        proxy.sends(ok())
        client.taken()
        proxy.closes()
        request = post(b"x" * 5, "Expect: 100-continue").replace(b"POST /", b"POST http://a.example/")
        client.sends(request)
        fresh = talk.accepts()
        fresh.sees_head("POST http://a.example/ HTTP/1.1", "Content-Length: 5")
        fresh.sends(ok(b"done"))
        client.sees(ok(b"done"))
        talk.is_over()

    def test_many_origins(self) -> None:
        """Through SOCKS5 only the origins used last keep their connections."""
        self.patch(parent, "MAX_ORIGINS", 2)
        talk = Chained(self, SOCKS)
        client = talk.client()
        through = []
        for host in ("a.example", "b.example", "c.example"):
            client.sends(asking(host))
            proxy = talk.accepts()
            proxy.sends(b"\5\0", GRANTED, ok())
            client.sees(ok())
            through.append(proxy)
        through[0].sees_close()
        through[1].is_open()
        talk.is_over()

    def test_leaving(self) -> None:
        """A proxy that leaves finishes what it works on, and keeps nothing idle."""
        talk = Chained(self, SOCKS)
        client, other = talk.client(), talk.client()
        client.sends(asking("a.example"))
        idle = talk.accepts()
        idle.sends(b"\5\0", GRANTED, ok())
        other.sends(asking("b.example"))
        busy = talk.accepts()
        busy.sends(b"\5\0", GRANTED)
        talk.parent.leave(talk.server("p1"))
        talk.settle()
        idle.sees_close()
        busy.is_open()
        busy.sends(ok(b"b"))
        other.sees(ok(b"b"))
        busy.sees_close()
        talk.is_over()

    def test_joining(self) -> None:
        """A proxy that is found while relay runs is used like the others."""
        talk = Chained(self, replace(PARENT, servers=()))
        talk.parent.join(ServerSpec("p9", "socks5", Address("10.9.0.9", 1080)))
        client = talk.client()
        client.sends(connecting(NAMED))
        talk.accepts("10.9.0.9").sends(b"\5\0", GRANTED)
        client.sees(ESTABLISHED)
        client.aborts()
        talk.is_over()

    def test_sockets(self) -> None:
        """A proxy may listen at a UNIX socket: the loop that is looked for has a port."""
        talk = Chained(self, replace(PARENT, servers=(ServerSpec("p1", "http", UnixAddress("/nowhere")),), retries=0))
        client = talk.client()
        client.sends(connecting(NAMED))
        client.sees_answer("HTTP/1.1 502 Bad Gateway")
        self.assertNotIn("is a socket of this machine", str(talk.last().error))
        talk.is_over()


class ViaTests(SynchronousTestCase):
    """What proxies learn of the way."""

    def test_hidden(self) -> None:
        """Nothing, also of what the client says."""
        talk = Chained(self)
        client = talk.client()
        lines = f"Host: {NAMED}", "Via: 1.1 before", "User-Agent: x", "X-Forwarded-For: 10.0.0.7"
        client.sends(head(f"CONNECT {NAMED} HTTP/1.1", *lines))
        talk.accepts().sees(head(f"CONNECT {NAMED} HTTP/1.1", f"Host: {NAMED}"))
        client.aborts()
        talk.is_over()

    def test_told(self) -> None:
        """With `via = on` proxies before and behind know a tunnel that goes round."""
        talk = Chained(self, listener=replace(LISTENER, via=True))
        client = talk.client()
        client.sends(head(f"CONNECT {NAMED} HTTP/1.1", f"Host: {NAMED}", "Via: 1.1 before"))
        fields = talk.accepts().sees_head(f"CONNECT {NAMED} HTTP/1.1")
        way = fields.get(b"via") or b""
        self.assertTrue(way.startswith(b"1.1 before, 1.1 web-"), way)
        client.aborts()
        other = talk.client()
        other.sends(head(f"CONNECT {NAMED} HTTP/1.1", f"Host: {NAMED}", f"Via: {way.decode()}"))
        other.sees_answer("HTTP/1.1 508 Loop Detected")
        talk.is_over()


class CredentialsTests(SynchronousTestCase):
    """Who we are to a proxy."""

    def test_written(self) -> None:
        """UTF-8, as RFC 7617 has it; nobody by default."""
        self.assertEqual(Credentials("a", "ü").lines, (b"Proxy-Authorization: Basic YTrDvA==",))
        self.assertEqual(Credentials().lines, ())

    def test_not_shown(self) -> None:
        """Not even by accident."""
        self.assertNotIn("s3cret", repr(Credentials("a", "s3cret")))
