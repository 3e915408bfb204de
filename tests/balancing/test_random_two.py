"""The policy `random-two`."""

from collections.abc import Callable
from itertools import chain, repeat

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import an_exchange, choose, many, policy_of, tell
from twisted_relay.balancing.random_two import RandomTwo


def drawing(*numbers: float) -> Callable[[], float]:
    """Chance that gives these numbers."""
    given = chain(numbers, repeat(0.0))
    return lambda: next(given)


class RandomTwoTests(SynchronousTestCase):
    """The better of two."""

    def test_the_less_loaded_of_two(self) -> None:
        """a1·w2 < a2·w1 decides, whichever was drawn first; the other is the first retry."""
        for weights, active, better in (
            ((1, 1), (3, 2), 1),
            ((1, 1), (2, 3), 0),
            ((2, 1), (5, 3), 0),
            ((2, 1), (7, 3), 1),
            ((256, 1), (255, 1), 0),
        ):
            for numbers in ((0.0, 0.9999), (0.9999, 0.0)):
                servers = many(2, weights)
                for server, requests in zip(servers, active, strict=True):
                    server.active_requests = requests
                policy = RandomTwo(drawing(*numbers))
                tell(policy, servers)
                order = list(policy.candidates(an_exchange()))
                self.assertEqual(order, [servers[better], servers[1 - better]], f"{weights} {active}")

    def test_two_different_ones(self) -> None:
        """A server that is drawn twice is not compared with itself."""
        servers = many(3)
        servers[0].active_requests = 1
        policy = RandomTwo(drawing(0.0, 0.0, 0.5))
        tell(policy, servers)
        self.assertIs(next(policy.candidates(an_exchange())), servers[1])

    def test_load_is_nearly_even(self) -> None:
        """With thousands of requests in flight on 100 servers the fullest has hardly more than the average."""
        servers = many(100)
        policy = policy_of("random-two")
        tell(policy, servers)
        for _ in range(5000):
            choose(policy, an_exchange())
        self.assertLessEqual(max(server.active_requests for server in servers), 50 + 5)
        self.assertGreaterEqual(min(server.active_requests for server in servers), 50 - 8)
