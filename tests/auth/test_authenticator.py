"""Who may pass: what is compared, what is remembered, and who is locked out."""

from ipaddress import ip_network

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.known import SlowVerifier, basic
from twisted_relay.auth.authenticator import Authenticator, challenge
from twisted_relay.auth.user import User
from twisted_relay.config.tree import AuthOptions
from twisted_relay.config.values import LockoutSpec
from twisted_relay.errors import AuthenticationRequired, LockedOut, RelayError, ShuttingDown

HERE, THERE = "192.0.2.1", "192.0.2.2"


class AuthenticatorTests(SynchronousTestCase):
    """`Authenticator`."""

    def setUp(self) -> None:
        """Two users, three tries in a minute."""
        self.clock = Clock()
        self.verifier = SlowVerifier({"alice": "right", "bob": "sesame"})
        self.auth = self.make()

    def make(self, **options: object) -> Authenticator:
        """An authenticator with other options."""
        given = {"name": "staff", "cache": 10.0, "lockout": LockoutSpec(3, 60.0), **options}
        return Authenticator(AuthOptions(**given), self.verifier, self.clock.seconds)  # type: ignore[arg-type]

    def ask(self, name: str, password: str, client: str = HERE) -> "Deferred[User]":
        """Ask, and let the password be compared if it must be."""
        try:
            asked = self.auth.check(basic(name, password), client)
        except RelayError:
            failed: Deferred[User] = Deferred()
            failed.errback()
            return failed
        self.verifier.answer()
        if isinstance(asked, Deferred):
            return asked
        known: Deferred[User] = Deferred()
        known.callback(asked)
        return known

    def passes(self, name: str, password: str, client: str = HERE) -> None:
        """These credentials are right."""
        self.assertEqual(self.successResultOf(self.ask(name, password, client)).name, name)

    def denied(self, name: str, password: str, client: str = HERE) -> None:
        """These are wrong."""
        error = self.failureResultOf(self.ask(name, password, client), AuthenticationRequired).value
        self.assertEqual(error.challenge, b'Basic realm="relay", charset="UTF-8"')

    def locked(self, name: str, password: str, client: str = HERE) -> int:
        """These are not looked at; for how many seconds."""
        return int(self.failureResultOf(self.ask(name, password, client), LockedOut).value.retry_after)

    def test_right_and_wrong(self) -> None:
        """The right password of a user passes; another one, and another user, do not."""
        self.passes("alice", "right")
        self.denied("alice", "wrong")
        self.denied("nobody", "right")
        self.assertEqual((self.auth.counts["granted"], self.auth.counts["denied"]), (1, 2))

    def test_nothing_and_nonsense(self) -> None:
        """Without credentials, and with what is none, nothing is compared and nobody is locked out."""
        for value, result in ((None, "challenged"), (b"Bearer x", "malformed"), (b"Basic %%", "malformed")):
            before = self.auth.counts[result]
            for _ in range(5):
                self.assertRaises(AuthenticationRequired, self.auth.check, value, HERE)
            self.assertEqual(self.auth.counts[result], before + 5)
        self.assertEqual(self.verifier.asked, [])
        self.passes("alice", "right")

    def test_the_challenge(self) -> None:
        """The realm is quoted, and UTF-8 asked for."""
        self.assertEqual(challenge('a "b" \\c'), b'Basic realm="a \\"b\\" \\\\c", charset="UTF-8"')

    def test_remembered(self) -> None:
        """What was right is right without comparing for as long as `cache` says, from the same address."""
        self.passes("alice", "right")
        self.clock.advance(9.9)
        self.passes("alice", "right")
        self.assertEqual((len(self.verifier.asked), self.auth.counts["cached"]), (1, 1))
        self.passes("alice", "right", THERE)
        self.assertEqual(len(self.verifier.asked), 2)
        self.clock.advance(0.1)
        self.passes("alice", "right")
        self.assertEqual(len(self.verifier.asked), 3)

    def test_not_remembered(self) -> None:
        """With `cache = 0` every password is compared."""
        self.auth = self.make(cache=0.0)
        self.passes("alice", "right")
        self.passes("alice", "right")
        self.assertEqual(len(self.verifier.asked), 2)

    def test_a_changed_password_counts_at_once(self) -> None:
        """The old password does not pass any more, although it was remembered; nor does a user who is gone."""
        self.passes("alice", "right")
        self.passes("bob", "sesame")
        self.verifier.passwords = {"alice": "new"}
        self.denied("alice", "right")
        self.denied("bob", "sesame")
        self.passes("alice", "new")

    def test_wrong_ones_are_not_remembered(self) -> None:
        """A password that was wrong passes as soon as it is right."""
        self.denied("alice", "new")
        self.verifier.passwords["alice"] = "new"
        self.passes("alice", "new")

    def test_at_once(self) -> None:
        """The same credentials many times at once are compared once, and are one failure."""
        asked = [self.auth.check(basic("alice", "wrong"), HERE) for _ in range(20)]
        self.assertEqual(len(self.verifier.asked), 1)
        self.verifier.answer()
        for each in asked:
            assert isinstance(each, Deferred)
            self.failureResultOf(each, AuthenticationRequired)
        self.passes("alice", "right")

    def test_guesses_at_once(self) -> None:
        """Different passwords for a user at once are no more than there are tries."""
        asked = [self.auth.check(basic("alice", f"guess{number}"), f"192.0.2.{number}") for number in range(3)]
        with self.assertRaises(LockedOut) as caught:
            self.auth.check(basic("alice", "another"), THERE)
        self.assertEqual(caught.exception.retry_after, 1)
        self.verifier.answer()
        for each in asked:
            assert isinstance(each, Deferred)
            self.failureResultOf(each, AuthenticationRequired)
        self.assertEqual(self.locked("alice", "right", THERE), 60)

    def test_the_user_is_locked_out(self) -> None:
        """After as many failures, from wherever, even the right password has to wait until the first is old."""
        for number in range(3):
            self.denied("alice", "wrong", f"192.0.2.{10 + number}")
            self.clock.advance(1.0)
        self.assertEqual(self.locked("alice", "right"), 57)
        self.passes("bob", "sesame")
        self.clock.advance(57.0)
        self.passes("alice", "right")

    def test_users_who_do_not_exist_are_locked_out_too(self) -> None:
        """The answer does not tell whether there is such a user."""
        for number in range(3):
            self.denied("nobody", "wrong", f"192.0.2.{10 + number}")
        self.assertEqual(self.locked("nobody", "wrong"), 60)

    def test_a_success_forgives(self) -> None:
        """Failures before the right password do not count any more for the user, but for the address."""
        self.denied("alice", "wrong")
        self.denied("alice", "wrong")
        self.passes("alice", "right")
        self.denied("alice", "wrong")
        self.assertEqual(self.locked("alice", "right"), 60)
        self.passes("alice", "right", THERE)

    def test_the_address_is_locked_out(self) -> None:
        """Whoever tries many users is locked out, with what was remembered too; others are not."""
        self.passes("alice", "right")
        for name in ("a", "b", "c"):
            self.denied(name, "wrong")
        self.assertEqual(self.locked("alice", "right"), 60)
        self.passes("alice", "right", THERE)

    def test_networks_of_ipv6(self) -> None:
        """Of IPv6 the /64 is locked out, because one client has all of it."""
        for number in range(3):
            self.denied(f"user{number}", "wrong", f"2001:db8::{number}")
        self.locked("bob", "sesame", "2001:db8::ffff")
        self.passes("bob", "sesame", "2001:db8:0:1::1")

    def test_remembered_while_others_guess(self) -> None:
        """A user who was let in a while ago goes on while somebody elsewhere has locked the name out."""
        self.passes("alice", "right")
        for _ in range(3):
            self.denied("alice", "wrong", THERE)
        self.passes("alice", "right")

    def test_tries_while_locked_out_count_for_the_address(self) -> None:
        """Nobody can find out by guessing on what is remembered for the same address."""
        self.passes("alice", "right")
        for number in range(3):
            self.denied("alice", "wrong", f"192.0.2.{10 + number}")
        for _ in range(3):
            self.locked("alice", "guess")
        self.locked("alice", "right")

    def test_exempt_addresses(self) -> None:
        """An address behind which many stand is not locked out, but users are, also if they are remembered."""
        self.auth = self.make(lockout_exempt=(ip_network(f"{HERE}/32"),))
        self.passes("alice", "right")
        for name in ("a", "b", "c", "d"):
            self.denied(name, "wrong")
        self.passes("alice", "right")
        for _ in range(3):
            self.denied("alice", "wrong")
        self.locked("alice", "right")

    def test_no_lockout(self) -> None:
        """With `lockout = off` everybody may go on."""
        self.auth = self.make(lockout=None)
        for _ in range(20):
            self.denied("alice", "wrong")
        self.passes("alice", "right")

    def test_a_client_that_leaves(self) -> None:
        """Its password is compared all the same, and counts: leaving early makes no guess free."""
        for number in range(3):
            asked = self.auth.check(basic("alice", f"guess{number}"), HERE)
            assert isinstance(asked, Deferred)
            asked.cancel()
            self.failureResultOf(asked, CancelledError)
            self.verifier.answer()
        self.locked("alice", "right", THERE)

    def test_one_of_two_leaves(self) -> None:
        """The other one gets its answer."""
        first, second = (self.auth.check(basic("alice", "right"), HERE) for _ in range(2))
        assert isinstance(first, Deferred) and isinstance(second, Deferred)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.verifier.answer()
        self.assertEqual(self.successResultOf(second).name, "alice")

    def test_nobody_can_say(self) -> None:
        """A verifier that fails is no failure of the client, and its words are not shown."""
        for _ in range(4):
            asked = self.auth.check(basic("alice", "right"), HERE)
            assert isinstance(asked, Deferred)
            self.verifier.fail(ValueError("no database"))
            error = self.failureResultOf(asked, RelayError).value
            self.assertEqual((error.status, "database" in str(error)), (500, False))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 4)
        self.assertEqual(self.auth.counts["busy"], 4)
        self.passes("alice", "right")

    def test_stop(self) -> None:
        """Who waits when relay stops is told so."""
        asked = self.auth.check(basic("alice", "right"), HERE)
        assert isinstance(asked, Deferred)
        self.auth.stop()
        self.failureResultOf(asked, ShuttingDown)

    def test_the_log(self) -> None:
        """It says who is locked out, but not names that nobody has: they may be passwords; and never a password."""
        with capturedLogs() as events:
            for name in ("alice", "s3cret-in-the-wrong-box"):
                for number in range(5):
                    self.ask(name, "hush", f"198.51.100.{number}").addErrback(lambda _: None)
        said = " ".join(formatEvent(event) for event in events)
        self.assertIn("locks out user alice", said)
        self.assertIn("locks out a user who does not exist", said)
        for secret in ("s3cret", "hush"):
            self.assertNotIn(secret, said + repr(vars(self.auth)))
