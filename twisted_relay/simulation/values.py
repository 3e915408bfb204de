"""What the options of a scenario become: small frozen types. Times are seconds, rates per second, shares parts of 1."""

from dataclasses import dataclass
from typing import TypeAlias

Curve: TypeAlias = tuple[tuple[float, float], ...]
"""(time, rate), times rising: before the first the first rate holds, after the last the last, between them a line."""

Mix: TypeAlias = tuple[tuple[str, float], ...]
"""(word, share); the shares add up to 1."""

SERVER_ACTIONS = {
    "crash": "connections are refused, and those that exist are reset; with `lasts` it is an abrupt restart",
    "hang": "connections are accepted and nothing is answered, as after SIGSTOP; at the end it goes on where it was",
    "unreachable": "nothing comes back at all: connecting takes until `connect_timeout`",
    "unhealthy": "checks are answered 503, requests as ever",
    "slow": "everything takes so many times as long: `slow 10x`",
    "errors": "this share of the answers is an error: `errors 50%`, or with a status code, `errors 50% 503`",
    "restart": "no new connections; requests in flight are answered and their connections closed; then it comes back",
    "flap": "it crashes and comes back in turn, each for this time: `flap 10s`",
    "drain": "whoever runs relay takes the server out for new requests",
    "maint": "whoever runs relay takes the server out",
}
"""What can happen to servers; the last two are done in relay, the others happen to the server itself."""
CLIENT_ACTIONS = {"rate": "clients ask so many times as often, or at this rate: `rate 5x`, `rate 300/s`"}
"""What can happen to clients."""


@dataclass(frozen=True, slots=True)
class Action:
    """What happens at an event: a word of the tables above, and what it needs to know."""

    kind: str
    amount: float = 0.0
    """A factor, a share, a period or a rate."""
    status: int = 0
    """The status code of `errors`."""
    is_rate: bool = False
    """`amount` is a rate itself, not a factor of it."""


def rate_at(curve: Curve, time: float) -> float:
    """The rate of a curve at this time."""
    before = curve[0]
    for point in curve:
        if point[0] >= time:
            span = point[0] - before[0]
            return point[1] if not span else before[1] + (point[1] - before[1]) * (time - before[0]) / span
        before = point
    return before[1]
