"""Failures in a window that slides."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.auth.lockout import Lockout
from twisted_relay.config.values import LockoutSpec


class LockoutTests(SynchronousTestCase):
    """`Lockout`: three failures in ten seconds."""

    def setUp(self) -> None:
        """Nobody has failed."""
        self.lockout = Lockout(LockoutSpec(3, 10.0), most_keys=4)

    def test_the_window_slides(self) -> None:
        """Locked out while three failures lie within ten seconds, and told once."""
        self.assertEqual([self.lockout.add("a", now) for now in (0.0, 4.0, 8.0)], [False, False, True])
        self.assertEqual([self.lockout.left("a", now) for now in (8.0, 9.5, 10.0)], [2.0, 0.5, 0.0])
        self.assertEqual([self.lockout.room("a", now) for now in (8.0, 10.0, 14.0)], [0, 1, 2])
        self.assertTrue(self.lockout.add("a", 13.0))
        self.assertFalse(self.lockout.add("a", 13.5))

    def test_keys_are_apart(self) -> None:
        """One's failures are not another's; forgiven ones are gone."""
        for _ in range(3):
            self.lockout.add("a", 0.0)
        self.assertEqual((self.lockout.left("b", 0.0), self.lockout.room("b", 0.0)), (0.0, 3))
        self.lockout.forgive("a")
        self.lockout.forgive("never seen")
        self.assertEqual((self.lockout.left("a", 0.0), len(self.lockout)), (0.0, 0))

    def test_bounded(self) -> None:
        """Of too many keys those go that failed longest ago."""
        for key in "abcd":
            self.lockout.add(key, 0.0)
        self.lockout.add("a", 1.0)
        self.lockout.add("e", 2.0)
        self.assertEqual(len(self.lockout), 4)
        self.assertEqual([self.lockout.room(key, 2.0) for key in "abcde"], [1, 3, 2, 2, 2])
