"""The policy `least-time`."""

from math import exp
from random import Random

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import Member, an_exchange, load, many
from twisted_relay.balancing.least_time import FADING, FEW, UNKNOWN, LeastTime


class LeastTimeTests(SynchronousTestCase):
    """Estimates and choices."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.policy = LeastTime(Random(1).random, self.clock.seconds)

    def tell(self, servers: list[Member]) -> list[Member]:
        self.policy.update(servers, servers)
        return servers

    def answer(self, server: Member, seconds: float) -> None:
        assert self.policy.on_answer is not None
        self.policy.on_answer(server, seconds)

    def estimate(self, server: Member) -> float:
        return self.policy.estimate(server, self.clock.seconds())

    def test_peaks_count_at_once(self) -> None:
        """A slower answer than expected replaces the estimate."""
        a, _ = self.tell(many(2))
        self.assertEqual(self.estimate(a), UNKNOWN)
        self.answer(a, 0.5)
        self.assertEqual(self.estimate(a), 0.5)
        self.answer(a, 2.0)
        self.assertEqual(self.estimate(a), 2.0)

    def test_quick_answers_count_by_and_by(self) -> None:
        """An estimate goes towards quicker answers as time passes, not by their number."""
        a, _ = self.tell(many(2))
        self.answer(a, 2.0)
        for _ in range(100):
            self.answer(a, 0.1)
        self.assertEqual(self.estimate(a), 2.0)
        self.clock.advance(5)
        self.answer(a, 0.1)
        kept = exp(-5 / FADING)
        self.assertAlmostEqual(self.estimate(a), 2.0 * kept + 0.1 * (1 - kept))

    def test_an_estimate_fades(self) -> None:
        """Without answers a server that was slow becomes worth asking again."""
        a, _ = self.tell(many(2))
        self.answer(a, 2.0)
        self.clock.advance(FADING)
        self.assertAlmostEqual(self.estimate(a), 2.0 / exp(1))

    def test_a_broken_server_is_not_quick(self) -> None:
        """Told of failures with the time-out, the policy keeps away, and comes back after about a minute."""
        a, b = self.tell(many(2))
        self.answer(b, 0.05)
        self.answer(a, 60.0)
        self.assertEqual({self.choose() for _ in range(100)}, {b})
        for _ in range(30):
            self.clock.advance(5)
            self.answer(b, 0.05)
        self.assertIn(a, {self.choose() for _ in range(100)})

    def choose(self) -> Member:
        server = next(self.policy.candidates(an_exchange()))
        assert isinstance(server, Member)
        return server

    def test_few_are_all_compared(self) -> None:
        """Of a small group the best one is taken, every time; retries take the others in order."""
        servers = self.tell(many(FEW))
        for number, server in enumerate(servers):
            self.answer(server, 1.0 - number / 10)
        for _ in range(50):
            self.assertEqual(list(self.policy.candidates(an_exchange())), servers[::-1])

    def test_requests_in_flight(self) -> None:
        """Half the time is worth twice the requests."""
        a, b = self.tell(many(2))
        self.answer(a, 0.2)
        self.answer(b, 0.4)
        for _ in range(30):
            load(self.policy, self.choose(), 1)
        self.assertEqual((a.active_requests, b.active_requests), (20, 10))

    def test_weights(self) -> None:
        """Of equally quick servers one of weight 2 gets twice the requests."""
        a, b = self.tell(many(2, (2, 1)))
        for _ in range(30):
            load(self.policy, self.choose(), 1)
        self.assertEqual((a.active_requests, b.active_requests), (20, 10))

    def test_equals_take_turns(self) -> None:
        """Servers that nothing is known of are taken in turn."""
        servers = self.tell(many(3))
        self.assertEqual({self.choose() for _ in range(3)}, set(servers))

    def test_many(self) -> None:
        """Of a large group a slow server gets next to nothing: it would have to be drawn twice."""
        servers = self.tell(many(50))
        for server in servers:
            self.answer(server, 0.1)
        self.answer(servers[7], 5.0)
        chosen = [self.choose() for _ in range(2000)]
        self.assertNotIn(servers[7], chosen)
        self.assertEqual(len(set(chosen)), 49)

    def test_a_new_server(self) -> None:
        """Of one that has come the average of the others is expected, so it is neither flooded nor avoided."""
        servers = many(3)
        self.tell(servers[:2])
        self.answer(servers[0], 0.2)
        self.answer(servers[1], 0.4)
        self.tell(servers)
        self.assertAlmostEqual(self.estimate(servers[2]), 0.3)

    def test_one_that_was_out(self) -> None:
        """A server that was down is known when it comes back; one that has left is forgotten."""
        servers = self.tell(many(2))
        self.answer(servers[0], 3.0)
        self.policy.update(servers, servers[1:])
        self.tell(servers)
        self.assertEqual(self.estimate(servers[0]), 3.0)
        self.tell(servers[1:])
        self.answer(servers[0], 9.0)
        self.tell(servers)
        self.assertEqual(self.estimate(servers[0]), UNKNOWN)
