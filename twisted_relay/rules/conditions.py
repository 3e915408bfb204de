"""What one condition of a rule asks, compiled once when the configuration is loaded.

A condition answers twice: `holds` for the data path, and `seen` in words for `relay explain`. `not` is applied by who
asks. Conditions on the address of the destination are asked once for each address.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from twisted_relay.conditions import path_predicate
from twisted_relay.config.rule_values import Domain, Domains, Names, Networks, Ports, RuleCondition, Urls, Week
from twisted_relay.config.values import Network, PathPattern
from twisted_relay.config.week import DAYS
from twisted_relay.networks import NetworkSet
from twisted_relay.rules.asked import Asked, Listed

Lists = Mapping[str, Listed]


class Condition(Protocol):
    """One thing that may be so of a client's wish."""

    def holds(self, asked: Asked, address: str | None, when: float) -> bool | None:
        """Whether it is so. `address` is the one that would be dialled; where it decides and is None, because it is not
        known yet, so is the answer. `when` is seconds since 1970."""

    def seen(self, asked: Asked, address: str | None, when: float) -> str:
        """What is looked at, in words: "domain is a.example"."""


def compile_condition(condition: RuleCondition, lists: Lists, zone: ZoneInfo | None) -> Condition:
    """The condition without its `not`; `zone` is None for the zone of this machine."""
    match condition.test:
        case Names("user", names):
            return _User(names)
        case Names("group", names):
            return _Group(names)
        case Names("method", names):
            return _Method(names)
        case Names(_, names):
            return _Listed(names, lists)
        case Networks("client", networks):
            return _Client(networks)
        case Networks(_, networks):
            return _Destination(networks)
        case Domains(domains):
            return _Domain(domains)
        case Ports(ranges):
            return _Port(ranges)
        case Urls(patterns):
            return _Url(patterns)
        case Week(spans):
            return _Time(spans, zone)


def may_need_address(condition: RuleCondition) -> bool:
    """Whether it can happen that only the address of the destination decides."""
    match condition.test:
        case Networks("destination", _) | Names("list", _):
            return True
    return False


class _User:
    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def holds(self, asked: Asked, address: str | None, when: float) -> bool:
        return asked.user in self._names

    def seen(self, asked: Asked, address: str | None, when: float) -> str:
        return f"user is {asked.user}" if asked.user else "the user is not known"


class _Group:
    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def holds(self, asked: Asked, address: str | None, when: float) -> bool:
        return not self._names.isdisjoint(asked.groups)

    def seen(self, asked: Asked, address: str | None, when: float) -> str:
        if not asked.user:
            return "the user is not known"
        return f"{asked.user} is in {', '.join(sorted(asked.groups)) or 'no group'}"


class _Client:
    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = NetworkSet(networks)

    def holds(self, asked: Asked, address: str | None, when: float) -> bool:
        return asked.client in self._networks

    def seen(self, asked: Asked, address: str | None, when: float) -> str:
        return f"client is {asked.client or 'a UNIX socket'}"


class _Destination:
    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = NetworkSet(networks)

    def holds(self, asked: Asked, address: str | None, when: float) -> bool | None:
        return None if address is None else address in self._networks

    def seen(self, asked: Asked, address: str | None, when: float) -> str:
        return f"destination is {address}" if address else "the destination has no address"


class _Domain:
    """Asked for only where the look-up has not answered already: behind `not`, and in `explain`."""

    def __init__(self, domains: Iterable[Domain]) -> None:
        domains = tuple(domains)
        self._names = frozenset(domain.name for domain in domains)
        self._suffixes = tuple("." + domain.name for domain in domains if domain.below)

    def holds(self, asked: Asked, address: str | None, when: float) -> bool:
        return asked.host in self._names or asked.host.endswith(self._suffixes)

    def seen(self, asked: Asked, address: str | None, when: float) -> str:
        return f"domain is {asked.host}"


class _Port:
    def __init__(self, ranges: Sequence[tuple[int, int]]) -> None:
        self._ranges = tuple(ranges)

    def holds(self, asked: Asked, address: str | None, when: float) -> bool:
        return any(low <= asked.port <= high for low, high in self._ranges)

    def seen(self, asked: Asked, address: str | None, when: float) -> str:
        return f"port is {asked.port}"


class _Method:
    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def holds(self, asked: Asked, address: str | None, when: float) -> bool:
        return asked.method in self._names

    def seen(self, asked: Asked, address: str | None, when: float) -> str:
        return f"method is {asked.method}"


class _Url:
    def __init__(self, patterns: Iterable[PathPattern]) -> None:
        self._predicates = tuple(path_predicate(pattern) for pattern in patterns)

    def holds(self, asked: Asked, address: str | None, when: float) -> bool:
        if not asked.url:
            return False
        url = asked.url.encode()
        return any(predicate(url) for predicate in self._predicates)

    def seen(self, asked: Asked, address: str | None, when: float) -> str:
        return f"URL is {asked.url}" if asked.url else "a tunnel shows no URL"


class _Listed:
    def __init__(self, names: Iterable[str], lists: Lists) -> None:
        self._names = tuple(names)
        self._lists = lists

    def holds(self, asked: Asked, address: str | None, when: float) -> bool | None:
        if self._takes(asked, asked.host):
            return True
        if not any(self._lists[name].has_networks for name in self._names):
            return False
        return None if address is None else self._takes(asked, address)

    def _takes(self, asked: Asked, host: str) -> bool:
        """Whether a host is in one of the lists. They are taken by name each time: they are swapped for newer ones."""
        for name in self._names:
            found = self._lists[name]
            if found.takes(host, asked.host):
                if not asked.is_trial:
                    found.hit()
                return True
        return False

    def seen(self, asked: Asked, address: str | None, when: float) -> str:
        for host in (asked.host, address or asked.host):
            for name in self._names:
                if (entry := self._lists[name].entry(host, asked.host)) is not None:
                    return f"{host} is in list {name} as {entry}"
        return f"{asked.host} is not listed"


class _Time:
    def __init__(self, spans: Sequence[tuple[int, int]], zone: ZoneInfo | None) -> None:
        self._starts = [start for start, _ in spans]
        self._ends = [end for _, end in spans]
        self._zone = zone

    def holds(self, asked: Asked, address: str | None, when: float) -> bool:
        local = datetime.fromtimestamp(when, self._zone)
        minute = local.weekday() * 1440 + local.hour * 60 + local.minute
        position = bisect_right(self._starts, minute) - 1
        return position >= 0 and minute < self._ends[position]

    def seen(self, asked: Asked, address: str | None, when: float) -> str:
        local = datetime.fromtimestamp(when, self._zone)
        zone = f" in {self._zone.key}" if self._zone is not None else ""
        return f"it is {DAYS[local.weekday()]} {local:%H:%M}{zone}"
