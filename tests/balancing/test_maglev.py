"""The table of `maglev KEY`."""

from collections import Counter
from itertools import islice
from math import ceil, floor

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import many, mapping, policy_of, tell, with_key
from twisted_relay.balancing.maglev import ENTRIES, Maglev, fill, permutation_of, turns_of

KEYS = [f"key{number}" for number in range(20_000)]


class MaglevTests(SynchronousTestCase):
    """Maglev hashing."""

    def test_the_example_of_the_paper(self) -> None:
        """Table 1 of the paper: three servers, seven entries, before and after B1 has left."""
        b0, b1, b2 = (3, 4), (0, 2), (3, 1)
        for (offset, skip), column in (
            (b0, [3, 0, 4, 1, 5, 2, 6]),
            (b1, [0, 2, 4, 6, 1, 3, 5]),
            (b2, [3, 4, 5, 6, 0, 1, 2]),
        ):
            self.assertEqual([(offset + number * skip) % 7 for number in range(7)], column)
        self.assertEqual(fill([b0, b1, b2], turns_of([1, 1, 1]), 7), [1, 0, 1, 0, 2, 2, 0])
        self.assertEqual(fill([b0, b2], turns_of([1, 1]), 7), [0, 0, 0, 0, 1, 1, 1])

    def test_permutations(self) -> None:
        """The choices of a server name every entry once."""
        offset, skip = permutation_of("10.0.0.1:8000", ENTRIES)
        self.assertEqual(len({(offset + number * skip) % ENTRIES for number in range(ENTRIES)}), ENTRIES)

    def test_turns(self) -> None:
        """A server of weight 2 has two turns for one of another."""
        self.assertEqual(list(islice(turns_of([1, 1, 1]), 7)), [0, 1, 2, 0, 1, 2, 0])
        self.assertEqual(list(islice(turns_of([2, 1]), 6)), [0, 1, 0, 0, 1, 0])

    def test_even(self) -> None:
        """With equal weights the parts of the table differ by one entry."""
        for count in (1, 3, 100, 1000):
            parts = Counter(self.table(count, (1,)))
            self.assertEqual(set(parts.values()) - {floor(ENTRIES / count), ceil(ENTRIES / count)}, set())
            self.assertEqual(len(parts), count)

    def table(self, count: int, weights: tuple[int, ...]) -> list[int]:
        servers = many(count, weights)
        permutations = [permutation_of(server.name, ENTRIES) for server in servers]
        return fill(permutations, turns_of([server.weight for server in servers]), ENTRIES)

    def test_weights(self) -> None:
        """Parts are in proportion to weights, to two entries."""
        parts = Counter(self.table(10, (1, 2, 7, 30, 256)))
        for place, server in enumerate(many(10, (1, 2, 7, 30, 256))):
            self.assertLessEqual(abs(parts[place] - ENTRIES * server.weight / (2 * 296)), 2.0)

    def test_a_server_leaves(self) -> None:
        """Its keys move, and some others: hardly any of 10 servers, about six times as many of 1,000. It returns, and
        they do too."""
        for count, most in ((10, 1.3), (100, 2.5), (1000, 10.0)):
            servers = many(count)
            policy = policy_of("maglev path")
            tell(policy, servers)
            before = mapping(policy, KEYS)
            gone = servers[count // 2]
            tell(policy, [server for server in servers if server is not gone])
            after = mapping(policy, KEYS)
            moved = {key for key in KEYS if before[key] != after[key]}
            self.assertLessEqual({key for key in KEYS if before[key] == gone.name}, moved)
            self.assertLess(len(moved), most * len(KEYS) / count)
            tell(policy, servers)
            self.assertEqual(mapping(policy, KEYS), before)

    def test_an_outage(self) -> None:
        """While a server is down only its keys are elsewhere, spread over all others."""
        servers = many(20)
        policy = policy_of("maglev path")
        tell(policy, servers)
        before = mapping(policy, KEYS)
        policy.update(servers, servers[1:])
        after = mapping(policy, KEYS)
        self.assertEqual(
            {key for key in KEYS if before[key] != after[key]}, {k for k in KEYS if before[k] == servers[0].name}
        )
        heirs = Counter(after[key] for key in KEYS if before[key] != after[key])
        self.assertEqual(len(heirs), 19)
        self.assertLess(max(heirs.values()), 3 * min(heirs.values()))

    def test_retries(self) -> None:
        """After a server comes the one that has the key while it is down."""
        servers = many(20)
        policy = policy_of("maglev header:X-Key")
        tell(policy, servers)
        order = list(policy.candidates(with_key("k")))
        for place in range(5):
            policy.update(servers, [server for server in servers if server not in order[:place]])
            self.assertIs(next(policy.candidates(with_key("k"))), order[place])

    def test_the_order_of_the_file_does_not_matter(self) -> None:
        """Relays whose files list the servers in another order agree."""
        servers = many(50, (1, 2))
        one, other = policy_of("maglev path"), policy_of("maglev path")
        tell(one, servers)
        tell(other, servers[::-1])
        self.assertEqual(mapping(one, KEYS), mapping(other, KEYS))

    def test_filled_once(self) -> None:
        """Many changes before the next request cost one table."""
        maglev = Maglev()
        servers = many(5)
        for count in range(1, 6):
            maglev.become([(server, 1) for server in servers[:count]])
            self.assertEqual(maglev._table, [])
        next(maglev.ranked(b"k"))
        self.assertEqual(len(maglev._table), ENTRIES)
