"""The order in which `round-robin` takes servers."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import an_exchange, choices, many, members, tell
from twisted_relay.balancing.policy import Candidate
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


class AsNginx:
    """The algorithm as nginx has it, asking every server each time."""

    def __init__(self) -> None:
        self._servers: Sequence[Candidate] = ()
        self._credit: dict[Candidate, int] = {}

    def update(self, servers: Sequence[Candidate]) -> None:
        """From now on it is these; who stays keeps its credit."""
        self._servers = servers
        self._credit = {server: self._credit.get(server, 0) for server in servers}

    def candidates(self) -> Iterator[Candidate]:
        """One exchange's choices: those tried are passed over."""
        left = list(self._servers)
        while left:
            for server in left:
                self._credit[server] += server.share
            best = max(left, key=lambda server: self._credit[server])  # the first of equals
            self._credit[best] -= sum(server.share for server in left)
            left.remove(best)
            yield best


weights = st.lists(st.integers(1, 6), min_size=1, max_size=8)
tries = st.lists(st.integers(1, 3), min_size=1, max_size=40)


class RoundRobinTests(SynchronousTestCase):
    """Smooth weighted round robin."""

    def test_orders(self) -> None:
        """Servers come in turn, in proportion to their weights and evenly spread."""
        for group, expected in ORDERS:
            policy = RoundRobin()
            tell(policy, members(**group))
            self.assertEqual(choices(policy, len(expected.split())), expected, group)

    @given(weights, tries)
    def test_the_order_is_that_of_nginx(self, group: list[int], tried: list[int]) -> None:
        """Whatever the weights, and however often exchanges try again, the order is that of asking every server."""
        servers = many(len(group), group)
        policy, model = RoundRobin(), AsNginx()
        tell(policy, servers)
        model.update(servers)
        for count in tried:
            ours = [server.name for server in islice(policy.candidates(an_exchange()), count)]
            theirs = [server.name for server in islice(model.candidates(), count)]
            self.assertEqual(ours, theirs)

    @given(st.lists(st.tuples(st.lists(st.integers(1, 6), min_size=6, max_size=6), st.integers(0, 20)), max_size=6))
    def test_weights_that_change(self, changes: list[tuple[list[int], int]]) -> None:
        """A new weight counts from the next choice and nobody's credit is lost, exactly as in nginx."""
        servers = many(6, (3, 1, 2))
        policy, model = RoundRobin(), AsNginx()
        for shares, count in changes:
            for server, weight in zip(servers, shares, strict=True):
                server.weight = weight
            if len(set(shares)) == 1:
                servers[0].weight += 1
            tell(policy, servers)
            model.update(servers)
            for _ in range(count):
                self.assertIs(next(policy.candidates(an_exchange())), next(model.candidates()))

    def test_shares(self) -> None:
        """Over a whole round each server is chosen as often as its weight says."""
        group = {"a": 256, "b": 100, "c": 1, "d": 17}
        policy = RoundRobin()
        tell(policy, members(**group))
        self.assertEqual(Counter(choices(policy, sum(group.values())).split()), group)

    def test_many_different_weights(self) -> None:
        """Also when nearly every server has a weight of its own each gets its part, evenly spread."""
        servers = many(100, range(1, 65))
        policy = RoundRobin()
        tell(policy, servers)
        total = sum(server.weight for server in servers)
        counts: Counter[Candidate] = Counter()
        for number in range(1, 2 * total + 1):
            counts[next(policy.candidates(an_exchange()))] += 1
            for server in servers[number % 31 :: 31]:
                self.assertLessEqual(abs(counts[server] - number * server.weight / total), 2.0)
        self.assertEqual(counts, {server: 2 * server.weight for server in servers})

    def test_weights_become_many_and_few_again(self) -> None:
        """Whose turn it is survives the change of the way in which turns are found."""
        servers = many(40, (2, 1))
        policy = RoundRobin()
        tell(policy, servers)
        counts: Counter[Candidate] = Counter()
        for step in range(6):
            for place, server in enumerate(servers):
                server.slowness = 1 + place if step % 2 else 1
            tell(policy, servers)
            part = sum(server.share for server in servers) // (7 * min(server.share for server in servers))
            counts.update(next(policy.candidates(an_exchange())) for _ in range(part))
            expected = Counter({server: part * server.share / sum(s.share for s in servers) for server in servers})
            for server in servers:
                self.assertLessEqual(abs(counts[server] - expected[server]), 2.0)
            counts.clear()

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
        a, b, c = members(a=1, b=1, c=1)
        policy = RoundRobin()
        tell(policy, [a, b, c])
        self.assertEqual(choices(policy, 4), "a b c a")
        policy.update([a, b, c], [a, c])
        self.assertEqual(choices(policy, 4), "c a c a")
        tell(policy, [a, b, c])
        self.assertEqual(Counter(choices(policy, 6).split()), {"a": 2, "b": 2, "c": 2})

    def test_a_change_elsewhere_does_not_disturb_the_order(self) -> None:
        """Being told of the same servers again, in the middle of a round, changes nothing."""
        policy = RoundRobin()
        servers = members(a=5, b=1, c=1)
        tell(policy, servers)
        before = choices(policy, 3)
        tell(policy, list(servers))
        self.assertEqual(f"{before} {choices(policy, 4)}", "a a b a c a a")

    def test_what_a_failing_server_leaves(self) -> None:
        """The work of a server that fails is spread over all others, not given to its neighbour."""
        for group in ({"a": 1, "b": 1, "c": 1, "d": 1}, {"a": 2, "b": 2, "c": 2, "d": 1}):
            servers = members(**group)
            policy = RoundRobin()
            tell(policy, servers)
            done = Counter(
                next(server.name for server in policy.candidates(an_exchange()) if server is not servers[0])
                for _ in range(300)
            )
            for server in servers[1:]:
                share = server.weight / (sum(group.values()) - group["a"])
                self.assertLess(abs(done[server.name] - 300 * share), 10, f"{group}: {done}")

    def test_many_servers_without_room(self) -> None:
        """An exchange that asks for all servers, none of which has room, charges only a few of them a turn."""
        servers = many(100)
        policy = RoundRobin()
        tell(policy, servers)
        self.assertEqual(set(policy.candidates(an_exchange())), set(servers))
        counts = Counter(choices(policy, 1000).split())
        self.assertEqual({counts[server.name] for server in servers} - {9, 10, 11}, set())
