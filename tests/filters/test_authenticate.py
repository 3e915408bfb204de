"""`auth` of a route."""

from dataclasses import replace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.known import SlowVerifier, basic
from tests.support.playbook import ROUTE, Conversation, get, ok
from twisted_relay.auth.authenticator import Authenticator
from twisted_relay.auth.door import Door
from twisted_relay.config.tree import AuthOptions
from twisted_relay.filters import FILTERS, TRIED_OUT, filters_of
from twisted_relay.filters.filter import NO_MEANS, Means

RIGHT = f"Authorization: {basic('alice', 'right').decode()}"
WRONG = f"Authorization: {basic('alice', 'wrong').decode()}"


class AuthenticateTests(SynchronousTestCase):
    """Clients of a route that asks."""

    def setUp(self) -> None:
        """A route with one user."""
        self.verifier = SlowVerifier({"alice": "right"})
        authenticator = Authenticator(AuthOptions(name="staff"), self.verifier, Clock().seconds)
        means = Means({"staff": Door(authenticator)})
        self.talk = Conversation(self, route=replace(ROUTE, auth="staff"), means=means)

    def test_challenged(self) -> None:
        """Without credentials it is 401, no server is asked, and the connection stays."""
        client = self.talk.client()
        for _ in range(2):
            client.sends(get("/"))
            answer = client.sees_head("HTTP/1.1 401 Unauthorized")
            self.assertEqual(answer.get(b"www-authenticate"), b'Basic realm="relay", charset="UTF-8"')
            self.assertIsNone(answer.get(b"retry-after"))
            client.taken()
        self.talk.is_over()

    def test_right(self) -> None:
        """With the right ones the server is asked, when they have been compared, and does not see them."""
        client = self.talk.client()
        client.sends(get("/", RIGHT))
        client.sees_nothing()
        self.verifier.answer()
        self.talk.settle()
        server = self.talk.accepts()
        self.assertNotIn(b"authorization", server.sees_head("GET / HTTP/1.1"))
        server.sends(ok(b"hello"))
        client.sees(ok(b"hello"))
        client.sends(get("/again", RIGHT))
        server.sees_head("GET /again HTTP/1.1")
        server.sends(ok(b"hello"))
        client.sees(ok(b"hello"))
        self.talk.is_over()

    def test_wrong(self) -> None:
        """With wrong ones it is 401 again."""
        client = self.talk.client()
        client.sends(get("/", WRONG))
        self.verifier.answer()
        self.talk.settle()
        client.sees_head("HTTP/1.1 401 Unauthorized")
        client.taken()
        self.talk.is_over()

    def test_a_client_that_leaves(self) -> None:
        """Nobody is answered, and no server is asked, when the password has been compared."""
        client = self.talk.client()
        client.sends(get("/", RIGHT))
        client.aborts()
        self.verifier.answer()
        self.talk.is_over()

    def test_a_route_without(self) -> None:
        """It has no such filter; one that asks for what is not there cannot be made."""
        self.assertEqual(filters_of(ROUTE), [])
        self.assertEqual(filters_of(replace(ROUTE, auth="staff"), NO_MEANS, TRIED_OUT), [])
        self.assertRaises(KeyError, filters_of, replace(ROUTE, auth="staff"))
        self.assertEqual(next(iter(FILTERS)), "authenticate")
