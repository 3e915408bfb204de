"""What has to change, so that a backend has the servers that were found: a plain function of both, and of the time.

A server that is missing from an answer stays until it has been missing for `hold` seconds, as answers of the DNS are
often parts of the whole, or late. Times are seconds of one clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from twisted_relay.config.values import ServerSpec

NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Changes:
    """What to do with a backend, in this order."""

    leave: tuple[str, ...]
    """Names of servers; also of those that come again as others under the same name."""
    join: tuple[ServerSpec, ...]
    reweigh: tuple[ServerSpec, ...]
    """Servers of which nothing but the weight has changed."""
    missing: Mapping[str, float]
    """Who stays for now, by name, and since when it is missing."""

    @property
    def is_nothing(self) -> bool:
        """Whether the servers stay as they are."""
        return not (self.leave or self.join or self.reweigh)


@dataclass(frozen=True, slots=True)
class Present:
    """What discovery has brought so far."""

    servers: Mapping[str, ServerSpec]
    """By name, as they were found last."""
    missing: Mapping[str, float]
    """Since when some of them are missing."""


def changes(present: Present, found: Sequence[ServerSpec], now: float, limits: "Limits") -> Changes:
    """What to do when these servers have been found."""
    wanted = {server.name: server for server in found}
    held = {
        name: since
        for name in present.servers
        if name not in wanted and now - (since := present.missing.get(name, now)) < limits.hold
    }
    room = max(0, limits.most - len(wanted))
    if len(held) > room:  # those that are missing for longest go, so that answers that vary do not fill the backend
        held = dict(sorted(held.items(), key=lambda item: -item[1])[:room])
    known = {name: server for name, server in present.servers.items() if name in wanted}
    others = {name for name, server in known.items() if not _is_same(server, wanted[name])}
    gone = [name for name in present.servers if name not in wanted and name not in held]
    return Changes(
        leave=(*gone, *(name for name in known if name in others)),
        join=tuple(server for server in found if server.name not in known or server.name in others),
        reweigh=tuple(
            wanted[name]
            for name, server in known.items()
            if name not in others and server.weight != wanted[name].weight
        ),
        missing=held,
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a missing server is held, in seconds, and how many servers there may be, held ones included."""

    hold: float
    most: int


def _is_same(one: ServerSpec, other: ServerSpec) -> bool:
    """Whether a server may stay as it is, but for its weight."""
    return replace(one, weight=other.weight) == other


def next_removal(missing: Mapping[str, float], now: float, hold: float) -> float:
    """Seconds until the first of those that are missing has been so for long enough; `NEVER` if nobody is."""
    return min((since + hold - now for since in missing.values()), default=NEVER)
