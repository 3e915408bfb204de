"""The policy `least-connections`."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import Member, an_exchange, choices, choose, load, many, members, policy_of, tell
from twisted_relay.balancing.least_connections import LeastConnections, load_of


class LeastConnectionsTests(SynchronousTestCase):
    """The fewest requests for the share."""

    def test_exact(self) -> None:
        """At every choice no server has less load than the one taken, whatever begins and ends meanwhile."""
        random = Random(1)
        for weights in ((1,), (1, 2, 5), range(1, 41)):
            servers = many(40, weights)
            policy = policy_of("least-connections")
            tell(policy, servers)
            working: list[Member] = []
            for _ in range(2000):
                best = min(load_of(server) for server in servers)
                server = next(policy.candidates(an_exchange()))
                self.assertEqual(load_of(server), best)
                working.append(choose(policy, an_exchange()))
                while working and random.random() < 0.49:
                    load(policy, working.pop(random.randrange(len(working))), -1)

    def test_weights(self) -> None:
        """(a + 1) / weight is compared: weights 2 and 1 get two requests and one."""
        policy = policy_of("least-connections")
        servers = members(a=2, b=1)
        tell(policy, servers)
        self.assertEqual("".join(choose(policy, an_exchange()).name for _ in range(8)), "abaabaab")
        self.assertEqual([server.active_requests for server in servers], [5, 3])

    def test_equals_take_turns(self) -> None:
        """One request at a time goes round; the server that has waited longest is next."""
        policy = policy_of("least-connections")
        tell(policy, members(a=1, b=1, c=1))
        order = []
        for _ in range(7):
            server = choose(policy, an_exchange())
            load(policy, server, -1)
            order.append(server.name)
        self.assertEqual("".join(order), "abcabca")

    def test_idle_ones_first(self) -> None:
        """A server without any request comes before one with little for its weight."""
        policy = policy_of("least-connections")
        a, b = members(a=256, b=1)
        tell(policy, [a, b])
        load(policy, a, 1)
        self.assertEqual(choices(policy, 1), "b")

    def test_retries(self) -> None:
        """The next least loaded, to the last."""
        policy = policy_of("least-connections")
        servers = many(9)
        tell(policy, servers)
        for requests, server in enumerate(reversed(servers)):
            for _ in range(requests):
                load(policy, server, 1)
        self.assertEqual(list(policy.candidates(an_exchange())), servers[::-1])

    def test_a_share_changes(self) -> None:
        """A server that is started slowly has its own measure from the next choice."""
        policy = policy_of("least-connections")
        a, b = members(a=1, b=1)
        a.slowness = 10
        tell(policy, [a, b])
        for _ in range(11):
            choose(policy, an_exchange())
        self.assertEqual((a.active_requests, b.active_requests), (1, 10))

    def test_old_entries_do_not_gather(self) -> None:
        """A day of requests leaves nothing behind."""
        policy = LeastConnections()
        servers = many(10)
        tell(policy, servers)
        for server in servers:
            load(policy, server, 5)
        for _ in range(1000):
            for server in servers:
                load(policy, server, 1)
                load(policy, server, -1)
        self.assertLessEqual(len(policy._heap), 2 * len(servers) + 65)
