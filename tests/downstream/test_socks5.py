"""SOCKS5 towards a client: greeting, passwords, requests, tunnels, and every way in which each of them may end."""

import errno
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IProtocol
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.known import SlowVerifier
from tests.socks.messages import (
    ALICE,
    CREDENTIALS,
    GREETINGS,
    HELLO,
    HELLO_WITH_PASSWORD,
    IPV4,
    IPV6,
    NO_HOSTS,
    NO_METHOD,
    NOT_GRANTED,
    REQUESTS,
    named,
    reply,
)
from tests.support.playbook import LISTENER, Party
from tests.support.tls import Authority, SecureConversation
from tests.upstream.test_forward import Proxied
from twisted_relay.auth.authenticator import Authenticator
from twisted_relay.auth.door import SOCKSDoor
from twisted_relay.config.tree import AuthOptions, ListenerOptions, RouteOptions
from twisted_relay.config.values import LockoutSpec
from twisted_relay.downstream.connection import LINGER_TIME
from twisted_relay.downstream.plan import Plan
from twisted_relay.downstream.socks5 import MAX_EARLY, SOCKS5Connection
from twisted_relay.errors import AuthenticationBusy
from twisted_relay.exchange import Exchange
from twisted_relay.guard.guard import Guard
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Answered, Response
from twisted_relay.routing import Route, Router

OPTIONS = replace(
    LISTENER, mode="socks5", connect_timeout=2.0, header_timeout=5.0, idle_timeout=20.0, tunnel_idle_timeout=10.0
)
NONE = b"\x05\x00"
PASSWORD = b"\x05\x02"
GRANTED = b"\x01\x00"
DONE = reply(0)
WRONG = b"\x01\x05alice\x05wrong"


class Talk(Proxied):
    """A conversation in which the listener speaks SOCKS5; with a verifier it asks for a password."""

    def __init__(
        self,
        case: SynchronousTestCase,
        listener: ListenerOptions = OPTIONS,
        verifier: SlowVerifier | None = None,
        guard: Guard | None = None,
    ) -> None:
        super().__init__(case, listener, guard)
        self.verifier = verifier
        if verifier is not None:
            options = AuthOptions(name="staff", lockout=LockoutSpec(3, 60.0))
            self.authenticator = Authenticator(options, verifier, self.reactor.seconds)
            self.listener.door = SOCKSDoor(self.authenticator)

    def protocol_for(self, address: str) -> IProtocol:
        """See `Conversation`."""
        return SOCKS5Connection(self.listener, self.listener.origin(address, 1080))

    def compares(self) -> None:
        """The passwords that have come are compared."""
        assert self.verifier is not None
        self.verifier.answer()
        self.settle()

    def greeted(self, hello: bytes = HELLO, answer: bytes = NONE) -> Party:
        """A client that has been greeted."""
        client = self.client()
        client.sends(hello)
        client.sees(answer)
        return client

    def tunnelled(self) -> tuple[Party, Party]:
        """A client and the server that it is tied to."""
        client = self.greeted()
        client.sends(IPV4)
        server = self.accepts()
        client.sees(DONE)
        return client, server


class Broken(Router[Plan]):
    """A router with a fault."""

    def find(self, request: object, client: str) -> Route[Plan] | None:
        """See `Router`."""
        raise ZeroDivisionError


class SecureTalk(SecureConversation, Talk):
    """The same with TLS around it."""


def known() -> SlowVerifier:
    """Who knows alice."""
    return SlowVerifier({"alice": "secret"})


def is_refused(client: Party, answer: bytes) -> None:
    """The client got this, and the connection is closed in good order, at the latest when the client has closed."""
    client.sees(answer)
    if not client.socket.closed:
        client.sees_end()
        client.closes()
    client.sees_close()


class GreetingTests(SynchronousTestCase):
    """The first message."""

    def test_chosen(self) -> None:
        """Nobody is asked who it is where no password is wanted, and everybody where one is."""
        for verifier, hello, answer in (
            (None, b"\x05\x01\x00", NONE),
            (None, b"\x05\x03\x02\x01\x00", NONE),
            (known(), b"\x05\x02\x00\x02", PASSWORD),
            (known(), b"\x05\x01\x02", PASSWORD),
        ):
            talk = Talk(self, verifier=verifier)
            talk.greeted(hello, answer).is_open()
            talk.is_over()

    def test_no_method(self) -> None:
        """A client that offers no method that is acceptable is told so and closed."""
        for verifier, hello, error in (
            (None, b"\x05\x01\x02", "bad_request"),
            (None, b"\x05\x02\x01\x80", "bad_request"),
            (known(), b"\x05\x01\x00", "authentication"),
            (known(), b"\x05\x02\x00\x01", "authentication"),
        ):
            talk = Talk(self, verifier=verifier)
            client = talk.client()
            client.sends(hello)
            is_refused(client, NO_METHOD)
            exchange = talk.last()
            assert exchange.error is not None
            self.assertEqual((exchange.error.reason, exchange.code), (error, exchange.error.status))
            talk.is_over()

    def test_other_protocols(self) -> None:
        """Whoever speaks something else is closed, with an answer where there is one; the log says what was spoken."""
        for octets, answer, why in GREETINGS:
            for parts in ((octets,), tuple(octets[at : at + 1] for at in range(len(octets)))):
                talk = Talk(self)
                client = talk.client()
                client.sends(*parts)
                is_refused(client, answer)
                self.assertIn(why, str(talk.last().error), octets)
                self.assertEqual((talk.codes(), talk.last().request_line[0]), ([400], b""))
                talk.nobody_is_dialled()
                talk.is_over()


class PasswordTests(SynchronousTestCase):
    """User names and passwords."""

    def asked(self, talk: Talk) -> Party:
        """A client that is asked for its password."""
        return talk.greeted(HELLO_WITH_PASSWORD, PASSWORD)

    def test_right(self) -> None:
        """The right password lets the client go on, and its requests have its name."""
        verifier = known()
        talk = Talk(self, verifier=verifier)
        client = self.asked(talk)
        client.sends(*(ALICE[at : at + 1] for at in range(len(ALICE))))
        client.sees_nothing()
        talk.compares()
        client.sees(GRANTED)
        client.sends(IPV4)
        talk.accepts()
        client.sees(DONE)
        client.aborts()
        self.assertEqual((talk.codes(), talk.last().user), ([200], "alice"))
        talk.is_over()

    def test_remembered(self) -> None:
        """A second connection with the same password is granted at once."""
        verifier = known()
        talk = Talk(self, verifier=verifier)
        self.asked(talk).sends(ALICE)
        talk.compares()
        again = self.asked(talk)
        again.sends(ALICE)
        again.sees(GRANTED)
        self.assertEqual(len(verifier.asked), 1)
        talk.is_over()

    def test_wrong(self) -> None:
        """A wrong password, an unknown user, a name that nobody can have: the same answer, and the end."""
        for message, reason in (
            (WRONG, "the user or the password is wrong"),
            (b"\x01\x03bob\x06secret", "the user or the password is wrong"),
            (b"\x01\x05alice\x00", "the user or the password is wrong"),
            (b"\x01\x07alice:x\x06secret", "a name has no colon"),
            (b"\x01\x02a\n\x06secret", "a name has no control characters"),
            (b"\x01\x02\xff\xfe\x06secret", "the credentials are not UTF-8"),
            (b"\x01\x05alice\x07secret\0", "the password has control characters"),
        ):
            verifier = known()
            talk = Talk(self, verifier=verifier)
            client = self.asked(talk)
            client.sends(message)
            talk.compares()
            is_refused(client, NOT_GRANTED)
            exchange = talk.last()
            self.assertEqual((exchange.code, exchange.user, str(exchange.error)), (407, "", reason), message)
            talk.is_over()

    def test_how_long_it_took(self) -> None:
        """The log has the time from the first octet of a password to its refusal."""
        talk = Talk(self, verifier=known())
        client = self.asked(talk)
        client.sends(WRONG[:3])
        talk.waits(2.0)
        client.sends(WRONG[3:])
        talk.waits(1.0)
        talk.compares()
        self.assertEqual(talk.last().finished - talk.last().started, 3.0)
        is_refused(client, NOT_GRANTED)
        talk.is_over()

    def test_locked_out(self) -> None:
        """Who has guessed too often is refused even with the right password, and the log says why."""
        verifier = known()
        talk = Talk(self, verifier=verifier)
        for _ in range(3):
            client = self.asked(talk)
            client.sends(WRONG)
            talk.compares()
            is_refused(client, NOT_GRANTED)
        client = self.asked(talk)
        client.sends(ALICE)
        is_refused(client, NOT_GRANTED)
        self.assertEqual(talk.codes(), [407, 407, 407, 429])
        talk.is_over()

    def test_broken(self) -> None:
        """What is not a user name and a password is refused at once, also when a request stands there."""
        for octets, answer, why in CREDENTIALS:
            talk = Talk(self, verifier=known())
            client = self.asked(talk)
            client.sends(octets)
            is_refused(client, answer)
            self.assertIn(why, str(talk.last().error))
            talk.is_over()

    def test_cannot_be_looked_at(self) -> None:
        """If passwords cannot be compared just now, the client is not let in."""
        for error, code in ((AuthenticationBusy("too many"), 503), (RuntimeError("broken"), 500)):
            verifier = known()
            talk = Talk(self, verifier=verifier)
            client = self.asked(talk)
            client.sends(ALICE)
            verifier.fail(error)
            talk.settle()
            is_refused(client, NOT_GRANTED)
            self.assertEqual(talk.codes(), [code])
            talk.is_over()
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_fault_behind_a_password(self) -> None:
        """A fault of ours ends the connection, and nothing waits for ever."""
        talk = Talk(self, verifier=known())
        self.patch(talk.listener, "router", Broken([]))
        client = talk.greeted(HELLO_WITH_PASSWORD, PASSWORD)
        client.sends(ALICE + IPV4)
        talk.compares()
        client.sees(GRANTED)
        self.assertTrue(client.socket.closed)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        talk.is_over()

    def test_leaving_while_it_is_compared(self) -> None:
        """A client that leaves does not get its answer, and its guess counts all the same."""
        for leave in (Party.aborts, Party.closes, Party.ends):
            verifier = known()
            talk = Talk(self, verifier=verifier)
            client = self.asked(talk)
            client.sends(WRONG)
            leave(client)
            self.assertTrue(client.socket.closed)
            talk.compares()
            client.sees_nothing()
            self.assertEqual(talk.authenticator.counts["denied"], 0)
            talk.is_over()

    def test_everything_at_once(self) -> None:
        """Greeting, password, request and early data in one segment: nothing is lost while the password is compared."""
        verifier = known()
        talk = Talk(self, verifier=verifier)
        client = talk.client()
        client.sends(HELLO_WITH_PASSWORD + ALICE + IPV4 + b"early")
        client.sees(PASSWORD)
        talk.nobody_is_dialled()
        talk.compares()
        client.sees(GRANTED)
        server = talk.accepts()
        client.sees(DONE)
        server.sees(b"early")
        client.aborts()
        talk.is_over()

    def test_nothing_is_done_for_the_wrong(self) -> None:
        """A request that came behind a wrong password is never looked at."""
        verifier = known()
        talk = Talk(self, verifier=verifier)
        client = talk.client()
        client.sends(HELLO_WITH_PASSWORD + WRONG + IPV4 + b"early")
        talk.compares()
        is_refused(client, PASSWORD + NOT_GRANTED)
        talk.nobody_is_dialled()
        talk.is_over()

    def test_shown_nowhere(self) -> None:
        """Nothing that is kept of a request has its password."""
        verifier = known()
        talk = Talk(self, verifier=verifier)
        client = self.asked(talk)
        client.sends(ALICE.replace(b"secret", b"hidden"))
        talk.compares()
        is_refused(client, NOT_GRANTED)
        exchange = talk.last()
        told = [getattr(exchange, name) for name in Exchange.__slots__]
        self.assertNotIn("hidden", f"{told} {exchange.error!r}")
        talk.is_over()


class RequestTests(SynchronousTestCase):
    """Where a client wants to go."""

    def test_tunnel(self) -> None:
        """IPv4, IPv6, and names in every spelling: what is dialled, and what the log says of it."""
        for octets, dialled, target in (
            (IPV4, "192.0.2.7", b"192.0.2.7:443"),
            (IPV6.replace(b"\x00\x16", b"\x00\x50"), "2001:db8::1", b"[2001:db8::1]:80"),
            (named(b"10.0.0.9"), "10.0.0.9", b"10.0.0.9:80"),
            (named(b"2001:DB8::1"), "2001:db8::1", b"[2001:db8::1]:80"),
            (named(b"LOCALHOST."), "127.0.0.1", b"localhost:80"),
        ):
            talk = Talk(self)
            client = talk.greeted()
            client.sends(*(octets[at : at + 1] for at in range(len(octets))))
            server = talk.accepts(dialled)
            client.sees(DONE)
            server.sends(b"SSH-2.0-x")
            client.sees(b"SSH-2.0-x")
            client.sends(b"SSH-2.0-y")
            server.sees(b"SSH-2.0-y")
            client.ends()
            server.sees_end()
            server.closes()
            client.sees_close()
            exchange = talk.last()
            self.assertEqual((exchange.request_line, exchange.code), ((b"CONNECT", target), 200))
            self.assertEqual((exchange.bytes_received, exchange.bytes_sent), (9, 2 + len(DONE) + 9))
            self.assertEqual(exchange.origin.protocol, "SOCKS5")
            talk.is_over()

    def test_counted_once(self) -> None:
        """What a client sends is counted once, also what it sends early."""
        talk = Talk(self)
        client = talk.client()
        client.sends(HELLO + IPV4 + b"early")
        talk.accepts()
        client.sends(b"late")
        client.aborts()
        self.assertEqual(talk.listener.counters.bytes_received, len(HELLO + IPV4 + b"earlylate"))
        talk.is_over()

    def test_refused(self) -> None:
        """What SOCKS5 does not allow, or is not served, is refused with its reply; nobody is dialled."""
        hosts = ((named(name), reply(1), "host") for name in NO_HOSTS)
        for octets, answer, why in (*REQUESTS, *hosts):
            talk = Talk(self)
            client = talk.greeted()
            client.sends(octets + b"early")
            is_refused(client, answer)
            self.assertIn(why, str(talk.last().error), octets)
            self.assertIn(talk.last().code, (400, 501))
            talk.nobody_is_dialled()
            talk.is_over()

    def test_ports(self) -> None:
        """Without `connect_ports` the web can be reached; with it, what it names."""
        for ports, reached in ((None, {80, 443}), (((22, 22), (8000, 8009)), {22, 8000, 8009}), (((1, 65535),), None)):
            for port in (22, 25, 80, 443, 8000, 8009, 8010):
                talk = Talk(self, replace(OPTIONS, connect_ports=ports))
                client = talk.greeted()
                client.sends(named(b"10.0.0.1", port))
                if reached is None or port in reached:
                    talk.accepts()
                    client.sees(DONE)
                    client.aborts()
                else:
                    is_refused(client, reply(2))
                    self.assertIn("connect_ports", str(talk.last().error))
                talk.is_over()

    def test_guarded(self) -> None:
        """The guard refuses what is inside, however it is written; the client only learns that it is not allowed."""
        for octets in (
            named(b"127.0.0.1"),
            named(b"::ffff:10.0.0.1"),
            named(b"::1"),
            named(b"localhost"),
            IPV4.replace(b"\xc0\x00\x02\x07", b"\xa9\xfe\xa9\xfe"),
        ):
            talk = Talk(self, guard=Guard(()))
            client = talk.greeted()
            client.sends(octets)
            is_refused(client, reply(2))
            exchange = talk.last()
            assert exchange.error is not None
            self.assertEqual((exchange.code, exchange.error.reason), (403, "guard"))
            talk.is_over()

    def test_not_reached(self) -> None:
        """Why a destination could not be reached, in the words that SOCKS5 has."""
        for number, answer, code in (
            (errno.ECONNREFUSED, 5, 502),
            (errno.ENETUNREACH, 3, 502),
            (errno.EHOSTUNREACH, 4, 502),
            (errno.ETIMEDOUT, 6, 504),
        ):
            talk = Talk(self)
            client = talk.greeted()
            client.sends(IPV4)
            talk.refuses(number)
            is_refused(client, reply(answer))
            self.assertEqual(talk.codes(), [code])
            talk.is_over()

    def test_unknown_name(self) -> None:
        """A name without addresses."""
        talk = Talk(self)
        self.patch(talk.resolver, "addresses", lambda host, found: found(()))
        client = talk.greeted()
        client.sends(named(b"nobody.example"))
        is_refused(client, reply(4))
        talk.is_over()

    def test_silent_destination(self) -> None:
        """A destination that does not answer in time."""
        talk = Talk(self)
        client = talk.greeted()
        client.sends(IPV4)
        talk.waits(2.5)
        is_refused(client, reply(6))
        self.assertEqual(talk.codes(), [504])
        talk.is_over()

    def test_answers_in_http(self) -> None:
        """A destination that answers as to HTTP is a refusal to somebody who cannot read it."""
        for status, answer in ((403, 2), (500, 1)):

            def say(exchange: Exchange, answered: Answered, status: int = status) -> None:
                response = Response(status, b"No", Fields())
                response.content = b"a page"
                answered(response)

            talk = Talk(self)
            talk.listener.router = Router([Route(RouteOptions(name=""), Plan("", say))])
            client = talk.greeted()
            client.sends(IPV4)
            is_refused(client, reply(answer))
            self.assertEqual(talk.codes(), [status])
            talk.is_over()

    def test_no_route(self) -> None:
        """A listener that leads nowhere refuses."""
        talk = Talk(self)
        talk.listener.router = Router([])
        client = talk.greeted()
        client.sends(IPV4)
        is_refused(client, reply(1))
        talk.is_over()


class EarlyTests(SynchronousTestCase):
    """What comes before the client was asked for it."""

    def test_one_segment(self) -> None:
        """Greeting, request and early data at once."""
        talk = Talk(self)
        client = talk.client()
        client.sends(HELLO + IPV4 + b"early")
        client.sees(NONE)
        server = talk.accepts()
        client.sees(DONE)
        server.sees(b"early")
        client.aborts()
        talk.is_over()

    def test_bounded(self) -> None:
        """What a client sends before the tunnel stands is bounded, and arrives."""
        talk = Talk(self)
        client = talk.client()
        client.sends(HELLO + IPV4 + b"x" * 1_000_000)
        self.assertLessEqual(client.socket.read, MAX_EARLY + 65536)
        server = talk.accepts()
        talk.settle()
        self.assertEqual(server.taken(), b"x" * 1_000_000)
        client.aborts()
        talk.is_over()

    def test_bounded_while_a_password_is_compared(self) -> None:
        """So is what comes behind a password."""
        verifier = known()
        talk = Talk(self, verifier=verifier)
        client = talk.client()
        client.sends(HELLO_WITH_PASSWORD + ALICE + IPV4 + b"x" * 1_000_000)
        self.assertLessEqual(client.socket.read, MAX_EARLY + 65536)
        talk.compares()
        server = talk.accepts()
        talk.settle()
        self.assertEqual(server.taken(), b"x" * 1_000_000)
        client.aborts()
        talk.is_over()

    def test_back_pressure(self) -> None:
        """A destination that does not read holds its client back, and the other way round."""
        talk = Talk(self)
        client, server = talk.tunnelled()
        for sender, receiver in ((client, server), (server, client)):
            receiver.blocks()
            sender.sends(b"x" * 2_000_000)
            self.assertLess(sender.socket.read, 600_000)
            receiver.unblocks()
            talk.settle()
            self.assertEqual(len(receiver.taken()), 2_000_000)
        client.aborts()
        talk.is_over()


SAID = st.lists(
    st.one_of(
        st.binary(max_size=4),
        st.sampled_from(
            [HELLO, HELLO_WITH_PASSWORD, ALICE, WRONG, IPV4, IPV6, named(b"10.0.0.1"), b"\x05", b"x" * 300]
        ),
    ),
    max_size=6,
).map(b"".join)


class AnythingTests(SynchronousTestCase):
    """Whatever is said, in whatever pieces."""

    def outcome(self, parts: Sequence[bytes], verifier: SlowVerifier | None) -> tuple[object, ...]:
        """What becomes of these parts; nothing of them is left."""
        talk = Talk(self, verifier=verifier)
        client, said, dialled = talk.client(), b"", []
        for part in parts:
            client.sends(part)
            if verifier is not None:
                talk.compares()
        if talk.network.waiting:
            server = talk.accepts()
            dialled = [talk.network.attempts[-1].host, server.taken()]
        said = client.taken()
        client.aborts()
        talk.settle()
        talk.is_over()
        errors = [(exchange.code, str(exchange.error), exchange.user) for exchange in talk.exchanges]
        return said, dialled, errors

    @given(SAID, st.booleans())
    def test_same_as_whole(self, said: bytes, asks: bool) -> None:
        """It makes no difference how octets arrive, and every connection is let go."""
        verifiers = (known(), known()) if asks else (None, None)
        pieces = [said[at : at + 1] for at in range(len(said))]
        self.assertEqual(self.outcome(pieces, verifiers[0]), self.outcome([said], verifiers[1]))

    def test_tls(self) -> None:
        """SOCKS5 inside of TLS is the same, and back-pressure and the end of a tunnel hold there too."""
        authority = Authority(self.mktemp())
        talk = SecureTalk(self, replace(OPTIONS, tls="www"))
        talk.tls, talk.authority = authority.options("example.org"), authority
        client = talk.secure_client()
        client.sends(HELLO + IPV4 + b"early")
        server = talk.accepts()
        client.sees(NONE, DONE)
        server.sees(b"early")
        server.sends(b"x" * 100_000)
        client.sees(b"x" * 100_000)
        self.assertEqual(talk.listener.counters.handshakes, {"success": 1, "failure": 0})
        server.closes()
        client.go_on()
        self.assertTrue(client.said_goodbye)
        client.closes()
        talk.is_over()

    def test_tls_refused(self) -> None:
        """A refusal arrives inside of TLS, and so does the end."""
        authority = Authority(self.mktemp())
        talk = SecureTalk(self, replace(OPTIONS, tls="www"))
        talk.tls, talk.authority = authority.options("example.org"), authority
        client = talk.secure_client()
        client.sends(HELLO + named(b"10.0.0.1", 25))
        client.sees(NONE, reply(2))
        self.assertTrue(client.said_goodbye)
        client.closes()
        talk.is_over()

    def test_tls_refused_with_much_unread(self) -> None:
        """A refused client that had sent more than is read early is let go as soon as it closes."""
        authority = Authority(self.mktemp())
        talk = SecureTalk(self, replace(OPTIONS, tls="www"))
        talk.tls, talk.authority = authority.options("example.org"), authority
        client = talk.secure_client()
        client.sends(HELLO + IPV4 + b"x" * 300_000)
        talk.refuses(errno.ECONNREFUSED)
        client.sees(NONE, reply(5))
        self.assertTrue(client.said_goodbye)
        client.closes()
        self.assertTrue(client.socket.closed)
        talk.is_over()

    def test_no_handshake(self) -> None:
        """Who speaks SOCKS5 to a listener with TLS is no client, and is counted."""
        authority = Authority(self.mktemp())
        talk = SecureTalk(self, replace(OPTIONS, tls="www"))
        talk.tls, talk.authority = authority.options("example.org"), authority
        client = talk.client()
        client.sends(HELLO + IPV4)
        self.assertTrue(client.socket.closed)
        self.assertEqual(talk.listener.counters.handshakes, {"success": 0, "failure": 1})
        talk.is_over()


class EndTests(SynchronousTestCase):
    """Clients that leave, wait or say half of something; and the daemon that stops."""

    def phases(self) -> Iterator[tuple[Talk, Party, bytes]]:
        """A client in each phase of what it says, and what it is told when it takes too long."""
        for verifier, said, heard, told in (
            (None, b"\x05", b"", b""),
            (None, b"\x05\x03\x00", b"", b""),
            (None, HELLO, NONE, reply(1)),
            (None, HELLO + IPV4[:-1], NONE, reply(1)),
            (known(), HELLO_WITH_PASSWORD, PASSWORD, NOT_GRANTED),
            (known(), HELLO_WITH_PASSWORD + ALICE[:-1], PASSWORD, NOT_GRANTED),
        ):
            talk = Talk(self, verifier=verifier)
            client = talk.client()
            client.sends(said)
            client.sees(heard)
            yield talk, client, told

    def test_leaving(self) -> None:
        """A client that leaves in the middle of what it says leaves nothing behind."""
        for leave in (Party.aborts, Party.closes, Party.ends):
            for talk, client, _ in self.phases():
                leave(client)
                self.assertTrue(client.socket.closed)
                self.assertEqual(talk.listener.connections, set())
                talk.is_over()

    def test_too_slow(self) -> None:
        """Each message must be there within `header_timeout`, however it trickles."""
        for talk, client, told in self.phases():
            talk.waits(4.0)
            client.is_open()
            talk.waits(1.5)
            is_refused(client, told)
            self.assertEqual((talk.codes(), str(talk.last().error)), ([408], "the request did not arrive in time"))
            talk.is_over()

    def test_trickling(self) -> None:
        """Single octets do not give a client more time."""
        talk = Talk(self)
        client = talk.greeted()
        for octet in IPV4[:6]:
            client.sends(bytes((octet,)))
            talk.waits(1.0)
        is_refused(client, reply(1))
        talk.is_over()

    def test_silent(self) -> None:
        """A client that never says anything is closed after `idle_timeout`, without a word in the log."""
        talk = Talk(self)
        client = talk.client()
        talk.waits(19.0)
        client.is_open()
        talk.waits(2.0)
        client.sees_close()
        self.assertEqual(talk.codes(), [])
        talk.is_over()

    def test_leaving_while_it_is_connected(self) -> None:
        """A client that leaves while its destination is dialled leaves nothing behind; the log says 499."""
        for leave in (Party.aborts, Party.closes, Party.ends):
            talk = Talk(self)
            client = talk.greeted()
            client.sends(IPV4 + b"early")
            leave(client)
            self.assertEqual(talk.codes(), [499])
            talk.is_over()

    def test_half_close(self) -> None:
        """With `half_close = serve` a client may say everything and end before its destination has answered."""
        talk = Talk(self, replace(OPTIONS, half_close="serve"))
        client = talk.client()
        client.sends(HELLO + IPV4 + b"all of it")
        client.ends()
        server = talk.accepts()
        client.sees(NONE + DONE)
        server.sees(b"all of it")
        server.sees_end()
        server.sends(b"answer")
        server.closes()
        client.sees(b"answer")
        client.sees_close()
        self.assertEqual(talk.codes(), [200])
        talk.is_over()

    def test_idle_and_old(self) -> None:
        """A tunnel ends when it is idle for too long, or too old."""
        for options, silence in ((OPTIONS, True), (replace(OPTIONS, tunnel_max_age=30.0), False)):
            talk = Talk(self, options)
            client, _ = talk.tunnelled()
            for _ in range(6):
                talk.waits(8.0 if not silence else 2.5)
                if not silence:
                    client.sends(b"x")
            self.assertEqual(talk.codes(), [200])
            talk.is_over()

    def test_does_not_close(self) -> None:
        """A client that was refused and neither reads nor closes is cut off."""
        talk = Talk(self)
        client = talk.client()
        client.sends(b"\x04")
        talk.waits(LINGER_TIME + 1)
        self.assertTrue(client.socket.closed)
        talk.is_over()

    def test_floods_after_the_end(self) -> None:
        """A client that was refused and goes on sending is cut off."""
        talk = Talk(self)
        client = talk.client()
        client.sends(b"\x04", *[b"x" * 65536] * 20)
        self.assertTrue(client.socket.closed)
        talk.is_over()

    def test_draining(self) -> None:
        """When the daemon stops, whoever has not said where it wants to go is closed; what is under way is not."""
        for talk, client, _ in self.phases():
            talk.listener.drain()
            talk.settle()
            client.sees_close()
            talk.is_over()
        talk = Talk(self)
        dialling, (client, server) = talk.greeted(), talk.tunnelled()
        dialling.sends(IPV4)
        talk.listener.drain()
        talk.accepts()
        dialling.sees(DONE)
        client.sends(b"x")
        server.sees(b"x")
        for each in (client, dialling):
            each.aborts()
        talk.is_over()

    def test_draining_while_a_password_is_compared(self) -> None:
        """Nobody waits for that."""
        verifier = known()
        talk = Talk(self, verifier=verifier)
        client = talk.greeted(HELLO_WITH_PASSWORD, PASSWORD)
        client.sends(ALICE)
        talk.listener.drain()
        talk.settle()
        talk.compares()
        client.sees_nothing()
        client.sees_close()
        talk.is_over()

    def test_aborting(self) -> None:
        """When the grace period is over everything ends, and the log says why where there was a request."""
        talk = Talk(self)
        dialling = talk.greeted()
        dialling.sends(IPV4)
        talk.listener.abort()
        talk.settle()
        self.assertTrue(dialling.socket.closed)
        self.assertEqual([str(exchange.error) for exchange in talk.exchanges], ["the daemon stops"])
        talk.is_over()

    def test_aborting_a_tunnel(self) -> None:
        """A tunnel ends on both sides then, even with octets that its server has not taken, and is logged."""
        talk = Talk(self)
        client, server = talk.tunnelled()
        server.blocks()
        client.sends(b"x" * 1_000_000)
        talk.listener.abort()
        talk.settle()
        self.assertTrue(client.socket.closed and server.socket.closed)
        self.assertEqual((talk.codes(), talk.listener.tunnels), ([200], {}))
        talk.is_over()

    def test_a_client_that_reads_nothing(self) -> None:
        """Answers that a client does not take are not waited for."""
        talk = Talk(self, replace(OPTIONS, send_timeout=3.0))
        client = talk.client()
        client.blocks()
        client.sends(HELLO)
        talk.waits(OPTIONS.header_timeout + LINGER_TIME + 1)
        self.assertTrue(client.socket.closed)
        talk.is_over()
