"""Tunnels through a parent, and clients that speak TLS to the proxy: looked into as all others."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.rules.reading import rules_of
from tests.support.hellos import hello
from tests.support.playbook import Party
from tests.support.tls import Authority, SecureConversation
from tests.upstream.test_forward import ESTABLISHED, connecting
from tests.upstream.test_peeked import STRICT, Looked
from tests.upstream.test_through import OPEN, PARENT, Chained
from twisted_relay.config.tree import RouteOptions
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.guard.guard import Guard
from twisted_relay.peek.alert import UNRECOGNIZED_NAME
from twisted_relay.routing import Route, Router
from twisted_relay.rules import Rules
from twisted_relay.rules.ways import Ways
from twisted_relay.upstream.peeked import Peeked
from twisted_relay.upstream.through import Onward, Through


class LookedThrough(Chained):
    """A conversation in which tunnels go through a parent and are looked into."""

    def __init__(self, case: SynchronousTestCase, *lines: str, not_tls: str = "refuse") -> None:
        options = replace(STRICT, parent="hq", not_tls=not_tls)
        super().__init__(case, listener=options)
        onward = Onward(self.forward, {"hq": self.parent}, Ways([PARENT]))
        through = Through(options, onward, Guard((), self.ourselves))
        peeked = Peeked(options, Rules(rules_of(*lines).options, {}) if lines else None, through)
        plan = Plan("", self._counted(peeked), leads_out=True)
        router = Router([Route(RouteOptions(name=""), plan)])
        self.listener = Listener(options, router, self.deadlines, (self.exchanges.append,))

    def stands(self, served: bytes = b"", early: bytes = b"") -> tuple[Party, Party]:
        """A tunnel that the parent has opened, with what came behind its answer, and behind CONNECT."""
        client = self.client()
        client.sends(connecting("a.example:443") + early)
        proxy = self.accepts()
        proxy.taken()
        proxy.sends(OPEN + served)
        return client, proxy


class ParentTests(SynchronousTestCase):
    """Tunnels through a parent."""

    def test_names(self) -> None:
        """The name decides; where the tunnel leads only the parent knows, so no address does."""
        for name, allowed in (("a.example", True), ("b.example", False)):
            talk = LookedThrough(self, "deny domain b.example", "deny destination ::/0 0.0.0.0/0", "allow all")
            client, proxy = talk.stands()
            client.sends(hello(name))
            if allowed:
                client.sees(ESTABLISHED)
                proxy.sees(hello(name))
            else:
                client.sees(ESTABLISHED + UNRECOGNIZED_NAME)
                proxy.sees_nothing()
                proxy.sees_reset()
            client.closes()
            proxy.closes()
            self.assertEqual((talk.last().parent, talk.last().sni), ("hq", name))
            talk.is_over()

    def test_server_was_first(self) -> None:
        """What came behind the parent's answer is what the server has said first."""
        for early in (b"", b"EHLO a\r\n"):
            talk = LookedThrough(self, not_tls="allow")
            client, proxy = talk.stands(b"220 hello\r\n", early)
            client.sees(ESTABLISHED + b"220 hello\r\n")
            proxy.sees(early)
            client.sends(b"QUIT\r\n")
            proxy.sees(b"QUIT\r\n")
            client.closes()
            proxy.closes()
            self.assertEqual(talk.last().bytes_received, len(early) + 6)
            self.assertEqual(talk.last().bytes_sent, len(ESTABLISHED) + 11)
            talk.is_over()
            talk = LookedThrough(self)
            client, proxy = talk.stands(b"220 hello\r\n", early)
            client.sees(ESTABLISHED)
            proxy.sees_nothing()
            proxy.sees_reset()
            client.closes()
            self.assertEqual(str(talk.last().error), "what is spoken in the tunnel is not TLS")
            talk.is_over()


class SecureLooked(SecureConversation, Looked):
    """A conversation in which clients speak TLS to the proxy."""


class SecureTests(SynchronousTestCase):
    """A proxy with TLS: the hello that is looked at is the one inside."""

    def test_names(self) -> None:
        """The alert comes inside the TLS of the proxy, which is closed behind it."""
        for name, allowed in (("a.example", True), ("b.example", False)):
            authority = Authority(self.mktemp())
            talk = SecureLooked(self, strict=True)
            talk.tls, talk.authority = authority.options("example.org"), authority
            client = talk.secure_client()
            client.sends(connecting("a.example:443"))
            server = talk.accepts()
            client.sends(hello(name)[:30], hello(name)[30:])
            if allowed:
                client.sees(ESTABLISHED)
                server.sees(hello(name))
            else:
                client.sees(ESTABLISHED + UNRECOGNIZED_NAME)
                server.sees_nothing()
                self.assertTrue(client.said_goodbye)
            client.closes()
            self.assertEqual(talk.last().error is None, allowed)
            talk.is_over()
