"""The users of a password file, and who of them is in which groups; watched, and read again when a file changes.

A look is one `stat` of each file; reading is done in a thread. A file with a mistake in it leaves the users as they
were, and is told of once.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_relay.auth.credentials import Credentials
from twisted_relay.auth.hashes import matches, stand_in
from twisted_relay.auth.threads import HashingThreads
from twisted_relay.auth.user import User
from twisted_relay.auth.verifier import Proof
from twisted_relay.config.password_file import file_problem, read_group_file, read_password_file
from twisted_relay.config.tree import AuthOptions
from twisted_relay.config.user_names import membership
from twisted_relay.config.words import BadValue
from twisted_relay.errors import AuthenticationBusy

Stamp = tuple[int, int, int, int]
"""By what a change of a file is noticed: also one that is renamed into place, or is as long as before."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The users of one reading of the files."""

    users: Mapping[str, User]
    hashes: Mapping[str, str] = field(repr=False)
    stand_in: str = field(repr=False)
    """What passwords of users who do not exist are compared with."""


def read_accounts(options: AuthOptions) -> Accounts:
    """Read the files of a section; raises `BadValue`."""
    hashes = read_password_file(options.users_file).hashes
    of_file = read_group_file(options.groups_file) if options.groups_file else ()
    members = membership((*options.groups, *of_file))
    users = {name: User(name, members.of(name)) for name in hashes}
    return Accounts(users, hashes, stand_in(hashes.values()))


class AccountFile:
    """A `Verifier` of the users in files."""

    _log = Logger(namespace="twisted_relay.auth")

    def __init__(
        self,
        options: AuthOptions,
        threads: HashingThreads,
        clock: IReactorTime,
        compare: Callable[[bytes, str], bool] = matches,
    ) -> None:
        """Reads the files; raises `BadValue`. `compare` runs in a thread."""
        self.name = options.name
        self._options = options
        self._threads = threads
        self._compare = compare
        self._stamps = self._look()
        self._accounts = read_accounts(options)
        self.reloads = {"success": 0, "failure": 0}
        self._reading: Deferred[Any] | None = None
        self._loop = LoopingCall(self.look)
        self._loop.clock = clock

    @property
    def users(self) -> int:
        """How many users there are."""
        return len(self._accounts.users)

    # -- the verifier ---------------------------------------------------------------------------------------------

    def verify(self, credentials: Credentials) -> "Deferred[Proof | None]":
        """See `Verifier`."""
        accounts = self._accounts
        user = accounts.users.get(credentials.name)
        hashed = accounts.stand_in if user is None else accounts.hashes[credentials.name]
        compare, password = self._compare, credentials.password
        compared = self._threads.run(lambda: compare(password, hashed))
        return compared.addCallback(lambda is_right: Proof(user, hashed) if is_right and user is not None else None)

    def user_of(self, proof: Proof) -> User | None:
        """See `Verifier`."""
        accounts = self._accounts
        name = proof.user.name
        return accounts.users[name] if accounts.hashes.get(name) == proof.against else None

    def knows(self, name: str) -> bool:
        """See `Verifier`."""
        return name in self._accounts.users

    # -- watching the files ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to look."""
        if self._options.reload:
            self._loop.start(self._options.reload, now=False)

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()
        if self._reading is not None:
            self._reading.cancel()

    def look(self) -> None:
        """Read the files again if one has changed since the last look."""
        stamps = self._look()
        if stamps == self._stamps or self._reading is not None:
            return
        try:
            reading = self._threads.run(lambda: read_accounts(self._options))
        except AuthenticationBusy:
            return  # the next look comes soon
        self._stamps = stamps
        self._reading = reading
        reading.addCallbacks(self._take, self._complain).addBoth(self._has_read)

    def _look(self) -> tuple[Stamp | None, ...]:
        return tuple(_stamp(path) for path in (self._options.users_file, self._options.groups_file) if path)

    def _take(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self.reloads["success"] += 1
        self._log.info("[auth:{name}] has {users} users", name=self._options.name, users=len(accounts.users))

    def _complain(self, failure: Failure) -> None:
        if not isinstance(failure.value, BadValue):
            return  # stopped, or cancelled
        self.reloads["failure"] += 1
        self._log.warn(
            "[auth:{name}] keeps the users that it had: {problem}",
            name=self._options.name,
            problem=file_problem(failure.value),
        )

    def _has_read(self, _: object) -> None:
        self._reading = None


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev
