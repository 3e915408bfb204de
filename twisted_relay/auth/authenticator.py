"""Decides who a client is: credentials it has proved a while ago, or that are compared now; and who may not try.

The order counts. An address that is locked out is refused before anything is looked at. Credentials that were proved
from the same address are taken even while somebody elsewhere guesses at that user; from an address that is exempt they
are not, because many stand behind it. Tries for a user who is locked out count against the address, so nobody can guess
at what is proved. Equal credentials that come at once are compared once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_relay.auth.credentials import BadCredentials, Credentials, read_basic
from twisted_relay.auth.lockout import Lockout
from twisted_relay.auth.proven import Proven
from twisted_relay.auth.user import User
from twisted_relay.auth.verifier import Proof, Verifier
from twisted_relay.config.tree import AuthOptions
from twisted_relay.errors import AuthenticationRequired, LockedOut, RelayError, ShuttingDown
from twisted_relay.networks import NetworkSet, network_of

Reader = Callable[[bytes], Credentials]
"""Reads what a client has sent; raises `BadCredentials`."""
RESULTS = ("granted", "cached", "denied", "challenged", "malformed", "locked", "busy")
"""What may become of a request for authentication."""


@dataclass(slots=True)
class _Comparing:
    """Credentials that are being compared, and who waits for that."""

    credentials: Credentials
    client: str
    compared: "Deferred[Proof | None]"
    is_awaited: bool = False
    waiting: list["Deferred[User]"] = field(default_factory=list)


class Authenticator:
    """One [auth:NAME] section; routes and listeners share it."""

    _log = Logger(namespace="twisted_relay.auth")

    def __init__(self, options: AuthOptions, verifier: Verifier, now: Callable[[], float]) -> None:
        """`now` is seconds of a monotonic clock."""
        self.name = options.name
        self.options = options
        self.verifier = verifier
        self.counts = dict.fromkeys(RESULTS, 0)
        """What became of the requests, by `RESULTS`."""
        self._now = now
        self._challenge = challenge(options.realm)
        self._proven: Proven[Proof] = Proven(options.cache)
        self._users = Lockout(options.lockout) if options.lockout else None
        self._addresses = Lockout(options.lockout) if options.lockout else None
        self._exempt = NetworkSet(options.lockout_exempt)
        self._comparing: dict[bytes, _Comparing] = {}
        self._in_flight: dict[str, int] = {}  # credentials that are being compared, by the name of the user

    def check(self, value: bytes | None, client: str, read: Reader = read_basic) -> "User | Deferred[User]":
        """Who sends this value of Authorization or Proxy-Authorization from this address, at once or later.

        `client` is "" for a UNIX socket; `read` makes something of another value. Raises, or fails with,
        `AuthenticationRequired`, `LockedOut` or whatever `Verifier.verify` raises. The Deferred may be cancelled.
        """
        now = self._now()
        address = self._address(client)
        if self._addresses is not None and address and (left := self._addresses.left(address, now)):
            raise self._locked_out("the address is locked out", left)
        if value is None:
            raise self._required("challenged", "no credentials")
        digest = self._proven.digest(client, value)
        if (user := self._proved(digest, is_exempt=not address)) is not None:
            self.counts["cached"] += 1
            return user
        try:
            credentials = read(value)
        except BadCredentials as bad:
            raise self._required("malformed", str(bad)) from None
        comparing = self._comparing.get(digest)
        if comparing is None:
            self._refuse_if_locked(credentials.name, address, now)
            comparing = self._compare(digest, credentials, client)
        return self._wait_for(digest, comparing)

    def stop(self) -> None:
        """Compare no more; who waits gets no answer."""
        for comparing in list(self._comparing.values()):
            comparing.compared.cancel()

    # -- deciding -------------------------------------------------------------------------------------------------

    def _proved(self, digest: bytes, *, is_exempt: bool) -> User | None:
        """The user whose credentials these are, if they were proved and that still holds."""
        now = self._now()
        proof = self._proven.find(digest, now)
        if proof is None:
            return None
        user = self.verifier.user_of(proof)
        if user is None:
            self._proven.drop(digest)
        elif is_exempt and self._users is not None and self._users.left(user.name, now):
            return None
        return user

    def _refuse_if_locked(self, name: str, address: str, now: float) -> None:
        if self._users is None:
            return
        left = self._users.left(name, now)
        if left:
            if address and self._addresses is not None:
                self._addresses.add(address, now)
            raise self._locked_out("the user is locked out", left)
        if self._in_flight.get(name, 0) >= self._users.room(name, now):
            raise self._locked_out("as many passwords of the user are being compared as it has tries left", 1.0)

    def _address(self, client: str) -> str:
        """By what failures of a client are counted; "" if they are not. Of IPv6 it is the /64 that one client has."""
        return "" if not client or client in self._exempt else network_of(client)

    # -- comparing ------------------------------------------------------------------------------------------------

    def _compare(self, digest: bytes, credentials: Credentials, client: str) -> _Comparing:
        try:
            compared = self.verifier.verify(credentials)
        except RelayError:
            self.counts["busy"] += 1
            raise
        comparing = self._comparing[digest] = _Comparing(credentials, client, compared)
        name = credentials.name
        self._in_flight[name] = self._in_flight.get(name, 0) + 1
        return comparing

    def _wait_for(self, digest: bytes, comparing: _Comparing) -> "Deferred[User]":
        waiter: Deferred[User] = Deferred(lambda waiter: self._leave(comparing, waiter))
        comparing.waiting.append(waiter)
        if not comparing.is_awaited:
            comparing.is_awaited = True
            comparing.compared.addBoth(self._compared, digest, comparing)
        return waiter

    def _leave(self, comparing: _Comparing, waiter: "Deferred[User]") -> None:
        """Somebody waits no more. The password is compared all the same: leaving early must not make guesses free."""
        if waiter in comparing.waiting:
            comparing.waiting.remove(waiter)

    def _compared(self, result: Proof | Failure | None, digest: bytes, comparing: _Comparing) -> None:
        self._comparing.pop(digest, None)
        name = comparing.credentials.name
        self._in_flight[name] -= 1
        if not self._in_flight[name]:
            del self._in_flight[name]
        waiting, comparing.waiting = comparing.waiting, []
        if isinstance(result, Failure):
            self._fail(result, waiting)
        elif result is None:
            self._wrong(comparing, waiting)
        else:
            self._right(digest, result, waiting)

    def _right(self, digest: bytes, proof: Proof, waiting: Sequence["Deferred[User]"]) -> None:
        self._proven.keep(digest, proof, self._now())
        if self._users is not None:
            self._users.forgive(proof.user.name)
        self.counts["granted"] += len(waiting)
        for waiter in waiting:
            waiter.callback(proof.user)

    def _wrong(self, comparing: _Comparing, waiting: Sequence["Deferred[User]"]) -> None:
        """One failure, however many have sent the same: a page with its pictures is one guess."""
        now, name, address = self._now(), comparing.credentials.name, self._address(comparing.client)
        if self._users is not None and self._users.add(name, now):
            # What stands for a name may be a password that went into the wrong box.
            who = f"user {name}" if self.verifier.knows(name) else "a user who does not exist"
            self._log.warn("[auth:{auth}] locks out {who}", auth=self.name, who=who)
        if address and self._addresses is not None and self._addresses.add(address, now):
            self._log.warn("[auth:{auth}] locks out address {client}", auth=self.name, client=comparing.client)
        for waiter in waiting:
            waiter.errback(self._required("denied", "the user or the password is wrong"))

    def _fail(self, failure: Failure, waiting: Sequence["Deferred[User]"]) -> None:
        if isinstance(failure.value, CancelledError):
            failure = Failure(ShuttingDown("passwords are compared no more"))
        elif not isinstance(failure.value, RelayError):
            self._log.failure("[auth:{auth}] cannot compare passwords", failure, auth=self.name)
            failure = Failure(RelayError("the password could not be compared"))
        self.counts["busy"] += len(waiting)
        for waiter in waiting:
            waiter.errback(failure)

    # -- refusing -------------------------------------------------------------------------------------------------

    def _required(self, result: str, message: str) -> AuthenticationRequired:
        self.counts[result] += 1
        return AuthenticationRequired(message, self._challenge)

    def _locked_out(self, message: str, left: float) -> LockedOut:
        self.counts["locked"] += 1
        return LockedOut(message, max(1, ceil(left)))


def challenge(realm: str) -> bytes:
    """What asks for Basic credentials (RFC 7617 §2, §2.1)."""
    text = realm.replace("\\", "\\\\").replace('"', '\\"')
    return b'Basic realm="%b", charset="UTF-8"' % text.encode("ascii")
