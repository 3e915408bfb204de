"""Who may be chosen, around the policies: priority tiers with spill-over, backups, panic.

Each tier has a policy of its own, so that a policy never sees servers of two priorities. While one tier takes all the
traffic, as is usual, a choice is that tier's policy and nothing else.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import cast

from twisted_relay.balancing.policy import Policy, Random
from twisted_relay.balancing.tiers import in_panic, tier_loads
from twisted_relay.exchange import Exchange
from twisted_relay.upstream.server import DOWN, EJECTED, UP, Server

BACKUP = 1000
"""The tier of backups: behind all others, and used only when nothing else is usable."""

Choose = Callable[[Exchange], Iterator[Server]]


class Tier:
    """Servers of one priority, and the policy that chooses among them."""

    def __init__(self, number: int, policy: Policy) -> None:
        self.number = number
        self.policy = policy
        self.choose = cast(Choose, policy.candidates)
        self.usable: list[Server] = []
        self.load = 0
        """Percent of the traffic."""
        self.panics = False
        """So few servers are usable that all are taken for it, down and ejected ones too."""


class Selection:
    """The tiers of one backend, in order of priority."""

    def __init__(self, make_policy: Callable[[], Policy], random: Random, panic_threshold: float) -> None:
        self._make_policy = make_policy
        self._random = random
        self._panic_threshold = panic_threshold
        self.tiers: list[Tier] = []
        self.active: list[Server] = []
        """Those that may be chosen now, whichever tier they are of."""
        self._is_active: frozenset[Server] = frozenset()
        self.choose: Choose = _nobody

    def tier_of(self, server: Server) -> Tier:
        """The tier of a server, made if it is the first there."""
        number = tier_number(server)
        for tier in self.tiers:
            if tier.number == number:
                return tier
        tier = Tier(number, self._make_policy())
        self.tiers = sorted([*self.tiers, tier], key=lambda each: each.number)
        return tier

    def is_active(self, server: Server) -> bool:
        """Whether a server may be chosen now: down ones may be in a panic, and backups may not beside others."""
        return server in self._is_active

    def update(self, servers: Sequence[Server]) -> None:
        """The state or weight of a server has changed, or who there is; `servers` are all, in file order."""
        groups: dict[int, list[Server]] = {tier.number: [] for tier in self.tiers}
        for server in servers:
            if server.weight > 0:
                groups[tier_number(server)].append(server)
        for tier in self.tiers:
            tier.usable = [server for server in groups[tier.number] if server.state == UP]
        self._believe_or_panic(groups)
        for tier in self.tiers:
            tier.policy.update(groups[tier.number], tier.usable)
        self._spread(groups)

    def _believe_or_panic(self, groups: dict[int, list[Server]]) -> None:
        ranked = [tier for tier in self.tiers if tier.number != BACKUP]
        counts = [(len(tier.usable), _counted(groups[tier.number])) for tier in ranked]
        has_backup = any(tier.usable for tier in self.tiers if tier.number == BACKUP)
        panics = in_panic(counts, 0.0 if has_backup else self._panic_threshold)
        for tier, panic in zip(ranked, panics, strict=True):
            tier.panics = panic
            if panic:
                tier.usable = [server for server in groups[tier.number] if _is_counted(server)]

    def _spread(self, groups: dict[int, list[Server]]) -> None:
        ranked = [tier for tier in self.tiers if tier.number != BACKUP]
        loads = tier_loads([(len(tier.usable), _counted(groups[tier.number])) for tier in ranked])
        for tier, load in zip(ranked, loads, strict=True):
            tier.load = load
        is_first = _are_all_checking([server for tier in ranked for server in groups[tier.number]])
        for tier in self.tiers:
            if tier.number == BACKUP and not (is_first and not tier.load):  # who is in use already stays
                tier.load = 0 if any(loads) else 100 if tier.usable else 0
        loaded = [tier for tier in self.tiers if tier.load]
        self.active = [server for tier in loaded for server in tier.usable]
        self._is_active = frozenset(self.active)
        if not loaded:
            self.choose = _nobody
        elif len(loaded) == 1:
            self.choose = loaded[0].choose
        else:
            self.choose = self._draw

    def _draw(self, exchange: Exchange) -> Iterator[Server]:
        """Candidates of the tier that is drawn, then those of the others, as retries need them."""
        drawn = self._random() * 100
        loaded = [tier for tier in self.tiers if tier.load]
        first = loaded[-1]
        for tier in loaded:
            drawn -= tier.load
            if drawn < 0:
                first = tier
                break
        yield from first.choose(exchange)
        for tier in loaded:
            if tier is not first:
                yield from tier.choose(exchange)


def tier_number(server: Server) -> int:
    """The priority of a server; 1 comes first."""
    return BACKUP if server.spec.backup else server.spec.tier


def _counted(servers: Sequence[Server]) -> int:
    return sum(map(_is_counted, servers))


def _is_counted(server: Server) -> bool:
    """Whether a tier should have it: those in maint or drain are not missed, nor who has not been checked yet."""
    return server.state in (UP, DOWN, EJECTED) and not server.is_checking


def _are_all_checking(servers: Sequence[Server]) -> bool:
    """Whether nothing is known yet of servers, as at the start: the first requests wait for them, not for backups."""
    return bool(servers) and all(server.is_checking and server.state == DOWN for server in servers)


def _nobody(exchange: Exchange) -> Iterator[Server]:
    return iter(())
