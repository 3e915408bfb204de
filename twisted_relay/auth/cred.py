"""Twisted's own checkers of credentials (`twisted.cred`) as a `Verifier`, for programs that embed relay.

Whatever avatar identifier a checker returns is the name of the user. Time limits, threads and equal times for unknown
users are the checker's business; the cache, the lock-out and the limits of what clients send are those of relay.
"""

from collections.abc import Callable

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import LoginFailed, UnauthorizedLogin
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from twisted_relay.auth.credentials import Credentials
from twisted_relay.auth.user import User
from twisted_relay.auth.verifier import Proof
from twisted_relay.errors import ConfigurationError

Groups = Callable[[str], frozenset[str]]
"""The groups of a user, by name."""


class CheckerVerifier:
    """A checker that takes names and passwords."""

    def __init__(self, checker: ICredentialsChecker, groups: Groups = lambda _: frozenset()) -> None:
        """Raises `ConfigurationError` for a checker of something else."""
        if IUsernamePassword not in checker.credentialInterfaces:
            raise ConfigurationError(f"{type(checker).__name__} takes no IUsernamePassword")
        self._checker = checker
        self._groups = groups

    def verify(self, credentials: Credentials) -> "Deferred[Proof | None]":
        """See `Verifier`."""
        asked = UsernamePassword(credentials.name.encode("utf-8"), credentials.password)
        avatar: Deferred[object] = maybeDeferred(self._checker.requestAvatarId, asked)
        return avatar.addCallbacks(lambda found: self._proof(found, credentials.name), _denied)

    def user_of(self, proof: Proof) -> User | None:
        """See `Verifier`: it holds as long as it is kept."""
        return proof.user

    def knows(self, name: str) -> bool:
        """See `Verifier`: a checker does not say."""
        return False

    def _proof(self, avatar: object, name: str) -> Proof | None:
        if avatar == ():
            return None  # `twisted.cred.checkers.ANONYMOUS`
        found = avatar.decode("utf-8", "replace") if isinstance(avatar, bytes) else str(avatar or name)
        return Proof(User(found, self._groups(found)))


def _denied(failure: Failure) -> None:
    failure.trap(UnauthorizedLogin, LoginFailed)
