"""The policy `random`."""

from collections import Counter
from math import sqrt

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import an_exchange, many, policy_of, tell
from twisted_relay.balancing.policy import Candidate


class AtRandomTests(SynchronousTestCase):
    """Draws by weight."""

    def test_shares(self) -> None:
        """Each server gets its part, within six standard deviations of a binomial distribution."""
        servers = many(4, (1, 2, 3, 10))
        policy = policy_of("random")
        tell(policy, servers)
        count = 20_000
        chosen = Counter(next(policy.candidates(an_exchange())) for _ in range(count))
        for server in servers:
            part = server.weight / 16
            self.assertLess(abs(chosen[server] - count * part), 6 * sqrt(count * part * (1 - part)))

    def test_no_pattern(self) -> None:
        """Two relays with the same servers do not take the same turns."""
        orders = set()
        for seed in range(10):
            policy = policy_of("random", seed)
            tell(policy, many(10))
            orders.add(tuple(next(policy.candidates(an_exchange())).name for _ in range(10)))
        self.assertEqual(len(orders), 10)

    def test_retries_spread(self) -> None:
        """What a failing server leaves undone goes to all others."""
        servers = many(5)
        policy = policy_of("random")
        tell(policy, servers)
        second: Counter[Candidate] = Counter()
        for _ in range(4000):
            first, retry, *_ = policy.candidates(an_exchange())
            if first is servers[0]:
                second[retry] += 1
        self.assertEqual(set(second), set(servers[1:]))
        self.assertGreater(min(second.values()), 0.5 * max(second.values()))
