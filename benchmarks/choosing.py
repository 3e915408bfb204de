"""Print what choosing a server costs, in microseconds, with 2 to 1,000 servers: `python benchmarks/choosing.py`.

A choice is the first candidate for a request and what its policy is told of it: of the request that begins, of its
answer, and of its end. Requests have different keys, and a hundred of them are in flight.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twisted_relay.balancing import make_policy
from twisted_relay.balancing.policy import FULL_SHARE, Candidate, Policy
from twisted_relay.config.values import BalanceSpec
from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Request

COUNTS = (2, 10, 100, 1000)
ROUNDS = 5
CHOICES = 4_000
KEYS = 4_000
IN_FLIGHT = 100
WEIGHTS = {"equal weights": (1,), "weights 1 to 5": (1, 2, 3, 4, 5), "64 weights": tuple(range(1, 65))}


@dataclass(eq=False, slots=True)
class Server:
    """As much of a server as policies see."""

    name: str
    weight: int
    share: int
    active_requests: int = 0
    has_room: bool = True


def _by(policy: str, **settings: object) -> BalanceSpec:
    return BalanceSpec(policy, "header", "x-tenant", **settings)  # type: ignore[arg-type]


POLICIES = {
    "round-robin": BalanceSpec("round-robin"),
    "random": BalanceSpec("random"),
    "random-two": BalanceSpec("random-two"),
    "least-connections": BalanceSpec("least-connections"),
    "least-time": BalanceSpec("least-time"),
    "first": BalanceSpec("first"),
    "ip-hash": BalanceSpec("ip-hash"),
    "hash header": _by("hash"),
    "hash header bound=150%": _by("hash", bound=1.5),
    "hash header ring=ketama": _by("hash", ring="ketama"),
    "maglev header": _by("maglev"),
}


def exchanges() -> list[Exchange]:
    """Requests of as many tenants and clients, with the fields of a browser."""
    made = []
    for number in range(KEYS):
        lines = [b"Accept: */*", b"User-Agent: x", b"Accept-Encoding: gzip", b"X-Tenant: tenant%d" % number]
        client = f"10.{number >> 8}.{number & 255}.7"
        made.append(Exchange(Request(b"GET", b"/", Fields(lines)), Origin(client, b"http", 80, b""), 1.0))
    return made


def servers(count: int, weights: Sequence[int]) -> list[Server]:
    """So many, with these weights in turn."""
    shares = [weights[number % len(weights)] for number in range(count)]
    return [Server(f"10.0.{n >> 8}.{n & 255}:8000", w, w * FULL_SHARE) for n, w in enumerate(shares)]


def choose(policy: Policy, asked: Sequence[Exchange]) -> None:
    """Choose for each, with the answers and the ends of those before."""
    working: deque[Candidate] = deque()
    for exchange in asked:
        server: Server = next(policy.candidates(exchange))  # type: ignore[assignment]
        server.active_requests += 1
        if policy.on_load is not None:
            policy.on_load(server, 1)
        if policy.on_answer is not None:
            policy.on_answer(server, 0.01)
        working.append(server)
        if len(working) > IN_FLIGHT:
            done: Server = working.popleft()  # type: ignore[assignment]
            done.active_requests -= 1
            if policy.on_load is not None:
                policy.on_load(done, -1)


def nothing(asked: Sequence[Exchange]) -> None:
    """The same work around no choice."""
    working: deque[Server] = deque()
    server = Server("a", 1, FULL_SHARE)
    for _ in asked:
        server.active_requests += 1
        working.append(server)
        if len(working) > IN_FLIGHT:
            working.popleft().active_requests -= 1


def seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The best of some rounds: noise only ever adds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def measure(spec: BalanceSpec, group: list[Server], asked: list[Exchange]) -> tuple[float, float, float]:
    """Microseconds of a choice; milliseconds of one server going down, and of one leaving and coming back with the
    choice after each."""
    policy = make_policy(spec, random.Random(1).random, time.monotonic)
    policy.update(group, group)
    choose(policy, asked)  # what is computed once for a key has been
    for server in group:
        server.active_requests = 0
    policy.update(group, group)
    around = seconds(lambda: nothing(asked))
    choice = (seconds(lambda: choose(policy, asked)) - around) / len(asked) * 1e6

    def down_and_up() -> None:
        for usable in (group[1:], group):
            policy.update(group, usable)
            next(policy.candidates(asked[0]))

    def leave_and_join() -> None:
        for members in (group[1:], group):
            policy.update(members, members)
            next(policy.candidates(asked[0]))

    return choice, seconds(down_and_up, 3) / 2 * 1e3, seconds(leave_and_join, 3) / 2 * 1e3


def main() -> None:
    """One line for each policy and kind of weights."""
    asked = exchanges()[:CHOICES]
    for title, weights in WEIGHTS.items():
        print(f"{title:<26}" + "".join(f"{count:>7}" for count in COUNTS) + "   update, join (ms, at most servers)")
        for name, spec in POLICIES.items():
            costs = [measure(spec, servers(count, weights), asked) for count in COUNTS]
            _, down, join = costs[-1]
            print(f"{name:<26}" + "".join(f"{cost[0]:>7.2f}" for cost in costs) + f"{down:>9.2f}{join:>9.2f}")
        print()


if __name__ == "__main__":
    main()
