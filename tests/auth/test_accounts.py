"""Users in files that change."""

import os
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.test_hashes import cheap_argon2id, cheap_bcrypt
from twisted_relay.auth.accounts import AccountFile
from twisted_relay.auth.credentials import Credentials
from twisted_relay.auth.threads import HashingThreads
from twisted_relay.auth.user import User
from twisted_relay.auth.verifier import Proof
from twisted_relay.config.tree import AuthOptions
from twisted_relay.config.values import GroupSpec
from twisted_relay.config.words import BadValue
from twisted_relay.errors import AuthenticationBusy


class _NoThreads:
    """Runs everything at once, or refuses it."""

    is_full = False

    def run(self, function: Any) -> "Deferred[Any]":
        """See `HashingThreads.run`."""
        if self.is_full:
            raise AuthenticationBusy("full")
        done: Deferred[Any] = Deferred()
        try:
            result = function()
        except Exception:
            done.errback()
        else:
            done.callback(result)
        return done


class AccountFileTests(SynchronousTestCase):
    """`AccountFile`, whose hashes are texts that the test compares."""

    def setUp(self) -> None:
        """Two users, one of them in a group."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.hashes = {"alice": cheap_argon2id(b"right"), "bob": cheap_argon2id(b"sesame")}
        self.write()
        self.clock = Clock()
        self.threads = _NoThreads()
        self.compared: list[str] = []

    def write(self) -> None:
        """Put a new file into the place of the old one."""
        other = self.folder / "new"
        other.write_text("".join(f"{name}:{hashed}\n" for name, hashed in self.hashes.items()))
        os.replace(other, self.folder / "users")

    def make(self, **options: object) -> AccountFile:
        """The file, watched every five seconds."""
        given = {"name": "staff", "users_file": str(self.folder / "users"), "groups": (GroupSpec("ops", ("alice",)),)}
        made = AuthOptions(**{**given, **options})  # type: ignore[arg-type]
        file = AccountFile(made, cast(HashingThreads, self.threads), self.clock, self.compare)
        file.start()
        self.addCleanup(file.stop)
        return file

    def compare(self, password: bytes, hashed: str) -> bool:
        """Compare, and note with what."""
        self.compared.append(hashed)
        return hashed == self.hashes.get("alice") and password == b"right"

    def prove(self, file: AccountFile, name: str, password: str) -> Proof | None:
        """What comes of these credentials."""
        return self.successResultOf(file.verify(Credentials(name, password.encode())))

    def test_verify(self) -> None:
        """The right password is the proof of a user with its groups; a wrong one is none."""
        file = self.make()
        proof = self.prove(file, "alice", "right")
        assert proof is not None
        self.assertEqual(proof.user, User("alice", frozenset({"ops"})))
        self.assertEqual(file.user_of(proof), proof.user)
        self.assertIsNone(self.prove(file, "alice", "wrong"))
        self.assertNotIn("argon2", repr(proof) + repr(file._accounts))

    def test_users_who_do_not_exist(self) -> None:
        """Their passwords are compared too, with a hash of the same cost, and never fit."""
        file = self.make()
        self.assertIsNone(self.prove(file, "zoe", "right"))
        [hashed] = self.compared
        self.assertEqual(hashed.rsplit("$", 2)[0], self.hashes["alice"].rsplit("$", 2)[0])
        self.assertNotIn(hashed, self.hashes.values())
        file._compare = lambda password, hashed: True
        self.assertIsNone(self.prove(file, "zoe", "right"))

    def test_reload(self) -> None:
        """A changed file counts within `reload`: new users, those who are gone, new passwords; others stay proved."""
        file = self.make()
        alice = self.prove(file, "alice", "right")
        assert alice is not None
        bob = Proof(User("bob"), self.hashes["bob"])
        self.hashes["bob"] = cheap_argon2id(b"new")
        self.hashes["carol"] = cheap_bcrypt(b"x")
        self.write()
        self.clock.advance(4.9)
        self.assertEqual(file.users, 2)
        self.clock.advance(0.1)
        self.assertEqual((file.users, file.reloads), (3, {"success": 1, "failure": 0}))
        self.assertEqual((file.user_of(alice), file.user_of(bob)), (alice.user, None))
        del self.hashes["alice"]
        self.write()
        self.clock.advance(5.0)
        self.assertIsNone(file.user_of(alice))
        self.assertFalse(file.knows("alice"))

    def test_broken(self) -> None:
        """A file with a mistake, and one that is gone, leave the users as they were, and are told of once."""
        file = self.make()
        users = self.folder / "users"
        for change in (lambda: users.write_text("carol:secret\n"), lambda: users.write_text(""), users.unlink):
            change()
            before = file.reloads["failure"]
            self.clock.advance(5.0)
            self.clock.advance(5.0)
            self.assertEqual((file.reloads["failure"], file.users), (before + 1, 2))
        self.write()
        self.clock.advance(5.0)
        self.assertEqual(file.reloads["success"], 1)

    def test_groups_file(self) -> None:
        """Groups of the file come beside those of the section, and are read again too."""
        groups = self.folder / "groups"
        groups.write_text("# who is where\nstaff: alice bob\n")
        file = self.make(groups_file=str(groups))
        proof = self.prove(file, "alice", "right")
        assert proof is not None
        self.assertEqual(proof.user.groups, {"ops", "staff"})
        groups.write_text("guests: alice\n")
        self.clock.advance(5.0)
        self.assertEqual(file.user_of(proof), User("alice", frozenset({"ops", "guests"})))

    def test_later_when_threads_are_busy(self) -> None:
        """A file that cannot be read now is read at the next look."""
        file = self.make()
        self.hashes["carol"] = cheap_argon2id(b"x")
        self.write()
        self.threads.is_full = True
        self.clock.advance(5.0)
        self.threads.is_full = False
        self.assertEqual(file.users, 2)
        self.clock.advance(5.0)
        self.assertEqual(file.users, 3)

    def test_not_watched(self) -> None:
        """With `reload = 0` the file is read once, and no timer is left."""
        self.make(reload=0.0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop(self) -> None:
        """No timer is left."""
        file = self.make()
        file.stop()
        file.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_bad_at_the_start(self) -> None:
        """Then there is nothing to keep, and relay does not start."""
        (self.folder / "users").write_text("carol:secret\n")
        self.assertRaises(BadValue, self.make)
