"""The usable servers, and those that an exchange has not met."""

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import many
from twisted_relay.balancing.group import Group
from twisted_relay.balancing.policy import Candidate


class GroupTests(SynchronousTestCase):
    """The rest of a choice."""

    def test_others(self) -> None:
        """File order from a place on and around, without those met."""
        servers = many(5)
        group = Group()
        group.become(servers)
        met: set[Candidate] = {servers[4]}
        self.assertEqual(list(group.others(met, 3)), [servers[place] for place in (3, 0, 1, 2)])
        self.assertEqual(met, set(servers))

    def test_who_leaves_meanwhile(self) -> None:
        """A server that is no longer usable is not handed out."""
        servers = many(3)
        group = Group()
        group.become(servers)
        others = group.others(set(), 0)
        self.assertIs(next(others), servers[0])
        group.become([servers[0], servers[2]])
        self.assertEqual(list(others), [servers[2]])

    def test_nobody(self) -> None:
        """An empty group has no others."""
        self.assertEqual(list(Group().others(set(), 0)), [])
