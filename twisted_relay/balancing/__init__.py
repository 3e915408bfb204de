"""The balancing policies, by their names in `balance =`."""

from collections.abc import Callable

from twisted_relay.balancing.at_random import AtRandom
from twisted_relay.balancing.by_key import ByKey, KeyMap
from twisted_relay.balancing.first import First
from twisted_relay.balancing.ketama import Ketama
from twisted_relay.balancing.keys import key_reader
from twisted_relay.balancing.least_connections import LeastConnections
from twisted_relay.balancing.least_time import LeastTime
from twisted_relay.balancing.maglev import Maglev
from twisted_relay.balancing.policy import Now, Policy, Random
from twisted_relay.balancing.random_two import RandomTwo
from twisted_relay.balancing.rendezvous import Rendezvous
from twisted_relay.balancing.round_robin import RoundRobin
from twisted_relay.config.values import BalanceSpec


def _by_key(key_map: KeyMap, spec: BalanceSpec, random: Random, now: Now) -> Policy:
    fallback = make_policy(BalanceSpec(spec.fallback), random, now)
    return ByKey(key_map, key_reader(spec), spec.bound, fallback)


def _by_ring(spec: BalanceSpec, random: Random, now: Now) -> Policy:
    return _by_key(Ketama() if spec.ring == "ketama" else Rendezvous(), spec, random, now)


POLICIES: dict[str, Callable[[BalanceSpec, Random, Now], Policy]] = {
    "round-robin": lambda spec, random, now: RoundRobin(),
    "random": lambda spec, random, now: AtRandom(random),
    "random-two": lambda spec, random, now: RandomTwo(random),
    "least-connections": lambda spec, random, now: LeastConnections(),
    "least-time": lambda spec, random, now: LeastTime(random, now),
    "first": lambda spec, random, now: First(),
    "ip-hash": _by_ring,
    "hash": _by_ring,
    "maglev": lambda spec, random, now: _by_key(Maglev(), spec, random, now),
}


def make_policy(spec: BalanceSpec, random: Random, now: Now) -> Policy:
    """The policy that `balance` names."""
    return POLICIES[spec.policy](spec, random, now)
