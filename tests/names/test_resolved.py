"""Addresses that have been judged."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.names.resolved import Resolved


class ResolvedTests(SynchronousTestCase):
    """What stands for the resolver."""

    def test_always_the_same(self) -> None:
        """Whatever is asked for, the addresses are those that were judged."""
        found: list[tuple[str, ...]] = []
        names = Resolved(("10.0.0.1", "10.0.0.2"))
        for host in ("app", "localhost", "10.0.0.9"):
            names.addresses(host, found.append)
        self.assertEqual(found, [("10.0.0.1", "10.0.0.2")] * 3)
