"""A forward proxy that looks at the name for which a client asks inside its tunnel."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.rules.reading import rules_of
from tests.support.hellos import ECH, hello, record, records
from tests.support.playbook import Party
from tests.upstream.test_forward import ESTABLISHED, PROXY, Proxied, connecting
from twisted_relay.config.tree import RouteOptions
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.errors import RelayError
from twisted_relay.peek.alert import DECODE_ERROR, UNRECOGNIZED_NAME
from twisted_relay.routing import Route, Router
from twisted_relay.rules import Rules
from twisted_relay.upstream.peeked import Peeked

PEEKING = replace(PROXY, peek="sni", peek_timeout=2.0, tunnel_idle_timeout=60.0)
STRICT = replace(PEEKING, sni_mismatch="refuse", sni_missing="refuse", not_tls="refuse")
ADDRESS = "10.0.0.1"


class Looked(Proxied):
    """A conversation in which tunnels are looked into."""

    def __init__(self, case: SynchronousTestCase, *lines: str, strict: bool = False) -> None:
        options = STRICT if strict else PEEKING
        super().__init__(case, options)
        case.patch(self.resolver, "addresses", lambda host, found: found((ADDRESS,)))
        self.peeked = Peeked(options, Rules(rules_of(*lines).options, {}) if lines else None, self.forward)
        router = Router([Route(RouteOptions(name=""), Plan("", self._counted(self.peeked)))])
        self.listener = Listener(options, router, self.deadlines, (self.exchanges.append,))

    def tunnel(self, target: str = "a.example:443", early: bytes = b"") -> tuple[Party, Party]:
        """Both ends of a tunnel that stands, after the answer to CONNECT."""
        client = self.client()
        client.sends(connecting(target) + early)
        server = self.accepts()
        self.case.assertEqual(bytes(client.socket.delivered[: len(ESTABLISHED)]), ESTABLISHED)
        del client.socket.delivered[: len(ESTABLISHED)]
        return client, server

    def counted(self) -> dict[tuple[str, str], int]:
        """What was found, and what became of it."""
        return {key: count for key, count in self.peeked.counts.items() if count}

    def goes_on(self, client: Party, server: Party, first: bytes) -> None:
        """The server has got the first octets unchanged, and the tunnel is like any other."""
        server.sees(first)
        server.sends(b"answer")
        client.sees(b"answer")
        client.sends(b"more")
        server.sees(b"more")
        client.ends()
        server.sees_end()
        server.closes()
        self.case.assertIsNone(self.last().error)
        self.case.assertEqual(self.last().bytes_received, len(first) + 4)
        self.is_over()

    def is_refused(self, client: Party, server: Party, alert: bytes) -> RelayError:
        """The client gets this alert, the server nothing; returns what the log says."""
        client.sees(alert)
        server.sees_nothing()
        server.sees_reset()
        client.closes()
        client.sees_close()
        exchange = self.last()
        self.case.assertEqual(exchange.code, 200)
        self.is_over()
        assert exchange.error is not None
        return exchange.error


class NameTests(SynchronousTestCase):
    """The name decides."""

    def test_allowed(self) -> None:
        """The hello is passed on unchanged, and the log is told of the name, in normal form."""
        talk = Looked(self, "allow domain .example", "deny all", strict=True)
        client, server = talk.tunnel()
        client.sends(hello("A.Example."))
        talk.goes_on(client, server, hello("A.Example."))
        self.assertEqual((talk.last().sni, talk.counted()), ("a.example", {("name", "allowed"): 1}))

    def test_denied(self) -> None:
        """A name that the rules deny ends the tunnel with an alert; the log names the rule and the name."""
        talk = Looked(self, "deny domain .ads.example", "allow all")
        client, server = talk.tunnel()
        client.sends(hello("x.ads.example"))
        error = talk.is_refused(client, server, UNRECOGNIZED_NAME)
        rule = "relay.ini:1: deny domain .ads.example"
        self.assertEqual(error.reason, "rule")
        self.assertEqual(str(error), f"the TLS hello asks for x.ads.example: denied by {rule}")
        self.assertEqual((talk.last().rule, talk.last().sni), (rule, "x.ads.example"))
        self.assertEqual(talk.counted(), {("name", "refused"): 1})

    def test_everything_else_is_as_for_connect(self) -> None:
        """Client, port, method and time are those of the tunnel; the address is where it leads."""
        for line in ("client 192.0.2.0/24", "port 443", "method CONNECT", f"destination {ADDRESS}", "not user a"):
            talk = Looked(self, f"deny domain b.example {line}", "allow all")
            client, server = talk.tunnel()
            client.sends(hello("b.example"))
            self.assertEqual(talk.is_refused(client, server, UNRECOGNIZED_NAME).reason, "rule")

    def test_mismatch(self) -> None:
        """Another name than CONNECT's is refused if the listener says so; an address is no name."""
        for target, name, allowed in (
            ("a.example:443", "A.EXAMPLE", True),
            ("a.example:443", "b.example", False),
            ("a.example:443", "www.a.example", False),
            ("a.example:443", ADDRESS, False),
            (f"{ADDRESS}:443", "b.example", True),
            (f"{ADDRESS}:443", ADDRESS, True),
            (f"{ADDRESS}:443", "10.0.0.2", False),
        ):
            for strict in (True, False):
                talk = Looked(self, strict=strict)
                client, server = talk.tunnel(target)
                client.sends(hello(name))
                if allowed or not strict:
                    talk.goes_on(client, server, hello(name))
                else:
                    error = talk.is_refused(client, server, UNRECOGNIZED_NAME)
                    expected = f"the TLS hello asks for {name}, CONNECT for {target[:-4]}"
                    self.assertEqual((error.reason, str(error)), ("sni", expected))

    def test_encrypted_hello(self) -> None:
        """With an encrypted hello the outer name counts; the log says that there may be another."""
        first = hello("outer.example", extensions=((ECH, b"x" * 100),))
        talk = Looked(self, strict=True)
        client, server = talk.tunnel()
        client.sends(first)
        error = talk.is_refused(client, server, UNRECOGNIZED_NAME)
        self.assertIn("which may be the outer name of an encrypted hello", str(error))
        talk = Looked(self)
        client, server = talk.tunnel()
        client.sends(first)
        talk.goes_on(client, server, first)

    def test_no_name(self) -> None:
        """A hello that asks for nobody passes, unless the listener says otherwise."""
        talk = Looked(self)
        client, server = talk.tunnel()
        client.sends(hello())
        talk.goes_on(client, server, hello())
        self.assertEqual((talk.last().sni, talk.counted()), ("", {("no_name", "allowed"): 1}))
        talk = Looked(self, strict=True)
        client, server = talk.tunnel()
        client.sends(hello())
        talk.is_refused(client, server, UNRECOGNIZED_NAME)

    def test_what_is_no_name(self) -> None:
        """What is neither a name nor an address is always refused, and not shown in the log."""
        for name in (
            "a\0.example",
            "a.example:443",
            "a b",
            "a.example..",
            "é.example",
            "0x7f.1",
            "-",
            "*.a",
            "x" * 300,
        ):
            talk = Looked(self)
            client, server = talk.tunnel()
            client.sends(hello(name))
            error = talk.is_refused(client, server, DECODE_ERROR)
            self.assertEqual(str(error), "what the TLS hello asks for is neither a name nor an address")
            self.assertEqual((talk.last().sni, talk.counted()), ("", {("unreadable", "refused"): 1}))


class OctetTests(SynchronousTestCase):
    """How the hello comes, or does not."""

    def test_in_pieces(self) -> None:
        """In many segments and many records, with more behind it: the server gets all, after the last piece."""
        first = records(hello("a.example")[5:], 7) + b"behind"
        talk = Looked(self, strict=True)
        client, server = talk.tunnel()
        for at in range(len(first) - 7):
            client.sends(first[at : at + 1])
        server.sees_nothing()
        client.sends(first[-7:])
        talk.goes_on(client, server, first)

    def test_early(self) -> None:
        """A hello that came with CONNECT is looked at when the tunnel stands."""
        for name, alert in (("a.example", b""), ("b.example", UNRECOGNIZED_NAME)):
            talk = Looked(self, strict=True)
            client, server = talk.tunnel(early=hello(name))
            if alert:
                talk.is_refused(client, server, alert)
            else:
                talk.goes_on(client, server, hello(name))

    def test_unreadable(self) -> None:
        """What begins like TLS but cannot be read is refused, whatever the listener says."""
        for first in (record(b"\x02" + bytes(3)), record(b""), hello("a.example", "b.example")):
            talk = Looked(self)
            client, server = talk.tunnel()
            client.sends(first)
            self.assertEqual(talk.is_refused(client, server, DECODE_ERROR).reason, "sni")
            self.assertEqual(talk.counted(), {("unreadable", "refused"): 1})

    def test_huge(self) -> None:
        """A hello that does not end is not held beyond a limit."""
        talk = Looked(self)
        client, server = talk.tunnel()
        client.sends(record(b"\x01\0\xff\xff" + b"x" * 16000), *[record(b"x" * 16000)] * 20)
        talk.is_refused(client, server, DECODE_ERROR)

    def test_not_tls(self) -> None:
        """Something else than TLS passes at once, unless the listener says otherwise; then there is no alert."""
        for first in (b"SSH-2.0-x\r\n", b"GET / HTTP/1.1\r\n", b"\0", b"\x80\x20\x02"):
            talk = Looked(self)
            client, server = talk.tunnel()
            client.sends(first)
            talk.goes_on(client, server, first)
            self.assertEqual(talk.counted(), {("not_tls", "allowed"): 1})
            talk = Looked(self, strict=True)
            client, server = talk.tunnel()
            client.sends(first)
            self.assertEqual(talk.is_refused(client, server, b"").reason, "sni")

    def test_server_speaks_first(self) -> None:
        """Then it is not TLS: what the server says passes, unless the listener says otherwise."""
        talk = Looked(self)
        client, server = talk.tunnel()
        server.sends(b"220 hello\r\n")
        client.sees(b"220 hello\r\n")
        client.sends(b"EHLO a\r\n")
        talk.goes_on(client, server, b"EHLO a\r\n")
        talk = Looked(self, strict=True)
        client, server = talk.tunnel()
        server.sends(b"220 hello\r\n")
        talk.is_refused(client, server, b"")

    def test_server_waits(self) -> None:
        """What the server says while the client is in the middle of its hello comes after it was judged."""
        first = hello("a.example")
        talk = Looked(self, strict=True)
        client, server = talk.tunnel()
        client.sends(first[:20])
        server.sends(b"x" * 500_000)
        self.assertLess(server.socket.read, 200_000)
        client.sees_nothing()
        client.sends(first[20:])
        client.sees(b"x" * 500_000)
        talk.goes_on(client, server, first)

    def test_late(self) -> None:
        """A hello that has begun and does not end in time is refused; silence has the time of an idle tunnel."""
        talk = Looked(self)
        client, server = talk.tunnel()
        talk.waits(30.0)
        client.is_open()
        client.sends(hello("a.example")[:20])
        talk.waits(1.5)
        client.sees_nothing()
        talk.waits(1.5)
        error = talk.is_refused(client, server, DECODE_ERROR)
        self.assertEqual(str(error), "the TLS hello did not end in time")
        self.assertEqual(talk.counted(), {("late", "refused"): 1})

    def test_silence(self) -> None:
        """A tunnel in which nobody says anything ends when it has been idle for long enough."""
        talk = Looked(self)
        client, server = talk.tunnel()
        talk.waits(61.0)
        client.sees_close()
        server.sees_close()
        self.assertEqual(talk.counted(), {("gone", "none"): 1})
        talk.is_over()

    def test_message_of_another_version(self) -> None:
        """The hello of SSL 2.0, which old programs use for TLS, asks for no name."""
        first = b"\x80\x2e\x01\x03\x01" + bytes(43)
        talk = Looked(self)
        client, server = talk.tunnel()
        client.sends(first)
        talk.goes_on(client, server, first)
        self.assertEqual(talk.counted(), {("no_name", "allowed"): 1})

    def test_other_ports(self) -> None:
        """Tunnels to other ports than `peek_ports` are not looked into."""
        talk = Looked(self, strict=True)
        talk.peeked.options = replace(STRICT, peek_ports=((8000, 8999),))
        client, server = talk.tunnel()
        client.sends(b"\x16")
        talk.goes_on(client, server, b"\x16")
        self.assertEqual(talk.counted(), {})


class LeavingTests(SynchronousTestCase):
    """Whoever leaves, and whenever: nothing stays behind."""

    def test_leaving(self) -> None:
        """Client or server are lost before, in the middle of, or after the hello."""
        first = hello("a.example")
        for said in (b"", first[:20], first):
            for deed in ("aborts", "closes"):
                for who in (0, 1):
                    talk = Looked(self, "allow all", strict=True)
                    ends = talk.tunnel()
                    if said:
                        ends[0].sends(said)
                    getattr(ends[who], deed)()
                    getattr(ends[1 - who], deed)()
                    talk.waits(15.0)
                    self.assertTrue(ends[0].socket.closed and ends[1].socket.closed)
                    self.assertEqual(sum(talk.counted().values()), 1)
                    talk.is_over()

    def test_client_ends_in_the_middle(self) -> None:
        """A client that sends no more after half a hello is refused."""
        talk = Looked(self)
        client, server = talk.tunnel()
        client.sends(hello("a.example")[:20])
        client.ends()
        talk.is_refused(client, server, DECODE_ERROR)

    def test_client_ends_before(self) -> None:
        """A client that only listens may do so, unless the listener wants TLS."""
        talk = Looked(self)
        client, server = talk.tunnel()
        client.ends()
        server.sees_end()
        server.sends(b"all of it")
        client.sees(b"all of it")
        server.closes()
        talk.is_over()
        talk = Looked(self, strict=True)
        client, server = talk.tunnel()
        client.ends()
        talk.is_refused(client, server, b"")

    def test_server_ends_in_the_middle(self) -> None:
        """A server that sends no more can still be told everything."""
        first = hello("a.example")
        talk = Looked(self, strict=True)
        client, server = talk.tunnel()
        client.sends(first[:20])
        server.ends()
        client.sends(first[20:])
        server.sees(first)
        client.closes()
        self.assertEqual(talk.last().bytes_received, len(first))
        talk.is_over()

    def test_refused_and_not_leaving(self) -> None:
        """A client that was refused is read for a moment, so that the alert arrives; then it is cut off."""
        for rest in (b"", b"x" * 100_000, b"x" * 10_000_000):
            talk = Looked(self, strict=True)
            client, _ = talk.tunnel()
            client.sends(hello("b.example") + rest)
            talk.waits(20.0)
            self.assertEqual(client.taken(), UNRECOGNIZED_NAME)
            self.assertTrue(client.socket.closed)
            talk.is_over()

    def test_alert_does_not_arrive(self) -> None:
        """A client that reads nothing does not keep its tunnel."""
        talk = Looked(self, strict=True)
        client, _ = talk.tunnel()
        client.blocks()
        client.sends(hello("b.example"))
        talk.waits(20.0)
        self.assertTrue(client.socket.closed)
        talk.is_over()
