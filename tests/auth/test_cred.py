"""Checkers of `twisted.cred`."""

from typing import Any

from twisted.cred.checkers import (
    ANONYMOUS,
    AllowAnonymousAccess,
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.credentials import IUsernamePassword
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.auth.known import basic
from twisted_relay.auth.authenticator import Authenticator
from twisted_relay.auth.cred import CheckerVerifier
from twisted_relay.auth.user import User
from twisted_relay.config.tree import AuthOptions
from twisted_relay.errors import AuthenticationRequired, ConfigurationError, RelayError


@implementer(ICredentialsChecker)
class Answering:
    """A checker that says the same to everybody, or raises it."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def requestAvatarId(self, credentials: object) -> "Deferred[Any]":
        """See `ICredentialsChecker`."""
        if isinstance(self.answer, Exception):
            raise self.answer
        done: Deferred[Any] = Deferred()
        done.callback(self.answer)
        return done


class CheckerTests(SynchronousTestCase):
    """`CheckerVerifier`, behind an authenticator."""

    def ask(self, verifier: CheckerVerifier, value: bytes) -> "Deferred[User]":
        """What the authenticator says."""
        asked = Authenticator(AuthOptions(name="staff"), verifier, Clock().seconds).check(value, "192.0.2.1")
        assert isinstance(asked, Deferred)
        return asked

    def test_passwords(self) -> None:
        """Right is right, wrong and unknown are wrong; groups come from the program."""
        checker = InMemoryUsernamePasswordDatabaseDontUse(alice=b"right")
        verifier = CheckerVerifier(checker, lambda name: frozenset({f"friends of {name}"}))
        user = self.successResultOf(self.ask(verifier, basic("alice", "right")))
        self.assertEqual(user, User("alice", frozenset({"friends of alice"})))
        for name, password in (("alice", "wrong"), ("bob", "right")):
            self.failureResultOf(self.ask(verifier, basic(name, password)), AuthenticationRequired)

    def test_names(self) -> None:
        """The avatar is the name of the user; who is anonymous there is nobody here."""
        for avatar, name in ((b"b\xc3\xb8b", "bøb"), ("uid=7", "uid=7"), (None, "alice")):
            user = self.successResultOf(self.ask(CheckerVerifier(Answering(avatar)), basic("alice", "x")))
            self.assertEqual(user.name, name)
        self.failureResultOf(self.ask(CheckerVerifier(Answering(ANONYMOUS)), basic("a", "x")), AuthenticationRequired)

    def test_a_checker_that_fails(self) -> None:
        """It is our fault, not the client's."""
        asked = self.ask(CheckerVerifier(Answering(OSError("no database"))), basic("alice", "x"))
        self.assertEqual(self.failureResultOf(asked, RelayError).value.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_other_checkers(self) -> None:
        """One that takes no passwords is refused."""
        self.assertRaises(ConfigurationError, CheckerVerifier, AllowAnonymousAccess())
