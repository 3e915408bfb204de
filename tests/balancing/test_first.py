"""The policy `first`."""

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import an_exchange, choose, load, many, policy_of, tell


class FirstTests(SynchronousTestCase):
    """File order, as long as there is room."""

    def test_one_after_the_other(self) -> None:
        """A server gets requests until it is full, then the next does."""
        servers = many(3)
        for server in servers:
            server.limit = 2
        policy = policy_of("first")
        tell(policy, servers)
        self.assertEqual([choose(policy, an_exchange()) for _ in range(6)], [each for each in servers for _ in "12"])

    def test_room_again(self) -> None:
        """The first one that has room again is taken again."""
        servers = many(4)
        for server in servers:
            server.limit = 1
        policy = policy_of("first")
        tell(policy, servers)
        for _ in range(3):
            choose(policy, an_exchange())
        load(policy, servers[1], -1)
        self.assertIs(choose(policy, an_exchange()), servers[1])
        load(policy, servers[2], -1)
        load(policy, servers[0], -1)
        self.assertEqual([choose(policy, an_exchange()) for _ in range(3)], [servers[0], servers[2], servers[3]])

    def test_retries(self) -> None:
        """The next ones in file order; those without room come last."""
        servers = many(5)
        servers[0].limit = servers[1].limit = 1
        policy = policy_of("first")
        tell(policy, servers)
        for server in servers[:2]:
            load(policy, server, 1)
        order = [servers[place] for place in (2, 3, 4, 0, 1)]
        self.assertEqual(list(policy.candidates(an_exchange())), order)

    def test_no_limit(self) -> None:
        """Without limits the first server gets everything."""
        servers = many(2)
        policy = policy_of("first")
        tell(policy, servers)
        self.assertEqual({choose(policy, an_exchange()) for _ in range(100)}, {servers[0]})

    def test_full_ones_are_not_asked_each_time(self) -> None:
        """However many servers are full, a choice asks only for those that are not known to be."""
        asked = 0

        class Watched(type(many(1)[0])):  # type: ignore[misc]
            @property
            def has_room(self) -> bool:
                nonlocal asked
                asked += 1
                return bool(self.active_requests < 1)

        servers = [Watched(f"s{number}") for number in range(100)]
        policy = policy_of("first")
        tell(policy, servers)
        for _ in range(90):
            choose(policy, an_exchange())
        asked = 0
        self.assertIs(choose(policy, an_exchange()), servers[90])
        self.assertLessEqual(asked, 2)
