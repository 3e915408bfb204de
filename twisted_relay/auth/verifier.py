"""Who knows whether a password is right: the seam between the authenticator and files, databases or other programs."""

from dataclasses import dataclass, field
from typing import Protocol

from twisted.internet.defer import Deferred

from twisted_relay.auth.credentials import Credentials
from twisted_relay.auth.user import User
from twisted_relay.errors import AuthenticationBusy


@dataclass(frozen=True, slots=True)
class Proof:
    """A user who gave the right password, and what that was compared with."""

    user: User
    against: str = field(default="", repr=False)


class Verifier(Protocol):
    """Compares passwords."""

    def verify(self, credentials: Credentials) -> "Deferred[Proof | None]":
        """The proof, or None if the name or the password is wrong, after the same time for both.

        Raises, or fails with, a `RelayError` if nobody can say now. May be cancelled.
        """

    def user_of(self, proof: Proof) -> User | None:
        """The user as it is now; None if the proof does not hold any more."""

    def knows(self, name: str) -> bool:
        """Whether there is a user of this name."""


class NobodyAsks:
    """A `Verifier` where no traffic comes, so that no file of users is read."""

    def verify(self, credentials: Credentials) -> "Deferred[Proof | None]":
        """See `Verifier`: it cannot say."""
        raise AuthenticationBusy("there are no users here")

    def user_of(self, proof: Proof) -> User | None:
        """See `Verifier`."""
        return None

    def knows(self, name: str) -> bool:
        """See `Verifier`."""
        return False
