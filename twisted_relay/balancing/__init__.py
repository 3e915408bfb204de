"""The balancing policies, by their names in `balance =`."""

from collections.abc import Callable

from twisted_relay.balancing.policy import Now, Policy, Random
from twisted_relay.balancing.round_robin import RoundRobin
from twisted_relay.config.values import BalanceSpec

POLICIES: dict[str, Callable[[BalanceSpec, Random, Now], Policy]] = {
    "round-robin": lambda spec, random, now: RoundRobin(),
}


def make_policy(spec: BalanceSpec, random: Random, now: Now) -> Policy:
    """The policy that `balance` names."""
    return POLICIES[spec.policy](spec, random, now)
