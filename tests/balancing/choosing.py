"""What the tests of policies share: servers as a policy sees them, and choices."""

from collections.abc import Sequence
from dataclasses import dataclass

from twisted_relay.balancing.policy import FULL_SHARE, Candidate, Policy
from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Request


@dataclass
class Member:
    """A server of which only the policy's questions can be asked."""

    name: str
    weight: int = 1
    active_requests: int = 0

    @property
    def share(self) -> int:
        """See `Candidate`."""
        return self.weight * FULL_SHARE


def members(**weights: int) -> list[Member]:
    """Servers by name and weight, in file order."""
    return [Member(name, weight) for name, weight in weights.items()]


def tell(policy: Policy, servers: Sequence[Candidate]) -> None:
    """Tell a policy of these servers, all of which are usable."""
    policy.update(servers, servers)


def an_exchange(target: bytes = b"/") -> Exchange:
    """A GET of this target."""
    return Exchange(Request(b"GET", target, Fields()), Origin("192.0.2.1", b"http", 80, b""), 1.0)


def choices(policy: Policy, count: int) -> str:
    """The first choice for each of so many exchanges."""
    return " ".join(next(policy.candidates(an_exchange())).name for _ in range(count))
