"""Users whose passwords are compared when the test says so."""

from base64 import b64encode
from collections.abc import Mapping

from twisted.internet.defer import Deferred

from twisted_relay.auth.credentials import Credentials
from twisted_relay.auth.user import User
from twisted_relay.auth.verifier import Proof

ALICE = User("alice", frozenset({"ops"}))


def basic(name: str, password: str) -> bytes:
    """The value of a field with these credentials."""
    return b"Basic " + b64encode(f"{name}:{password}".encode())


class SlowVerifier:
    """A `Verifier` whose answers wait for `answer`."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self.passwords = dict(passwords)
        self.asked: list[Credentials] = []
        self._waiting: list[tuple[Credentials, Deferred[Proof | None]]] = []

    def verify(self, credentials: Credentials) -> "Deferred[Proof | None]":
        """See `Verifier`."""
        self.asked.append(credentials)
        done: Deferred[Proof | None] = Deferred()
        self._waiting.append((credentials, done))
        return done

    def answer(self) -> None:
        """Answer all that wait."""
        waiting, self._waiting = self._waiting, []
        for credentials, done in waiting:
            right = self.passwords.get(credentials.name)
            is_right = right is not None and right.encode() == credentials.password
            done.callback(Proof(User(credentials.name), right or "") if is_right else None)

    def fail(self, error: Exception) -> None:
        """Let all that wait fail."""
        waiting, self._waiting = self._waiting, []
        for _, done in waiting:
            done.errback(error)

    def user_of(self, proof: Proof) -> User | None:
        """See `Verifier`."""
        return proof.user if self.passwords.get(proof.user.name) == proof.against else None

    def knows(self, name: str) -> bool:
        """See `Verifier`."""
        return name in self.passwords
