"""What every policy in the table promises to the backend."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import an_exchange, members, tell
from twisted_relay.balancing import POLICIES, make_policy
from twisted_relay.config.balance import POLICY_NAMES
from twisted_relay.config.values import BalanceSpec

#: Weights of the servers, in file order.
GROUPS: tuple[dict[str, int], ...] = (
    {"a": 1},
    {"a": 1, "b": 1},
    {"a": 5, "b": 1, "c": 1},
    {"a": 256, "b": 1, "c": 256, "d": 3},
    {f"s{number}": 1 + number % 3 for number in range(20)},
)


class ContractTests(SynchronousTestCase):
    """The promises of `balancing.policy`, kept by each policy."""

    def test_the_configuration_names_the_policies(self) -> None:
        """What `balance =` takes is what there is."""
        self.assertEqual(sorted(POLICY_NAMES), sorted(POLICIES))

    def test_all_servers_each_once(self) -> None:
        """An exchange that is tried again and again meets every server, and none twice."""
        for name in POLICIES:
            for weights in GROUPS:
                policy = make_policy(BalanceSpec(name), Random(1).random, lambda: 1000.0)
                tell(policy, members(**weights))
                for _ in range(30):
                    met = [server.name for server in policy.candidates(an_exchange())]
                    self.assertEqual(sorted(met), sorted(weights), name)

    def test_none_twice_while_others_choose_too(self) -> None:
        """A retry does not come back to the server that has failed, whatever other exchanges chose meanwhile."""
        for name in POLICIES:
            for weights in GROUPS:
                for between in range(4):
                    policy = make_policy(BalanceSpec(name), Random(1).random, lambda: 1000.0)
                    tell(policy, members(**weights))
                    met = []
                    for server in policy.candidates(an_exchange()):
                        met.append(server.name)
                        for _ in range(between):
                            next(policy.candidates(an_exchange()))
                    self.assertEqual(sorted(met), sorted(weights), f"{name}, {between} between")

    def test_every_server_gets_some(self) -> None:
        """No server with a weight is left without work."""
        for name in POLICIES:
            for weights in GROUPS:
                policy = make_policy(BalanceSpec(name), Random(1).random, lambda: 1000.0)
                tell(policy, members(**weights))
                chosen = {next(policy.candidates(an_exchange())).name for _ in range(4 * sum(weights.values()))}
                self.assertEqual(chosen, set(weights), name)

    def test_nobody_is_left(self) -> None:
        """Without servers there are no candidates: before the first update and after the last has gone."""
        for name in POLICIES:
            policy = make_policy(BalanceSpec(name), Random(1).random, lambda: 1000.0)
            self.assertEqual(list(policy.candidates(an_exchange())), [], name)
            tell(policy, members(a=1, b=2))
            tell(policy, [])
            self.assertEqual(list(policy.candidates(an_exchange())), [], name)

    def test_only_those_of_the_last_update(self) -> None:
        """A server that has left is not chosen any more; one that has come is."""
        for name in POLICIES:
            policy = make_policy(BalanceSpec(name), Random(1).random, lambda: 1000.0)
            for weights in ({"a": 1, "b": 1, "c": 1}, {"b": 1, "c": 2}, {"c": 1, "d": 1}, {"a": 7}):
                tell(policy, members(**weights))
                for _ in range(5):
                    met = {server.name for server in policy.candidates(an_exchange())}
                    self.assertEqual(met, set(weights), name)

    def test_a_change_during_a_choice(self) -> None:
        """A server leaving between two tries of an exchange breaks nothing, and none is met twice."""
        for name in POLICIES:
            policy = make_policy(BalanceSpec(name), Random(1).random, lambda: 1000.0)
            tell(policy, members(a=1, b=1, c=1))
            candidates = policy.candidates(an_exchange())
            met = [next(candidates).name]
            tell(policy, members(b=1, c=5))
            met += [server.name for server in candidates]
            self.assertEqual(len(met), len(set(met)), f"{name}: {met}")
