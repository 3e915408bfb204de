"""The order in which `round-robin` takes servers."""

from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import an_exchange, choices, members, tell
from twisted_relay.balancing.round_robin import RoundRobin

#: (weights, the first choices). The second is the example in nginx's own source.
ORDERS = (
    ({"a": 1}, "a a a"),
    ({"a": 5, "b": 1, "c": 1}, "a a b a c a a a a b a c a a"),
    ({"a": 1, "b": 1, "c": 1}, "a b c a b c a"),
    ({"a": 7, "b": 7}, "a b a b"),
    ({"a": 2, "b": 1}, "a b a a b a"),
    ({"a": 1, "b": 2}, "b a b b a b"),
    ({"a": 3, "b": 2, "c": 1}, "a b a c b a"),
)


class RoundRobinTests(SynchronousTestCase):
    """Smooth weighted round robin."""

    def test_orders(self) -> None:
        """Servers come in turn, in proportion to their weights and evenly spread."""
        for weights, expected in ORDERS:
            policy = RoundRobin()
            tell(policy, members(**weights))
            self.assertEqual(choices(policy, len(expected.split())), expected, weights)

    def test_shares(self) -> None:
        """Over a whole round each server is chosen as often as its weight says."""
        weights = {"a": 256, "b": 100, "c": 1, "d": 17}
        policy = RoundRobin()
        tell(policy, members(**weights))
        self.assertEqual(Counter(choices(policy, sum(weights.values())).split()), weights)

    def test_a_weight_changes(self) -> None:
        """A new weight counts from the next choice."""
        servers = members(a=1, b=1)
        policy = RoundRobin()
        tell(policy, servers)
        self.assertEqual(choices(policy, 4), "a b a b")
        servers[0].weight = 3
        tell(policy, servers)
        self.assertEqual(Counter(choices(policy, 40).split()), {"a": 30, "b": 10})

    def test_weights_become_equal(self) -> None:
        """With equal weights again it is plain rotation."""
        servers = members(a=5, b=1)
        policy = RoundRobin()
        tell(policy, servers)
        choices(policy, 3)
        servers[0].weight = 1
        tell(policy, servers)
        self.assertIn(choices(policy, 6), ("a b a b a b", "b a b a b a"))

    def test_a_server_leaves_and_returns(self) -> None:
        """The others go on in turn, and who returns is in turn again."""
        policy = RoundRobin()
        tell(policy, members(a=1, b=1, c=1))
        self.assertEqual(choices(policy, 4), "a b c a")
        tell(policy, members(a=1, c=1))
        self.assertEqual(Counter(choices(policy, 4).split()), {"a": 2, "c": 2})
        tell(policy, members(a=1, b=1, c=1))
        self.assertEqual(Counter(choices(policy, 6).split()), {"a": 2, "b": 2, "c": 2})

    def test_a_change_elsewhere_does_not_disturb_the_order(self) -> None:
        """Being told of the same servers again, in the middle of a round, changes nothing."""
        policy = RoundRobin()
        tell(policy, members(a=5, b=1, c=1))
        before = choices(policy, 3)
        tell(policy, members(a=5, b=1, c=1))
        self.assertEqual(f"{before} {choices(policy, 4)}", "a a b a c a a")

    def test_what_a_failing_server_leaves(self) -> None:
        """The work of a server that fails is spread over all others, not given to its neighbour."""
        for weights in ({"a": 1, "b": 1, "c": 1, "d": 1}, {"a": 2, "b": 2, "c": 2, "d": 1}):
            policy = RoundRobin()
            tell(policy, members(**weights))
            done = Counter(
                next(server.name for server in policy.candidates(an_exchange()) if server.name != "a")
                for _ in range(90)
            )
            for name in "bcd":
                share = weights[name] / (sum(weights.values()) - weights["a"])
                self.assertEqual(done[name], 90 * share, f"{weights}: {done}")
