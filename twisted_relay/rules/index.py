"""Finds the rules that can match at all, however many there are: rules by what one of their conditions asks.

Each rule stands in one place: under its domains, users, groups, clients, ports, methods or destinations, whichever of
these it asks for first in that order; the others stand in a list of their own. Rules found in different places compete
by their rank, the place in the section.
"""

from collections.abc import Iterable, Sequence

from twisted_relay.config.rule_values import Domains, Names, Networks, Ports, RuleCondition
from twisted_relay.networks import NetworkTable
from twisted_relay.rules.asked import Asked

Ranks = list[int]
"""Rising places of rules in their section."""


class DomainTree:
    """Ranks by domain, walked from the top-level domain down as far as any rule's name goes."""

    __slots__ = ("_depth", "_root")

    def __init__(self) -> None:
        self._root = _Label()
        self._depth = 0

    def add(self, name: str, below: bool, rank: int) -> None:
        """Ranks must be added in their order."""
        labels = name.split(".")
        self._depth = max(self._depth, len(labels))
        node = self._root
        for label in reversed(labels):
            node = node.children.setdefault(label, _Label())
        ranks = node.with_below if below else node.alone
        if not ranks or ranks[-1] != rank:
            ranks.append(rank)

    def find(self, host: str, found: list[Ranks]) -> None:
        """Add what is there for a host to `found`."""
        node = self._root
        labels = host.rsplit(".", self._depth)
        left = len(labels)
        while left:
            left -= 1
            child = node.children.get(labels[left])
            if child is None:
                return
            node = child
            if node.with_below:
                found.append(node.with_below)
        if node.alone:
            found.append(node.alone)


class _Label:
    """One label of names."""

    __slots__ = ("alone", "children", "with_below")

    def __init__(self) -> None:
        self.children: dict[str, _Label] = {}
        self.alone: Ranks = []
        self.with_below: Ranks = []


class Index:
    """The rules of one section by what they ask."""

    def __init__(self, rules: Iterable[Sequence[RuleCondition]]) -> None:
        self._domains = DomainTree()
        self._names: dict[str, dict[str, Ranks]] = {}
        self._ports: dict[int, Ranks] = {}
        self._clients: NetworkTable[int] = NetworkTable()
        self._destinations: NetworkTable[int] = NetworkTable()
        self._others: Ranks = []
        self._of_destinations: Ranks = []
        self._has: set[str] = set()
        self.keys: list[RuleCondition | None] = []
        """For each rule the condition by which it is found, which need not be asked again."""
        for rank, conditions in enumerate(rules):
            key = min(
                (each for each in conditions if _kind(each)), key=lambda each: _KINDS.index(_kind(each)), default=None
            )
            self.keys.append(key)
            self._add(key, rank)

    def _add(self, key: RuleCondition | None, rank: int) -> None:
        if key is None:
            self._others.append(rank)
            return
        self._has.add(_kind(key))
        match key.test:
            case Domains(domains):
                for domain in domains:
                    self._domains.add(domain.name, domain.below, rank)
            case Names(kind, names):
                for name in dict.fromkeys(names):
                    self._names.setdefault(kind, {}).setdefault(name, []).append(rank)
            case Ports(ranges):
                for port, _ in ranges:
                    self._ports.setdefault(port, []).append(rank)
            case Networks("client", networks):
                for network in dict.fromkeys(networks):
                    self._clients.add(network, rank)
            case Networks(_, networks):
                self._of_destinations.append(rank)
                for network in dict.fromkeys(networks):
                    self._destinations.add(network, rank)

    def find(self, asked: Asked, address: str | None) -> list[Ranks]:
        """The ranks of all rules whose key is met, the list that is cheapest to ask first. Without an address all
        rules that are found by one are among them."""
        found: list[Ranks] = []
        has = self._has
        if "domain" in has:
            self._domains.find(asked.host, found)
        if has and (len(has) > 1 or "domain" not in has):
            self._find_further(asked, address, found)
        found.append(self._others)
        return found

    def _find_further(self, asked: Asked, address: str | None, found: list[Ranks]) -> None:
        has, names = self._has, self._names
        if "user" in has and asked.user in names["user"]:
            found.append(names["user"][asked.user])
        if "group" in has:
            found += [names["group"][group] for group in asked.groups if group in names["group"]]
        if "client" in has:
            found += self._clients.find(asked.client)
        if "port" in has and asked.port in self._ports:
            found.append(self._ports[asked.port])
        if "method" in has and asked.method in names["method"]:
            found.append(names["method"][asked.method])
        if "destination" in has:
            if address is None:
                found.append(self._of_destinations)
            else:
                found += self._destinations.find(address)


_KINDS = ("domain", "user", "group", "client", "port", "method", "destination")


def _kind(condition: RuleCondition) -> str:
    """By what a condition can be looked up; "" if it cannot."""
    if condition.negated:
        return ""
    match condition.test:
        case Domains():
            return "domain"
        case Names(kind, _):
            return "" if kind == "list" else kind
        case Networks(kind, _):
            return kind
        case Ports(ranges):
            return "port" if all(low == high for low, high in ranges) else ""
    return ""
