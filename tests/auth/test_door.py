"""Where requests are asked who sends them, and what is done to their fields."""

from base64 import b64encode

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.known import SlowVerifier, basic
from twisted_relay.auth.authenticator import Authenticator
from twisted_relay.auth.door import Door, ProxyDoor, SOCKSDoor
from twisted_relay.config.tree import AuthOptions
from twisted_relay.errors import AuthenticationRequired, LockedOut, ProxyAuthenticationRequired
from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Request
from twisted_relay.socks.client import write_credentials

RIGHT = basic("bøb", "right")


class DoorTests(SynchronousTestCase):
    """`Door` and `ProxyDoor`."""

    def make(self, **options: object) -> Authenticator:
        """An authenticator with one user."""
        self.verifier = SlowVerifier({"bøb": "right"})
        made = AuthOptions(**{"name": "staff", **options})  # type: ignore[arg-type]
        return Authenticator(made, self.verifier, Clock().seconds)

    def exchange(self, *fields: tuple[bytes, bytes]) -> Exchange:
        """A request with these fields."""
        request = Request(b"GET", b"/", Fields.of(fields))
        return Exchange(request, Origin("192.0.2.1", b"http", 80, b""), 1.0)

    def admit(self, door: Door | ProxyDoor, exchange: Exchange) -> "Deferred[None]":
        """Let it in, with the password compared if it must be."""
        admitted = Deferred.fromCoroutine(door.admit(exchange))
        self.verifier.answer()
        return admitted

    def test_gateway(self) -> None:
        """A user is noted, and the server does not see the password."""
        exchange = self.exchange((b"Authorization", RIGHT), (b"X-A", b"1"), (b"Proxy-Authorization", b"other"))
        self.successResultOf(self.admit(Door(self.make()), exchange))
        self.assertEqual(exchange.user, "bøb")
        self.assertEqual(exchange.request.fields.lines, [b"X-A: 1", b"Proxy-Authorization: other"])

    def test_known_at_once(self) -> None:
        """Nothing is waited for when the password was right a moment ago."""
        door = Door(self.make())
        self.successResultOf(self.admit(door, self.exchange((b"Authorization", RIGHT))))
        exchange = self.exchange((b"Authorization", RIGHT))
        self.successResultOf(Deferred.fromCoroutine(door.admit(exchange)))
        self.assertEqual((exchange.user, len(self.verifier.asked)), ("bøb", 1))

    def test_told_to_the_server(self) -> None:
        """The name in a field of its own, which clients cannot write in any spelling; the password by option."""
        door = Door(self.make(user_header="X-User", forward_credentials=True))
        exchange = self.exchange((b"authorization", RIGHT), (b"x-user", b"root"), (b"X_User", b"root"))
        self.successResultOf(self.admit(door, exchange))
        self.assertEqual(exchange.request.fields.lines, [b"authorization: " + RIGHT, b"X-User: " + "bøb".encode()])

    def test_refused(self) -> None:
        """Nobody, somebody else, and two at once: 401, and the request has no user."""
        for values in ((), (basic("bøb", "wrong"),), (RIGHT, RIGHT)):
            exchange = self.exchange(*((b"Authorization", value) for value in values))
            error = self.failureResultOf(self.admit(Door(self.make()), exchange), AuthenticationRequired).value
            self.assertEqual((error.status, error.challenge_field), (401, b"WWW-Authenticate"))
            self.assertEqual(exchange.user, "")

    def test_socks(self) -> None:
        """The same users by SOCKS5; what was right is remembered, but not for who sends it by HTTP."""
        authenticator = self.make()
        door, message = SOCKSDoor(authenticator), write_credentials("bøb".encode(), b"right")
        for compared in (1, 1):
            admitted = Deferred.fromCoroutine(door.admit(message, "192.0.2.1"))
            self.verifier.answer()
            self.assertEqual(self.successResultOf(admitted).name, "bøb")
            self.assertEqual(len(self.verifier.asked), compared)
        self.admit(Door(authenticator), self.exchange((b"Authorization", RIGHT)))
        self.assertEqual(len(self.verifier.asked), 2)

    def test_refused_by_socks(self) -> None:
        """Nobody, somebody else, and names that nobody can have: errors of a proxy, which count as with HTTP."""
        authenticator = self.make()
        for message, result in (
            (None, "challenged"),
            (write_credentials("bøb".encode(), b"wrong"), "denied"),
            (write_credentials(b"a:b", b"right"), "malformed"),
        ):
            admitted = Deferred.fromCoroutine(SOCKSDoor(authenticator).admit(message, "192.0.2.1"))
            self.verifier.answer()
            self.assertEqual(self.failureResultOf(admitted, ProxyAuthenticationRequired).value.status, 407)
            self.assertEqual(authenticator.counts[result], 1)

    def test_proxy(self) -> None:
        """The same by Proxy-Authorization; Authorization is the origin's and stays."""
        exchange = self.exchange((b"Authorization", b"Bearer for-the-origin"))
        exchange.request.credentials = [RIGHT]
        self.successResultOf(self.admit(ProxyDoor(self.make()), exchange))
        self.assertEqual((exchange.user, exchange.request.credentials), ("bøb", []))
        self.assertEqual(exchange.request.fields.lines, [b"Authorization: Bearer for-the-origin"])

    def test_refused_by_the_proxy(self) -> None:
        """There it is 407; Authorization does not count."""
        for values in ([], [basic("bøb", "wrong")], [RIGHT, RIGHT]):
            exchange = self.exchange((b"Authorization", RIGHT))
            exchange.request.credentials = list(values)
            admitted = self.admit(ProxyDoor(self.make()), exchange)
            error = self.failureResultOf(admitted, ProxyAuthenticationRequired).value
            self.assertEqual((error.status, error.challenge_field), (407, b"Proxy-Authenticate"))
            self.assertEqual((exchange.user, exchange.request.credentials), ("", []))

    def test_locked_out_of_the_proxy(self) -> None:
        """It is 429 on both sides."""
        door = ProxyDoor(self.make())
        for number in range(10):
            exchange = self.exchange()
            exchange.request.credentials = [b"Basic " + b64encode(b"a:%d" % number)]
            self.failureResultOf(self.admit(door, exchange), ProxyAuthenticationRequired)
        self.assertEqual(self.failureResultOf(self.admit(door, exchange), LockedOut).value.status, 429)
