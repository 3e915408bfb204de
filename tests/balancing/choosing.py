"""What the tests of policies share: servers as a policy sees them, requests with a key, and choices."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from twisted_relay.balancing import make_policy
from twisted_relay.balancing.policy import FULL_SHARE, Candidate, Policy
from twisted_relay.config.balance import BALANCE
from twisted_relay.config.values import BalanceSpec
from twisted_relay.config.words import Span, Text, Value, Word
from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Request


@dataclass(eq=False)
class Member:
    """A server of which only the policy's questions can be asked."""

    name: str
    weight: int = 1
    active_requests: int = 0
    limit: int = 0
    """Requests that it takes at a time; 0 for any number."""
    slowness: int = 1
    """It has this part of its share: a server that is started slowly."""

    @property
    def share(self) -> int:
        """See `Candidate`."""
        return max(1, self.weight * FULL_SHARE // self.slowness)

    @property
    def has_room(self) -> bool:
        """See `Candidate`."""
        return not self.limit or self.active_requests < self.limit


def members(**weights: int) -> list[Member]:
    """Servers by name and weight, in file order."""
    return [Member(name, weight) for name, weight in weights.items()]


def many(count: int, weights: Sequence[int] = (1,)) -> list[Member]:
    """So many servers, named after addresses; the weights are given in turn."""
    return [Member(f"10.0.{n >> 8}.{n & 255}:8000", weights[n % len(weights)]) for n in range(count)]


def tell(policy: Policy, servers: Sequence[Candidate]) -> None:
    """Tell a policy of these servers, all of which are usable."""
    policy.update(servers, servers)


def spec_of(text: str) -> BalanceSpec:
    """What the configuration makes of `balance =` this."""
    line = Text.plain(text, Span("relay.ini", 1, 11))
    return BALANCE.read(Value(Word("balance", Span("relay.ini", 1, 1, 7)), (line,)))


def policy_of(text: str, seed: int = 1, now: float = 1000.0) -> Policy:
    """The policy that `balance =` this makes, with chance of its own, at a time that stands still."""
    return make_policy(spec_of(text), Random(seed).random, lambda: now)


def an_exchange(target: bytes = b"/", client: str = "192.0.2.1", fields: Iterable[bytes] = ()) -> Exchange:
    """A GET of this target with these field lines."""
    request = Request(b"GET", target, Fields(list(fields)))
    request.path, _, request.query = target.partition(b"?")
    return Exchange(request, Origin(client, b"http", 80, b""), 1.0)


def with_key(key: str) -> Exchange:
    """A request whose path and X-Key are this."""
    return an_exchange(b"/" + key.encode(), fields=[b"X-Key: " + key.encode()])


def choices(policy: Policy, count: int) -> str:
    """The first choice for each of so many exchanges."""
    return " ".join(next(policy.candidates(an_exchange())).name for _ in range(count))


def choose(policy: Policy, exchange: Exchange) -> Member:
    """The first choice, which gets the request."""
    server = next(policy.candidates(exchange))
    assert isinstance(server, Member)
    load(policy, server, 1)
    return server


def load(policy: Policy, server: Member, change: int) -> None:
    """A server has got a request, or ended one."""
    server.active_requests += change
    if policy.on_load is not None:
        policy.on_load(server, change)


def mapping(policy: Policy, keys: Iterable[str]) -> dict[str, str]:
    """The server of each key."""
    return {key: next(policy.candidates(with_key(key))).name for key in keys}
