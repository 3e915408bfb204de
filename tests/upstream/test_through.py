"""A forward proxy that goes out through others."""

import errno
from base64 import b64encode
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.rules.reading import rules_of
from tests.support.playbook import Party, head, ok
from tests.upstream.test_forward import ESTABLISHED, PROXY, Proxied, connecting
from twisted_relay.config.rule_values import Domain
from twisted_relay.config.tree import ListenerOptions, ParentOptions, RouteOptions
from twisted_relay.config.values import Address, AllowedDestination, RetryOn, ServerSpec
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.guard.guard import Guard
from twisted_relay.guard.loops import NotOurselves
from twisted_relay.guard.ourselves import Ourselves
from twisted_relay.health import watchers_of
from twisted_relay.routing import Route, Router
from twisted_relay.rules import Rules
from twisted_relay.rules.ways import Ways
from twisted_relay.upstream.assemble import Surroundings
from twisted_relay.upstream.forward import UPGRADES
from twisted_relay.upstream.parent import assemble_parent
from twisted_relay.upstream.permitted import Permitted
from twisted_relay.upstream.through import Onward, Through

NAMED = "a.example:443"
SECRET = b64encode(b"relay:s3cret").decode()
OPEN = b"HTTP/1.1 200 OK\r\n\r\n"
GRANTED = b"\5\0\0\1" + bytes(6)
LISTENER = replace(PROXY, parent="hq")


def proxies(scheme: str = "http", number: int = 1) -> tuple[ServerSpec, ...]:
    """Proxies p1, p2, … at 10.9.0.1:3128, 10.9.0.2:3128, …"""
    assert scheme in ("http", "socks5")
    return tuple(
        ServerSpec(f"p{n}", "http" if scheme == "http" else "socks5", Address(f"10.9.0.{n}", 3128))
        for n in range(1, number + 1)
    )


PARENT = ParentOptions(name="hq", servers=proxies())
SOCKS_PARENT = ParentOptions(name="hq", servers=proxies("socks5"))


class Chained(Proxied):
    """A conversation in which the listener has a parent; `server` and `backend` are those of the parent."""

    def __init__(
        self,
        case: SynchronousTestCase,
        parent: ParentOptions = PARENT,
        listener: ListenerOptions = LISTENER,
        guard: Guard | None = None,
    ) -> None:
        super().__init__(case, listener, guard=guard)
        self.ourselves = Ourselves()
        surroundings = Surroundings(
            self._time, self._time, self.deadlines, self.resolver, guard=NotOurselves(self.ourselves)
        )
        if parent.username:
            path = case.mktemp()
            with open(path, "w") as file:
                file.write("s3cret\n")
            parent = replace(parent, password_file=path)
        self.backend = self.parent = assemble_parent(parent, surroundings)
        self.watchers = watchers_of(self.parent, lambda: 0.5)
        for watcher in self.watchers:
            watcher.start()
        onward = Onward(self.forward, {"hq": self.parent}, Ways([parent]))
        end = self._counted(Through(listener, onward, guard or Guard((), self.ourselves)))
        plan = Plan("", end, upgrades=UPGRADES, leads_out=True)
        self.listener = Listener(
            listener, Router([Route(RouteOptions(name=""), plan)]), self.deadlines, (self.exchanges.append,)
        )
        self.settle()

    def tunnel(self, target: str = "a.example:443") -> tuple[Party, Party]:
        """A client that wants a tunnel, and the proxy that was connected to for it."""
        client = self.client()
        client.sends(connecting(target))
        return client, self.accepts()

    def is_over(self) -> None:
        """See `Conversation`; nobody watches the proxies any more."""
        for watcher in self.watchers:
            watcher.stop()
        super().is_over()


class TunnelTests(SynchronousTestCase):
    """CONNECT through an HTTP proxy."""

    def test_tunnel(self) -> None:
        """The client is answered when the proxy is; what came early on either side is carried over."""
        talk = Chained(self, replace(PARENT, username="relay"))
        client = talk.client()
        client.sends(connecting("A.example.:443") + b"early")
        proxy = talk.accepts("10.9.0.1")
        asked = f"CONNECT {NAMED} HTTP/1.1", f"Host: {NAMED}", f"Proxy-Authorization: Basic {SECRET}"
        proxy.sees(head(*asked))
        client.sees_nothing()
        self.assertEqual(talk.server("p1").active_requests, 1)
        proxy.sends(OPEN + b"220 hello")
        client.sees(ESTABLISHED + b"220 hello")
        proxy.sees(b"early")
        proxy.sends(b"more")
        client.sees(b"more")
        client.ends()
        proxy.closes()
        exchange = talk.last()
        self.assertEqual((exchange.code, exchange.parent, exchange.backend), (200, "hq", "parent:hq"))
        self.assertEqual((exchange.server, exchange.tries), ("p1", 1))
        talk.is_over()

    def test_literals(self) -> None:
        """IPv6 addresses have brackets in CONNECT."""
        talk = Chained(self)
        client, proxy = talk.tunnel("[2600::1]:443")
        proxy.sees_head("CONNECT [2600::1]:443 HTTP/1.1", "Host: [2600::1]:443")
        client.aborts()
        talk.is_over()

    def test_refused(self) -> None:
        """What the proxy refuses is a 502 of ours: nothing of its answer reaches the client, and it is not blamed."""
        for answer, reason in (
            (
                head("HTTP/1.1 407 Auth", "Proxy-Authenticate: Basic realm=hq", "Content-Length: 0"),
                "parent_credentials",
            ),
            (head("HTTP/1.1 403 Forbidden", "X-Secret: inner"), "parent_refused"),
            (head("HTTP/1.1 503 No"), "parent_refused"),
        ):
            talk = Chained(self)
            client, proxy = talk.tunnel()
            proxy.taken()
            proxy.sends(answer)
            answered = client.taken()
            self.assertTrue(answered.startswith(b"HTTP/1.1 502 Bad Gateway\r\n"), answered)
            for word in (b"Proxy-Authenticate", b" 407", b" 403", b"Secret", b"10.9.0.1"):
                self.assertNotIn(word, answered)
            error = talk.last().error
            assert error is not None
            self.assertEqual(error.reason, reason)
            self.assertEqual(talk.server("p1").counters.errors[reason], 1)
            proxy.sees_reset()
            talk.is_over()

    def test_broken(self) -> None:
        """A proxy that breaks off, or does not speak HTTP, is tried no further; another one is."""
        for break_it in (
            lambda proxy: proxy.closes(),
            lambda proxy: proxy.aborts(),
            lambda proxy: proxy.sends(b"SSH-2.0-x\r\n"),
            lambda proxy: proxy.sends(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000),
        ):
            talk = Chained(self, replace(PARENT, servers=proxies(number=2)))
            client, proxy = talk.tunnel()
            break_it(proxy)
            other = talk.accepts("10.9.0.2")
            other.taken()
            other.sends(OPEN)
            client.sees(ESTABLISHED)
            client.aborts()
            self.assertEqual(talk.server("p1").counters.errors["parent"], 1)
            self.assertEqual((talk.last().server, talk.last().tries), ("p2", 2))
            talk.is_over()

    def test_all_broken(self) -> None:
        """Without another proxy it is a 502."""
        talk = Chained(self, replace(PARENT, retries=0))
        client, proxy = talk.tunnel()
        proxy.closes()
        client.sees_answer("HTTP/1.1 502 Bad Gateway", "Proxy-Status: relay; error=destination_unavailable")
        talk.is_over()

    def test_stalling(self) -> None:
        """One time limit holds over connecting and the proxy's answer; then the next proxy is tried."""
        talk = Chained(self, replace(PARENT, servers=proxies(number=2), connect_timeout=2.0))
        client, proxy = talk.tunnel()
        proxy.sends(b"HTTP/1.1 2")
        talk.waits(2.1)
        proxy.sees_reset()
        other = talk.accepts("10.9.0.2")
        talk.waits(2.1)
        other.sees_reset()
        client.sees_nothing()
        talk.waits(1.0)
        talk.accepts("10.9.0.1")
        talk.waits(2.1)
        client.sees_answer("HTTP/1.1 504 Gateway Timeout")
        talk.is_over()

    def test_leaving(self) -> None:
        """A client that leaves in any phase leaves nothing behind, and nobody is blamed."""
        for phase in ("dialling", "asking", "answering", "open"):
            talk = Chained(self)
            client = talk.client()
            client.sends(connecting(NAMED))
            if phase != "dialling":
                proxy = talk.accepts()
            if phase == "answering":
                proxy.sends(b"HTTP/1.1 200")
            if phase == "open":
                proxy.sends(OPEN)
            client.aborts()
            self.assertEqual(sum(talk.server("p1").counters.errors.values()), 0, phase)
            self.assertEqual(talk.codes(), [200 if phase == "open" else 499])
            talk.is_over()

    def test_idle_and_old(self) -> None:
        """How long a tunnel may be idle, and how old it may be, is the listener's word."""
        for listener, waits, is_idle in (
            (replace(LISTENER, tunnel_idle_timeout=10.0), 12.0, True),
            (replace(LISTENER, tunnel_max_age=30.0), 40.0, False),
        ):
            talk = Chained(self, listener=listener)
            client, proxy = talk.tunnel()
            proxy.sends(OPEN)
            for _ in range(int(waits)):
                talk.waits(1.0)
                if not is_idle:
                    client.sends(b"x")
            talk.waits(11.0)
            self.assertEqual(talk.codes(), [200])
            talk.is_over()


class HTTPTests(SynchronousTestCase):
    """Plain http through an HTTP proxy."""

    def test_whole_uris(self) -> None:
        """The proxy gets the whole URI and our credentials, over one connection for all origins."""
        talk = Chained(self, replace(PARENT, username="relay"))
        client = talk.client()
        client.sends(head("GET http://A.example:80/x?y HTTP/1.1", "Host: other", "Proxy-Authorization: Basic eDp5"))
        proxy = talk.accepts()
        proxy.sees(
            b"GET http://a.example/x?y HTTP/1.1\r\nHost: a.example\r\n"
            b"Proxy-Authorization: Basic %b\r\n\r\n" % SECRET.encode()
        )
        proxy.sends(ok(b"one"))
        client.sees(ok(b"one"))
        client.sends(head("OPTIONS http://[2600::1]:8080 HTTP/1.1", "Host: other"))
        proxy.sees_head("OPTIONS http://[2600::1]:8080 HTTP/1.1", "Host: [2600::1]:8080")
        proxy.sends(ok())
        client.sees(ok())
        client.sends(head("POST http://b.example/ HTTP/1.1", "Host: b", "Content-Length: 4") + b"data")
        fields = proxy.sees_head("POST http://b.example/ HTTP/1.1", "Content-Length: 4")
        self.assertEqual(len(fields.get_all(b"proxy-authorization")), 1)
        proxy.sees(b"data")
        proxy.sends(ok())
        client.sees(ok())
        self.assertEqual((talk.server("p1").counters.connections, talk.codes()), (1, [200] * 3))
        talk.is_over()

    def test_wrong_credentials(self) -> None:
        """The proxy's challenge is for us, so it becomes a 502; its connection is not used again."""
        talk = Chained(self)
        client = talk.client()
        client.sends(head("GET http://a.example/ HTTP/1.1", "Host: a"))
        proxy = talk.accepts()
        proxy.sends(head("HTTP/1.1 407 x", "Proxy-Authenticate: Basic realm=hq", "Content-Length: 2") + b"no")
        answer = client.taken()
        self.assertTrue(answer.startswith(b"HTTP/1.1 502 "), answer)
        self.assertNotIn(b"uthenticate", answer)
        proxy.sees_reset()
        self.assertEqual(talk.server("p1").counters.codes[407], 1)
        talk.is_over()

    def test_status_codes_are_the_origins(self) -> None:
        """502, 503 and 504 are passed on; no client can have a proxy ejected by asking for origins that are down."""
        talk = Chained(self, replace(PARENT, servers=proxies(number=2)))
        client = talk.client()
        proxies_seen: dict[str, Party] = {}
        for number in range(20):
            client.sends(head(f"GET http://a{number}.example/ HTTP/1.1", "Host: a"))
            if talk.network.waiting:
                name = talk.network.waiting[0].host
                proxies_seen[name] = talk.accepts()
            proxy = next(each for each in proxies_seen.values() if each.taken())
            proxy.sends(head("HTTP/1.1 503 Down", "Content-Length: 0"))
            client.sees_answer("HTTP/1.1 503 Down")
        self.assertEqual([server.state for server in talk.parent.servers], ["up", "up"])
        talk.is_over()


class SocksTests(SynchronousTestCase):
    """Through a SOCKS5 proxy."""

    PARENT = replace(PARENT, servers=proxies("socks5"))

    def test_http(self) -> None:
        """An origin gets its requests as from a client, over connections of its own; the proxy resolves its name."""
        talk = Chained(self, replace(self.PARENT, username="relay"))
        client = talk.client()
        origins = {}
        for host in ("a.example", "b.example"):
            client.sends(head(f"GET http://{host}/x HTTP/1.1", "Host: other"))
            proxy = origins[host] = talk.accepts("10.9.0.1")
            proxy.sees(b"\5\2\0\2")
            proxy.sends(b"\5\2")
            proxy.sees(b"\1\5relay\6s3cret")
            proxy.sends(b"\1\0")
            proxy.sees(b"\5\1\0\3\x09" + host.encode() + b"\0\x50")
            proxy.sends(GRANTED)
            proxy.sees(f"GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            proxy.sends(ok(host.encode()))
            client.sees(ok(host.encode()))
        client.sends(head("GET http://a.example/y HTTP/1.1", "Host: other"))
        origins["a.example"].sees(b"GET /y HTTP/1.1\r\nHost: a.example\r\n\r\n")
        origins["a.example"].sends(ok())
        client.sees(ok())
        talk.is_over()
        self.assertTrue(all(origin.socket.closed for origin in origins.values()))

    def test_tunnel(self) -> None:
        """A tunnel, with early octets from both sides."""
        talk = Chained(self, self.PARENT)
        client = talk.client()
        client.sends(connecting("[2600::1]:443") + b"early")
        proxy = talk.accepts()
        proxy.sees(b"\5\1\0")
        proxy.sends(b"\5\0")
        proxy.sees(b"\5\1\0\4\x26" + bytes(14) + b"\1\1\xbb")
        proxy.sends(GRANTED + b"220")
        client.sees(ESTABLISHED + b"220")
        proxy.sees(b"early")
        client.aborts()
        talk.is_over()

    def test_octets_nobody_asked_for(self) -> None:
        """An origin of plain http that speaks before it was asked is no origin of plain http."""
        talk = Chained(self, replace(self.PARENT, retries=0))
        client = talk.client()
        client.sends(head("GET http://a.example/ HTTP/1.1", "Host: a"))
        proxy = talk.accepts()
        proxy.sends(b"\5\0", GRANTED + ok(b"forged"))
        client.sees_answer("HTTP/1.1 502 Bad Gateway")
        talk.is_over()

    def test_down(self) -> None:
        """When a proxy is down, the connections through it are closed too."""
        talk = Chained(self, self.PARENT)
        client = talk.client()
        client.sends(head("GET http://a.example/ HTTP/1.1", "Host: a"))
        proxy = talk.accepts()
        proxy.sends(b"\5\0", GRANTED, ok())
        proxy.is_open()
        talk.server("p1").set_down("the test says so")
        talk.settle()
        proxy.sees_close()
        talk.is_over()

    def test_leaving(self) -> None:
        """A client that leaves in any phase of SOCKS5 leaves nothing behind."""
        phases = b"\5\2", b"\1", b"\0", GRANTED[:3], GRANTED[3:]
        for request in (connecting(NAMED), head("GET http://a.example/ HTTP/1.1", "Host: a")):
            for number in range(len(phases)):
                talk = Chained(self, replace(self.PARENT, username="relay"))
                client = talk.client()
                client.sends(request)
                proxy = talk.accepts()
                proxy.sends(*phases[:number])
                client.aborts()
                self.assertEqual(talk.codes(), [499])
                self.assertEqual(sum(talk.server("p1").counters.errors.values()), 0)
                self.assertTrue(proxy.socket.closed)
                talk.is_over()

    def test_broken(self) -> None:
        """A proxy that breaks off in any phase is tried no further, and the next one gets the request, also a POST."""
        phases = b"\5\2", b"\1\0", GRANTED[:3]
        for number in range(len(phases) + 1):
            talk = Chained(self, replace(self.PARENT, servers=proxies("socks5", 2), username="relay"))
            client = talk.client()
            client.sends(head("POST http://a.example/ HTTP/1.1", "Host: a", "Content-Length: 4") + b"data")
            proxy = talk.accepts("10.9.0.1")
            proxy.sends(*phases[:number])
            proxy.aborts()
            other = talk.accepts("10.9.0.2")
            other.sends(b"\5\0", GRANTED)
            other.taken()
            other.sends(ok(b"done"))
            client.sees(ok(b"done"))
            talk.is_over()


class DirectTests(SynchronousTestCase):
    """`direct = yes`."""

    PARENT = replace(PARENT, direct=True, retries=0)

    def test_down(self) -> None:
        """When no proxy can be used a request goes straight, and the log says so."""
        for refuse in (True, False):
            talk = Chained(self, self.PARENT)
            if not refuse:
                talk.server("p1").set_down("the test says so")
            for number, request in enumerate(
                (connecting("93.184.216.34:443"), head("GET http://93.184.216.34/ HTTP/1.1", "Host: a"))
            ):
                client = talk.client()
                client.sends(request)
                if refuse:
                    talk.refuses(errno.ECONNREFUSED)
                origin = talk.accepts("93.184.216.34")
                if number:
                    origin.sees_head("GET / HTTP/1.1", "Host: 93.184.216.34")
                    origin.sends(ok())
                    client.sees(ok())
                else:
                    client.sees(ESTABLISHED)
                client.aborts()
                self.assertEqual((talk.last().parent, talk.last().server[:13]), ("", "93.184.216.34"))
            self.assertEqual(talk.parent.bypassed, 2)
            talk.is_over()

    def test_leaving(self) -> None:
        """A client that leaves while the destination is connected to straight leaves nothing behind."""
        for request in (connecting("93.184.216.34:443"), head("GET http://93.184.216.34/ HTTP/1.1", "Host: a")):
            talk = Chained(self, self.PARENT)
            client = talk.client()
            client.sends(request)
            talk.refuses(errno.ECONNREFUSED)
            self.assertEqual(talk.network.waiting[0].host, "93.184.216.34")
            client.aborts()
            talk.nobody_is_dialled()
            self.assertEqual(talk.codes(), [499])
            talk.is_over()

    def test_what_may_not_be_sent_again(self) -> None:
        """A POST that a proxy may have acted on goes nowhere else; a GET does when the proxy has died meanwhile."""
        for method, status in (("POST", 502), ("GET", 200)):
            talk = Chained(self, self.PARENT)
            client = talk.client()
            client.sends(head("GET http://93.184.216.34/ HTTP/1.1", "Host: a"))
            proxy = talk.accepts()
            proxy.sends(ok())
            client.taken()
            client.sends(head(f"{method} http://93.184.216.34/x HTTP/1.1", "Host: a", "Content-Length: 0"))
            proxy.aborts()
            if method == "GET":
                talk.refuses(errno.ECONNREFUSED)
                origin = talk.accepts("93.184.216.34")
                origin.sees_head("GET /x HTTP/1.1")
                origin.sends(ok())
            self.assertEqual(talk.last().code, status, method)
            talk.is_over()

    def test_without(self) -> None:
        """Without it the answer is a 502 as long as the proxy is tried, and a 503 when it is known to be down."""
        talk = Chained(self, replace(self.PARENT, direct=False))
        client = talk.client()
        client.sends(connecting(NAMED))
        talk.refuses(errno.ECONNREFUSED)
        client.sees_answer("HTTP/1.1 502 Bad Gateway", "Proxy-Status: relay; error=connection_refused")
        talk.server("p1").set_down("the test says so")
        client.sends(connecting(NAMED))
        client.sees_answer("HTTP/1.1 503 Service Unavailable", "Proxy-Status: relay; error=destination_unavailable")
        self.assertEqual(str(talk.last().error), "no server of [parent:hq] is usable")
        talk.is_over()

    def test_guarded(self) -> None:
        """Straight means past the guard."""
        talk = Chained(self, self.PARENT, guard=Guard())
        self.patch(talk.resolver, "addresses", lambda host, found: found(("10.0.0.1",)))
        talk.server("p1").set_down("the test says so")
        client = talk.client()
        client.sends(connecting(NAMED))
        client.sees_answer("HTTP/1.1 403 Forbidden", "Proxy-Status: relay; error=destination_ip_prohibited")
        talk.is_over()

    def test_late_or_broken(self) -> None:
        """A proxy that was connected to is not gone round, whatever it does then."""
        for happens, status in (
            (lambda talk, proxy: proxy.closes(), 502),
            (lambda talk, proxy: proxy.sends(b"junk"), 502),
            (lambda talk, proxy: talk.waits(5.5), 504),
        ):
            talk = Chained(self, self.PARENT)
            client, proxy = talk.tunnel()
            happens(talk, proxy)
            talk.nobody_is_dialled()
            self.assertEqual(talk.last().code, status)
            client.aborts()
            talk.is_over()

    def test_late_or_broken_before_another(self) -> None:
        """Nor is it when another proxy was tried after it that could not be connected to."""
        tunnel, get = connecting("93.184.216.34:443"), head("GET http://93.184.216.34/ HTTP/1.1", "Host: a")
        unavailable = head("HTTP/1.1 502 Bad Gateway", "Content-Length: 0")
        options = replace(
            self.PARENT, servers=proxies(number=2), retries=1, retry_on=RetryOn(("connect", "empty"), ((502, 502),))
        )
        for request, happens in (
            (tunnel, lambda talk, proxy: proxy.closes()),
            (tunnel, lambda talk, proxy: talk.waits(5.5)),
            (get, lambda talk, proxy: proxy.closes()),
            (get, lambda talk, proxy: proxy.sends(unavailable)),
        ):
            talk = Chained(self, options)
            client = talk.client()
            client.sends(request)
            happens(talk, talk.accepts())
            talk.refuses(errno.ECONNREFUSED)
            talk.nobody_is_dialled()
            self.assertEqual(talk.last().code, 502)
            self.assertEqual(talk.parent.bypassed, 0)
            client.aborts()
            talk.is_over()

    def test_refused(self) -> None:
        """A proxy that works and says no is obeyed."""
        talk = Chained(self, self.PARENT)
        client, proxy = talk.tunnel()
        proxy.sends(head("HTTP/1.1 403 Forbidden"))
        client.sees_answer("HTTP/1.1 502 Bad Gateway")
        talk.nobody_is_dialled()
        talk.is_over()


class GuardTests(SynchronousTestCase):
    """What may be asked of a parent."""

    def test_known(self) -> None:
        """Addresses inside, spellings of them, and names of this machine never leave, unless they are excepted."""
        talk = Chained(self)
        for host in (
            "127.0.0.1",
            "10.0.0.1",
            "[::ffff:10.0.0.1]",
            "169.254.169.254",
            "localhost",
            "a.localhost",
            "LOCALHOST.",
        ):
            client = talk.client()
            client.sends(connecting(f"{host}:443"))
            client.sees_answer("HTTP/1.1 403 Forbidden")
        for host in ("0x7f.1", "2130706433", "127.1", "0177.0.0.1"):
            client = talk.client()
            client.sends(connecting(f"{host}:443"))
            client.sees_answer("HTTP/1.1 400 Bad Request")
        talk.nobody_is_dialled()
        talk.is_over()
        talk = Chained(self, guard=Guard((AllowedDestination(None, "localhost"),)))
        client, proxy = talk.tunnel("localhost:443")
        proxy.sees_head("CONNECT localhost:443 HTTP/1.1")
        client.aborts()
        talk.is_over()

    def test_names(self) -> None:
        """Names are the parent's to resolve: here nobody is asked."""
        talk = Chained(self)
        asked: list[str] = []
        self.patch(talk.resolver, "addresses", lambda host, found: asked.append(host))
        client, _ = talk.tunnel("inner.example:443")
        self.assertEqual(asked, [])
        client.aborts()
        talk.is_over()

    def test_ourselves(self) -> None:
        """A proxy that turns out to be a listener of this daemon is not connected to."""
        talk = Chained(
            self, replace(PARENT, servers=(ServerSpec("p1", "http", Address("127.0.0.1", 3128)),), retries=0)
        )
        talk.ourselves.listen(["0.0.0.0:3128"])
        client = talk.client()
        client.sends(connecting(NAMED))
        client.sees_answer("HTTP/1.1 502 Bad Gateway")
        self.assertIn("a listener of relay itself", str(talk.last().error))
        talk.nobody_is_dialled()
        talk.is_over()


class UpgradeTests(SynchronousTestCase):
    """WebSocket of plain http."""

    def test_websocket(self) -> None:
        """It goes through a tunnel, as no proxy would pass its upgrade on, and ends as tunnels do."""
        lines = "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: x"
        talk = Chained(self, replace(PARENT, username="relay"))
        client = talk.client()
        client.sends(head("GET http://a.example/live HTTP/1.1", "Host: a.example", *lines))
        proxy = talk.accepts()
        proxy.sees_head("CONNECT a.example:80 HTTP/1.1", f"Proxy-Authorization: Basic {SECRET}")
        proxy.sends(OPEN)
        fields = proxy.sees_head("GET /live HTTP/1.1", "Host: a.example", "Upgrade: websocket")
        self.assertNotIn(b"proxy-authorization", fields)
        proxy.sends(head("HTTP/1.1 101 Switching", "Upgrade: websocket", "Connection: Upgrade") + b"hello")
        client.sees_head("HTTP/1.1 101 Switching", "Upgrade: websocket")
        client.sees(b"hello")
        talk.waits(11.0)
        self.assertEqual(talk.codes(), [101])
        talk.is_over()


class RuleTests(SynchronousTestCase):
    """Rules that name a parent."""

    def test_rules(self) -> None:
        """What a rule says comes before the listener's own parent; addresses that it asked for are judged."""
        talk = Chained(self)
        rules = Rules(
            rules_of(
                "allow domain near.example parent direct",
                "deny destination 93.184.216.99",
                "allow domain .far.example parent hq",
                "allow all",
            ).options,
            {},
        )
        answers = {
            "near.example": ("93.184.216.34",),
            "a.far.example": ("93.184.216.35",),
            "b.far.example": ("10.0.0.1",),
            "c.far.example": ("93.184.216.99",),
        }
        self.patch(talk.resolver, "addresses", lambda host, found: found(answers.get(host, (host,))))
        surroundings = Surroundings(talk._time, talk._time, talk.deadlines, talk.resolver)
        permitted = Permitted(rules, talk.listener.router.routes[0].destination.destination, surroundings, 5.0)
        plan = Plan("", permitted, leads_out=True)
        router = Router([Route(RouteOptions(name=""), plan)])
        talk.listener = Listener(LISTENER, router, talk.deadlines, (talk.exchanges.append,))
        for host, dialled, status in (
            ("near.example", "93.184.216.34", 200),
            ("a.far.example", "10.9.0.1", 200),
            ("b.far.example", "", 403),
            ("c.far.example", "", 403),
        ):
            client = talk.client()
            client.sends(connecting(f"{host}:443"))
            if dialled:
                other = talk.accepts(dialled)
                if dialled == "10.9.0.1":
                    other.sees_head(f"CONNECT {host}:443 HTTP/1.1")
                    other.sends(OPEN)
            client.aborts()
            self.assertEqual(talk.last().code, status, host)
        self.assertEqual([exchange.parent for exchange in talk.exchanges], ["", "hq", "", ""])
        talk.is_over()


class ChoiceTests(SynchronousTestCase):
    """Who goes through a parent."""

    def test_for(self) -> None:
        """With `for` only these names do, others go straight."""
        parent = replace(PARENT, for_=(Domain("hq.example", True),))
        talk = Chained(self, parent, replace(LISTENER, parent=""))
        client, proxy = talk.tunnel("a.hq.example:443")
        proxy.sees_head("CONNECT a.hq.example:443 HTTP/1.1")
        client.aborts()
        client = talk.client()
        client.sends(connecting("93.184.216.34:443"))
        talk.accepts("93.184.216.34")
        client.sees(ESTABLISHED)
        client.aborts()
        self.assertEqual([exchange.parent for exchange in talk.exchanges], ["hq", ""])
        talk.is_over()
