"""What all policies by key have in common."""

from collections import deque
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import Member, an_exchange, choose, load, many, mapping, policy_of, tell, with_key

MAPS = ("hash header:X-Key", "hash header:X-Key ring=ketama", "maglev header:X-Key")
KEYS = [f"key{number}" for number in range(1000)]


class ByKeyTests(SynchronousTestCase):
    """Keys, bounds and fallbacks."""

    def test_one_key_one_server(self) -> None:
        """All requests of a key go to one server, whatever its load; different keys to different ones."""
        for text in MAPS:
            policy = policy_of(text)
            tell(policy, many(10))
            for key in KEYS[:20]:
                self.assertEqual(len({choose(policy, with_key(key)) for _ in range(10)}), 1, text)
            self.assertEqual(len(set(mapping(policy, KEYS).values())), 10, text)

    def test_networks(self) -> None:
        """With `ip-hash` neighbours of one /24 share a server."""
        policy = policy_of("ip-hash")
        tell(policy, many(50))
        for network in range(20):
            clients = [an_exchange(client=f"192.0.{network}.{host}") for host in (1, 7, 200)]
            self.assertEqual(len({next(policy.candidates(client)) for client in clients}), 1)

    def test_keys_come_back(self) -> None:
        """Keys of a server that was down return with it."""
        for text in MAPS:
            servers = many(10)
            policy = policy_of(text)
            tell(policy, servers)
            before = mapping(policy, KEYS)
            policy.update(servers, servers[:5])
            away = mapping(policy, KEYS)
            moved = {key for key in KEYS if before[key] != away[key]}
            self.assertEqual(moved, {key for key in KEYS if before[key] in {each.name for each in servers[5:]}}, text)
            policy.update(servers, servers)
            self.assertEqual(mapping(policy, KEYS), before, text)

    def test_without_a_key(self) -> None:
        """The fallback chooses, at random if nothing is said; an empty key is none."""
        for text in MAPS:
            for lines in ([], [b"X-Key:"]):
                servers = many(3)
                policy = policy_of(f"{text} fallback=round-robin")
                tell(policy, servers)
                chosen = [next(policy.candidates(an_exchange(fields=lines))) for _ in range(6)]
                self.assertEqual(chosen, servers * 2, text)
                policy = policy_of(text)
                tell(policy, servers)
                chosen = [next(policy.candidates(an_exchange(fields=lines))) for _ in range(60)]
                self.assertEqual(set(chosen), set(servers), text)

    def test_the_fallback_sees_all_load(self) -> None:
        """Requests with a key count for those without: they go where there are fewest."""
        for text in MAPS:
            for bound in ("", " bound=10000%"):
                servers = many(3)
                policy = policy_of(f"{text}{bound} fallback=least-connections")
                tell(policy, servers)
                busy = choose(policy, with_key("k"))
                for _ in range(5):
                    load(policy, busy, 1)
                chosen = {choose(policy, an_exchange()) for _ in range(4)}
                self.assertEqual(chosen, set(servers) - {busy}, text)

    def test_bounded_load(self) -> None:
        """With one hot key no server ever has more than its part of all requests times the bound."""
        random = Random(1)
        for text in MAPS:
            for percent in (100, 125, 200):
                servers = many(10)
                policy = policy_of(f"{text} bound={percent}%")
                tell(policy, servers)
                working: deque[Member] = deque()
                for _ in range(2000):
                    working.append(choose(policy, with_key("hot" if random.random() < 0.7 else str(random.random()))))
                    slots = -(-len(working) * percent // 100)
                    self.assertLessEqual(working[-1].active_requests, -(-slots // 10), f"{text} {percent}")
                    if len(working) > 100:
                        load(policy, working.popleft(), -1)

    def test_a_bound_moves_only_what_is_too_much(self) -> None:
        """Keys stay where they belong as long as their server has a slot."""
        for text in MAPS:
            servers = many(10)
            policy, free = policy_of(f"{text} bound=150%"), policy_of(text)
            tell(policy, servers)
            tell(free, servers)
            for server in servers:
                for _ in range(10):
                    load(policy, server, 1)
            self.assertEqual(mapping(policy, KEYS), mapping(free, KEYS), text)
            full = next(free.candidates(with_key("k")))
            assert isinstance(full, Member)
            for _ in range(10):
                load(policy, full, 1)
            self.assertEqual(list(policy.candidates(with_key("k")))[-1], full, text)
            self.assertEqual(
                list(policy.candidates(with_key("k")))[:3], list(free.candidates(with_key("k")))[1:4], text
            )

    def test_nothing_is_built_for_outages(self) -> None:
        """The map hears only of members and their weights."""
        for text in MAPS:
            servers = many(3)
            policy = policy_of(text)
            heard: list[object] = []
            self.patch(policy._map, "become", heard.append)  # type: ignore[attr-defined]
            tell(policy, servers)
            policy.update(servers, servers[1:])
            servers[0].slowness = 5
            tell(policy, servers)
            self.assertEqual(len(heard), 1)
            servers[0].weight = 2
            tell(policy, servers)
            tell(policy, servers[1:])
            self.assertEqual(len(heard), 3)
