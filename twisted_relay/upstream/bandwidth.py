"""The limits of one forward listener, and what each exchange has to pay to them.

A limit holds for each direction by itself, as a line has its capacity both ways. Limits of users and clients come with
the first exchange and go when they are at rest: a client that comes again finds its own, not a full one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from twisted_relay.config.tree import ListenerOptions
from twisted_relay.exchange import Exchange
from twisted_relay.net.limit import Limit

MIN_SWEEP = 64
"""So many limits of one kind are kept before those at rest are looked for."""


@dataclass(frozen=True, slots=True)
class BothWays:
    """A limit of each direction."""

    up: Limit
    down: Limit

    @property
    def is_at_rest(self) -> bool:
        """Whether new ones would be the same."""
        return self.up.is_at_rest and self.down.is_at_rest


Make = Callable[[int], BothWays]
"""Makes limits of so many octets per second."""


def maker(clock: IReactorTime, now: Callable[[], float]) -> Make:
    """Makes limits that run by this clock; `now` reads it."""
    return lambda rate: BothWays(Limit(rate, clock, now), Limit(rate, clock, now))


class ByName:
    """A limit for each name: a user or a client."""

    def __init__(self, rate: int, make: Make) -> None:
        self._rate = rate
        self._make = make
        self._limits: dict[str, BothWays] = {}
        self._sweep_at = MIN_SWEEP

    def __len__(self) -> int:
        return len(self._limits)

    def of(self, name: str) -> BothWays:
        """The limit of this name."""
        limit = self._limits.get(name)
        if limit is None:
            if len(self._limits) >= self._sweep_at:
                self._sweep()
            limit = self._limits[name] = self._make(self._rate)
        return limit

    def _sweep(self) -> None:
        """Forget those at rest. The next sweep comes when as many again have come: each costs its share of it."""
        self._limits = {name: limit for name, limit in self._limits.items() if not limit.is_at_rest}
        self._sweep_at = max(MIN_SWEEP, 2 * len(self._limits))


class Bandwidth:
    """All limits of one listener."""

    def __init__(self, options: ListenerOptions, by_rule: Mapping[str, BothWays], make: Make) -> None:
        """`by_rule` are the limits of rules, by the rules' labels; they are shared by all who name the rules."""
        self._all = make(options.bandwidth) if options.bandwidth else None
        self._users = ByName(options.bandwidth_per_user, make) if options.bandwidth_per_user else None
        self._clients = ByName(options.bandwidth_per_client, make) if options.bandwidth_per_client else None
        self._by_rule = by_rule

    @property
    def is_free(self) -> bool:
        """Whether nothing is limited."""
        limits = (self._all, self._users, self._clients)
        return not self._by_rule and all(each is None for each in limits)

    def limits(self, exchange: Exchange) -> Iterator[BothWays]:
        """Those that hold for it."""
        if self._clients is not None and exchange.origin.client:
            yield self._clients.of(exchange.origin.client)
        if self._users is not None and exchange.user:
            yield self._users.of(exchange.user)
        if exchange.rule in self._by_rule:
            yield self._by_rule[exchange.rule]
        if self._all is not None:
            yield self._all
