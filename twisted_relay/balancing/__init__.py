"""The balancing policies, by their names in `balance =`."""

from collections.abc import Callable

from twisted_relay.balancing.policy import Policy
from twisted_relay.balancing.round_robin import RoundRobin

POLICIES: dict[str, Callable[[], Policy]] = {
    "round-robin": RoundRobin,
}
