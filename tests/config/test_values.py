"""The types of values, as they are shown and compared."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.tree import RouteOptions
from twisted_relay.config.values import Address, Location, UnixAddress


class ValueTests(SynchronousTestCase):
    """Small things that messages and reloads rely on."""

    def test_shown(self) -> None:
        """Addresses and places as they are written in files and messages."""
        for value, text in (
            (Address("127.0.0.1", 80), "127.0.0.1:80"),
            (Address("::1", 80), "[::1]:80"),
            (Address("", 80), ":80"),
            (UnixAddress("/run/a"), "unix:/run/a"),
            (Location("relay.ini", 2, 3), "relay.ini:2:3"),
        ):
            self.assertEqual(str(value), text)

    def test_the_same_elsewhere(self) -> None:
        """A section that only moved within its file is the same section."""
        self.assertEqual(
            RouteOptions(name="a", where=Location("x", 1, 1)), RouteOptions(name="a", where=Location("x", 9, 1))
        )
        self.assertNotEqual(RouteOptions(name="a"), RouteOptions(name="a", respond=200))
