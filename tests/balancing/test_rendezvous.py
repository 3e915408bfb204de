"""The map of `hash KEY`."""

from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from math import log
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import Member, an_exchange, many, mapping, policy_of, tell, with_key
from twisted_relay.balancing.by_key import Weighted
from twisted_relay.balancing.keys import key_hash
from twisted_relay.balancing.rendezvous import SLOTS, Rendezvous, _odd

KEYS = [f"key{number}" for number in range(3_000)]


def weighted(servers: Iterable[Member]) -> list[Weighted]:
    """Servers with their weights."""
    return [(server, server.weight) for server in servers]


def ranking(servers: Iterable[Member], key: str) -> list[Member]:
    """What the definition says: the scores −w / ln(u) of all servers, the highest first."""
    factor = _odd(b"%d" % (key_hash(key.encode()) * SLOTS >> 64))

    def score(server: Member) -> float:
        number = _odd(server.name.encode()) * factor % 2**64
        return -server.weight / log((number // 2048 | 1) / 2**53)

    return sorted(servers, key=score, reverse=True)


class RendezvousTests(SynchronousTestCase):
    """Rendezvous hashing."""

    def test_the_definition(self) -> None:
        """The order of candidates is that of the scores of all servers."""
        for weights in ((1,), (7,), (1, 2, 5), range(1, 257)):
            servers = many(40, weights)
            policy = policy_of("hash header:X-Key")
            tell(policy, servers)
            for key in KEYS[:100]:
                self.assertEqual(list(policy.candidates(with_key(key)))[:30], ranking(servers, key)[:30], weights)

    def test_changes_are_made_good(self) -> None:
        """After any comings, goings and changes of weight, what is remembered is what would be computed anew."""
        random = Random(1)
        servers = many(60, (1, 2))
        rendezvous = Rendezvous()
        here = set(servers[:30])
        for _ in range(300):
            for server in random.sample(servers, random.choice((0, 1, 1, 1, 2, 40))):
                if random.random() < 0.3:
                    server.weight = random.randrange(1, 5)
                here ^= {server}
            rendezvous.become(weighted(here))
            for key in random.sample(KEYS[:40], 10):
                found = [server for server, _ in zip(rendezvous.ranked(key.encode()), range(5), strict=False)]
                self.assertEqual(found, ranking(here, key)[:5])

    def test_only_the_keys_of_who_leaves_move(self) -> None:
        """Of 1,000 servers one leaves: its keys move and no other; it returns, and so do they. The same by weight."""
        for weights in ((1,), (1, 2, 3)):
            servers = many(1000, weights)
            policy = policy_of("hash path")
            tell(policy, servers)
            before = mapping(policy, KEYS)
            gone = next(server for server in servers if server.name == before[KEYS[0]])
            tell(policy, [server for server in servers if server is not gone])
            after = mapping(policy, KEYS)
            self.assertEqual(
                {key for key in KEYS if before[key] != after[key]}, {k for k in KEYS if before[k] == gone.name}
            )
            tell(policy, servers)
            self.assertEqual(mapping(policy, KEYS), before)

    def test_who_joins_takes_its_part(self) -> None:
        """Keys that move when one server joins move to it, and they are about its part of all slots."""
        servers = many(21)
        rendezvous = Rendezvous()
        owners = []
        for group in (servers[:20], servers):
            rendezvous.become(weighted(group))
            owners.append([next(rendezvous.ranked(b"%d" % number)) for number in range(20_000)])
        moved = [after for before, after in zip(*owners, strict=True) if before is not after]
        self.assertEqual(set(moved), {servers[20]})
        self.assertLess(abs(len(moved) / 20_000 * 21 - 1), 0.15)

    def test_a_weight_that_grows(self) -> None:
        """Takes keys from others and changes nothing between them."""
        servers = many(30)
        policy = policy_of("hash path")
        tell(policy, servers)
        before = mapping(policy, KEYS)
        servers[3].weight = 2
        tell(policy, servers)
        after = mapping(policy, KEYS)
        self.assertEqual({after[key] for key in KEYS if before[key] != after[key]}, {servers[3].name})

    def test_an_outage_moves_the_same_keys(self) -> None:
        """Whether servers are down or have left is one for the keys."""
        servers = many(100)
        down, left = policy_of("hash path"), policy_of("hash path")
        down.update(servers, servers[::3])
        tell(left, servers[::3])
        self.assertEqual(mapping(down, KEYS), mapping(left, KEYS))

    def test_balance(self) -> None:
        """Over all slots no server of 100 has more than 1.15 or less than 0.85 of its part: four deviations."""
        rendezvous = Rendezvous()
        rendezvous.become(weighted(many(100)))
        next(rendezvous.ranked(b""))
        parts = Counter(rendezvous._rank(slot, 0)[0].server for slot in range(SLOTS))
        self.assertEqual(len(parts), 100)
        self.assertLess(max(parts.values()) * 100 / SLOTS, 1.15)
        self.assertGreater(min(parts.values()) * 100 / SLOTS, 0.85)

    def test_weights(self) -> None:
        """Parts of slots follow weights."""
        rendezvous = Rendezvous()
        rendezvous.become(weighted(many(4, (1, 2, 5, 256))))
        next(rendezvous.ranked(b""))
        parts = Counter(rendezvous._rank(slot, 0)[0].weight for slot in range(SLOTS))
        for weight, count in parts.items():
            self.assertLess(abs(count / SLOTS / (weight / 264) - 1), 0.25, weight)

    def test_similar_keys_are_spread(self) -> None:
        """Numbers in a row, of any length, meet all servers about equally."""
        servers = many(10)
        policy = policy_of("hash path")
        tell(policy, servers)
        for template in ("%d", "user%08d", "/api/v1/tenants/%d/items", "%x-aaaa"):
            counts = Counter(mapping(policy, (template % number for number in range(10_000))).values())
            self.assertLess(max(counts.values()), 1200, template)
            self.assertGreater(min(counts.values()), 800, template)

    def test_steady_state(self) -> None:
        """A slot that is known is not ranked again, whether servers go down, come back, leave or join."""
        servers = many(200)
        policy = policy_of("hash path")
        tell(policy, servers)
        mapping(policy, KEYS)
        ranked = 0
        rank = Rendezvous._rank

        def counting(self: Rendezvous, slot: int, known: int) -> object:
            nonlocal ranked
            ranked += 1
            return rank(self, slot, known)

        self.patch(Rendezvous, "_rank", counting)
        for usable in (servers[1:], servers, servers[:100]):
            policy.update(servers, usable)
            mapping(policy, KEYS)
        down = ranked
        for gone in servers[:30]:
            tell(policy, [server for server in servers if server is not gone])
            tell(policy, servers)
        mapping(policy, KEYS)
        self.assertLess(down, 0.4 * len(KEYS))  # a quarter: both that are remembered are down
        self.assertLess(ranked - down, 0.2 * len(KEYS))

    def test_few_servers_need_little(self) -> None:
        """Rankings of a small group are shared by its slots."""
        rendezvous = Rendezvous()
        rendezvous.become(weighted(many(4)))
        for number in range(2000):
            next(rendezvous.ranked(b"%d" % number))
        self.assertLessEqual(len({id(best) for best in rendezvous._slots}), 1 + 4 * 3)

    def test_a_copy_is_the_same(self) -> None:
        """Who copies a policy to look ahead need not copy its table."""
        rendezvous = Rendezvous()
        self.assertIs(deepcopy(rendezvous), rendezvous)

    def test_fixed(self) -> None:
        """Another start, version or machine gives the same servers."""
        policy = policy_of("hash client-ip")
        tell(policy, many(10))
        chosen = [next(policy.candidates(an_exchange(client=f"192.0.2.{n}"))).name[7] for n in range(20)]
        self.assertEqual("".join(chosen), "86068056865282311350")
