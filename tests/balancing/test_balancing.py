"""What every policy in the table promises to the backend."""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import Member, an_exchange, choose, load, many, members, policy_of, tell, with_key
from twisted_relay.balancing import POLICIES
from twisted_relay.balancing.policy import Policy
from twisted_relay.config.balance import POLICY_NAMES
from twisted_relay.exchange import Exchange

KEYS = ("header:X-Key", "cookie:session", "query:id", "path", "client-ip")
#: Every policy with every kind of key, and what else changes the way of a choice.
POLICY_TEXTS = (
    *(name for name in POLICIES if name not in ("hash", "maglev")),
    *(f"hash {key} ring={ring}" for key in KEYS for ring in ("rendezvous", "ketama")),
    *(f"maglev {key}" for key in KEYS),
    *(f"hash path bound=125% ring={ring}" for ring in ("rendezvous", "ketama")),
    "maglev path bound=100%",
    *(f"hash header:Missing fallback={name}" for name in POLICIES if name not in ("hash", "maglev", "ip-hash")),
)
#: Weights of the servers, in file order.
GROUPS: tuple[dict[str, int], ...] = (
    {"a": 1},
    {"a": 1, "b": 1},
    {"a": 5, "b": 1, "c": 1},
    {"a": 256, "b": 1, "c": 256, "d": 3},
    {f"s{number}": 1 + number % 3 for number in range(20)},
    {f"s{number}": 1 + number for number in range(20)},
)
#: Policies that do not spread requests over all servers as long as some are idle.
CONCENTRATING = ("first",)


def requests(seed: int, keyed: float = 0.9) -> Iterator[Exchange]:
    """Requests with all kinds of keys; this part of them."""
    random = Random(seed)
    while True:
        key = b"%d" % random.randrange(1 << 30)
        octets = [random.randrange(256) for _ in range(4)]
        yield an_exchange(
            b"/" + key + b"?id=" + key,
            ".".join(map(str, octets)) if random.random() < keyed else "",
            [b"X-Key: " + key, b"Cookie: a=b; session=" + key] if random.random() < keyed else [],
        )


class ContractTests(SynchronousTestCase):
    """The promises of `balancing.policy`, kept by each policy."""

    def each(self, check: Callable[[str, Policy, list[Member]], None]) -> None:
        """Check each policy over each group."""
        for text in POLICY_TEXTS:
            for weights in GROUPS:
                servers = members(**weights)
                policy = policy_of(text)
                tell(policy, servers)
                check(text, policy, servers)

    def test_the_configuration_names_the_policies(self) -> None:
        """What `balance =` takes is what there is."""
        self.assertEqual(sorted(POLICY_NAMES), sorted(POLICIES))

    def test_all_servers_each_once(self) -> None:
        """An exchange that is tried again and again meets every server, and none twice."""

        def check(text: str, policy: Policy, servers: list[Member]) -> None:
            for _, exchange in zip(range(20), requests(1), strict=False):
                met = [server.name for server in policy.candidates(exchange)]
                self.assertEqual(sorted(met), sorted(server.name for server in servers), text)

        self.each(check)

    def test_none_twice_while_others_choose_too(self) -> None:
        """A retry does not come back to the server that has failed, whatever other exchanges chose meanwhile."""

        def check(text: str, policy: Policy, servers: list[Member]) -> None:
            for between in range(4):
                asked = requests(between)
                met = []
                for server in policy.candidates(next(asked)):
                    met.append(server.name)
                    for _ in range(between):
                        choose(policy, next(asked))
                self.assertEqual(sorted(met), sorted(server.name for server in servers), f"{text}, {between} between")

        self.each(check)

    def test_every_server_gets_some(self) -> None:
        """No server with a weight is left without work when there is enough of it."""
        asked_for = list(islice(requests(2), 8000))

        def check(text: str, policy: Policy, servers: list[Member]) -> None:
            if (
                text.rpartition("=")[2] in CONCENTRATING
                or not servers[1:]
                or any(key in text for key in ("client-ip", "query", "cookie"))
            ):
                return
            asked = cycle(asked_for)
            working: deque[Member] = deque()
            chosen = set()
            total = sum(server.weight for server in servers)
            for _ in range(8 * total):
                server = choose(policy, next(asked))
                chosen.add(server)
                working.append(server)
                if len(working) > 2 * total:
                    load(policy, working.popleft(), -1)
            self.assertEqual(chosen, set(servers), text)

        self.each(check)

    def test_nobody_is_left(self) -> None:
        """Without servers there are no candidates: before the first update and after the last has gone."""
        for text in POLICY_TEXTS:
            policy = policy_of(text)
            self.assertEqual(list(policy.candidates(an_exchange())), [], text)
            tell(policy, members(a=1, b=2))
            self.assertEqual(len(list(policy.candidates(an_exchange()))), 2, text)
            tell(policy, [])
            self.assertEqual(list(policy.candidates(an_exchange())), [], text)

    def test_nobody_is_usable(self) -> None:
        """Members that are all down are no candidates."""
        for text in POLICY_TEXTS:
            policy = policy_of(text)
            policy.update(many(3), [])
            for _, exchange in zip(range(5), requests(3), strict=False):
                self.assertEqual(list(policy.candidates(exchange)), [], text)

    def test_only_those_of_the_last_update(self) -> None:
        """A server that has left is not chosen any more; one that has come is."""
        for text in POLICY_TEXTS:
            policy = policy_of(text)
            for weights in ({"a": 1, "b": 1, "c": 1}, {"b": 1, "c": 2}, {"c": 1, "d": 1}, {"a": 7}):
                tell(policy, members(**weights))
                for _, exchange in zip(range(5), requests(4), strict=False):
                    met = {server.name for server in policy.candidates(exchange)}
                    self.assertEqual(met, set(weights), text)

    def test_only_usable_ones(self) -> None:
        """Members that are not usable are passed over, and chosen again when they are."""
        random = Random(5)
        servers = many(12, (1, 2, 5))
        for text in POLICY_TEXTS:
            policy = policy_of(text)
            asked = requests(6)
            for _ in range(20):
                usable = [server for server in servers if random.random() < 0.4]
                policy.update(servers, usable)
                self.assertEqual(set(policy.candidates(next(asked))), set(usable), text)

    def test_a_change_during_a_choice(self) -> None:
        """A server leaving between two tries of an exchange breaks nothing: none is met twice, none that has left."""
        for text in POLICY_TEXTS:
            for stay in range(1, 12):
                policy = policy_of(text)
                servers = many(12, (1, 2, 5))
                tell(policy, servers)
                candidates = policy.candidates(with_key("k"))
                first = next(candidates)
                left = [server for server in servers if server is not first][stay:]
                policy.update(left, left)
                met = list(candidates)
                self.assertEqual(len(met), len(set(met)), text)
                self.assertEqual(set(met), set(left), text)

    def test_a_server_becomes_unusable_during_a_choice(self) -> None:
        """One that goes down between two tries is not tried any more."""
        for text in POLICY_TEXTS:
            for count in (2, 3, 5, 40):
                policy = policy_of(text)
                servers = many(count)
                tell(policy, servers)
                met = []
                usable = servers
                for server in policy.candidates(with_key("k")):
                    self.assertIn(server, usable, text)
                    met.append(server)
                    down = next((each for each in usable if each not in met), None)
                    usable = [each for each in usable if each is not down]
                    policy.update(servers, usable)
                self.assertEqual(len(met), (count + 1) // 2, text)

    def test_a_server_leaves_with_requests_in_flight(self) -> None:
        """Its requests end later, and what is left goes on as if it had never been."""
        for text in POLICY_TEXTS:
            policy = policy_of(text)
            servers = many(3)
            tell(policy, servers)
            for server in servers:
                load(policy, server, 1)
            tell(policy, servers[1:])
            load(policy, servers[0], -1)
            for server in servers[1:]:
                load(policy, server, -1)
            for _, exchange in zip(range(20), requests(7), strict=False):
                self.assertEqual(set(policy.candidates(exchange)), set(servers[1:]), text)
            if policy.on_answer is not None:
                policy.on_answer(servers[0], 1.0)
            tell(policy, servers)
            self.assertEqual(set(policy.candidates(with_key("k"))), set(servers), text)

    def test_shares_follow_slow_starts(self) -> None:
        """A server that is started slowly gets less, but for keys: these stay where they will belong."""
        for text in POLICY_TEXTS:
            if (
                text in ("ip-hash", *CONCENTRATING)
                or "client-ip" in text
                or "query" in text
                or "Missing" in text
                or "bound" in text
            ):
                continue
            by_key = text.startswith(("hash", "maglev"))
            before, after = policy_of(text), policy_of(text)
            servers = many(5)
            tell(before, servers)
            normal = self._counts(before, servers)
            servers[0].slowness = 20
            tell(after, servers)
            slow = self._counts(after, servers)
            if by_key:
                self.assertEqual(slow, normal, text)
            else:
                self.assertLess(slow[servers[0]], 0.4 * normal[servers[0]], text)

    def _counts(self, policy: Policy, servers: list[Member]) -> Counter[Member]:
        """How often each is chosen while there are 200 requests in flight."""
        for server in servers:
            server.active_requests = 0
        working: deque[Member] = deque()
        counts: Counter[Member] = Counter()
        for _, exchange in zip(range(2000), requests(8, 1.0), strict=False):
            server = choose(policy, exchange)
            counts[server] += 1
            working.append(server)
            if len(working) > 200:
                load(policy, working.popleft(), -1)
        return counts
