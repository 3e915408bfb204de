"""Rules in their order: the first that matches decides, and a look-up stays short however many there are.

What may be known before a name is resolved is asked without resolving; only when the first rule that could match
depends on the address does the answer wait for it (`NEEDS_ADDRESSES`). Then each address is judged by itself, as if the
client had asked for it, and those that are allowed may be dialled, no others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from posixpath import basename
from typing import Final, Literal
from zoneinfo import ZoneInfo

from twisted_relay.config.rule_values import RuleCondition, RuleSpec
from twisted_relay.config.tree import RulesOptions
from twisted_relay.config.values import Location
from twisted_relay.guard.hosts import is_literal
from twisted_relay.rules.asked import Asked, Listed
from twisted_relay.rules.conditions import Lists, compile_condition, may_need_address
from twisted_relay.rules.index import Index

LONGEST_WORDS = 120
"""Characters of a rule in the log: its place is there to find the rest."""


class Wanted(Enum):
    """What a judgement needs."""

    ADDRESSES = "addresses"


NEEDS_ADDRESSES: Final = Wanted.ADDRESSES
"""The rules cannot decide before the name is resolved."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say, and which one it was."""

    allowed: bool
    rule: Location
    words: str
    """The rule as it is written."""
    label: str
    """Both for the log: `/etc/relay/relay.ini:23: deny list ads`."""
    addresses: tuple[str, ...] | None = None
    """The only addresses that may be dialled; None if the rules did not ask for any."""

    parent: str = ""
    """The parent through which it goes, or `direct`; empty: as without rules."""

    @property
    def place(self) -> str:
        """Where the rule stands, without the folder of the file: `relay.ini:23`."""
        return f"{basename(self.rule.file)}:{self.rule.line}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says to a wish."""

    rule: RuleSpec
    matches: bool | None
    """None if the address is needed to know."""
    why: str
    """What was looked at, in words."""


class Rules:
    """The rules of one section."""

    def __init__(self, options: RulesOptions, lists: Mapping[str, Listed]) -> None:
        """`lists` has all that the rules name. Raises `ConfigurationError` for a regular expression that bytes cannot
        be matched with."""
        zone = None if options.timezone == "local" else ZoneInfo(options.timezone)
        self.options = options
        self._index = Index([rule.conditions for rule in options.rule])
        self._rules = [_Rule(rule, key, lists, zone) for rule, key in zip(options.rule, self._index.keys, strict=True)]
        self._asks_addresses = any(rule.may_need_address for rule in self._rules)
        self._decided = {rule.ruling.label: 0 for rule in self._rules}

    @property
    def limits(self) -> dict[str, int]:
        """Octets per second of the rules that have a limit, by the labels that log and exchanges have."""
        return {rule.ruling.label: rule.spec.limit for rule in self._rules if rule.spec.limit}

    @property
    def name(self) -> str:
        """Of the section."""
        return self.options.name

    def count(self, ruling: Ruling) -> None:
        """What was said is done to a client."""
        self._decided[ruling.label] += 1

    @property
    def decided(self) -> dict[tuple[str, str], int]:
        """How often each rule has decided, by its place without the folder, and `allow` or `deny`."""
        counts: dict[tuple[str, str], int] = {}
        for each in self._rules:
            key = each.ruling.place, "allow" if each.spec.allow else "deny"
            counts[key] = counts.get(key, 0) + self._decided[each.ruling.label]
        return counts

    def judge(self, asked: Asked, addresses: tuple[str, ...] | None, when: float) -> Ruling | Literal[Wanted.ADDRESSES]:
        """What the rules say. `addresses` are those that the host resolves to, None as long as that is not known;
        `when` is seconds since 1970."""
        if not self._asks_addresses:
            return self._first(asked, "", when).ruling
        if addresses is None:
            if not is_literal(asked.host):
                found = self._first(asked, None, when)
                return found.ruling if found is not _UNDECIDED else NEEDS_ADDRESSES
            addresses = (asked.host,)
        rules = [self._first(asked, address, when) for address in addresses or ("",)]
        allowed = [index for index, rule in enumerate(rules) if rule.spec.allow]
        ruling = rules[allowed[0] if allowed else 0].ruling
        return _with_addresses(ruling, tuple(addresses[index] for index in allowed if addresses))

    def _first(self, asked: Asked, address: str | None, when: float) -> "_Rule":
        """The first rule that matches, or `_UNDECIDED`."""
        rules = self._rules
        best, decided = len(rules), False
        for ranks in self._index.find(asked, address):
            for rank in ranks:
                if rank >= best:
                    break
                rule = rules[rank]
                holds = rule.holds(asked, address, when) if rule.is_conditional else True
                if holds is not False:
                    best, decided = rank, holds is True
                    break
        return rules[best] if decided else _UNDECIDED

    def explain(self, asked: Asked, address: str | None, when: float) -> Iterator[Verdict]:
        """What each rule says in its order, up to the first that matches; reads them one by one, without the look-up.

        `address` is the one that would be dialled, None if it is not known."""
        if address is None and is_literal(asked.host):
            address = asked.host
        for rule in self._rules:
            verdict = rule.verdict(asked, address, when)
            yield verdict
            if verdict.matches is not False:
                return


def _label(rule: RuleSpec) -> str:
    words = rule.text if len(rule.text) <= LONGEST_WORDS else rule.text[: LONGEST_WORDS - 1] + "…"
    return f"{rule.where.file}:{rule.where.line}: {words}"


def _with_addresses(ruling: Ruling, addresses: tuple[str, ...]) -> Ruling:
    return replace(ruling, addresses=addresses)


class _Rule:
    """One rule, compiled."""

    def __init__(self, spec: RuleSpec, key: RuleCondition | None, lists: Lists, zone: ZoneInfo | None) -> None:
        """`key` is the condition by which the index has found the rule."""
        made = [(each, compile_condition(each, lists, zone)) for each in spec.conditions]
        self.spec = spec
        self.ruling = Ruling(spec.allow, spec.where, spec.text, _label(spec), parent=spec.parent)
        self._all = sorted(made, key=lambda pair: may_need_address(pair[0]))
        self._further = [(condition, each.negated) for each, condition in self._all if each is not key]
        self._is_found_by_address = key is not None and may_need_address(key)
        self.may_need_address = any(map(may_need_address, spec.conditions))
        self.is_conditional = bool(self._further) or self._is_found_by_address

    def holds(self, asked: Asked, address: str | None, when: float) -> bool | None:
        """Whether the conditions hold that the index has not looked up; None if that depends on the address."""
        needs_address = address is None and self._is_found_by_address
        for condition, negated in self._further:
            holds = condition.holds(asked, address, when)
            if holds is negated:
                return False
            needs_address |= holds is None
        return None if needs_address else True

    def verdict(self, asked: Asked, address: str | None, when: float) -> Verdict:
        """What the rule says, and what it looked at: the condition that failed, or all of them."""
        seen: list[str] = []
        needs_address = False
        for each, condition in self._all:
            holds = condition.holds(asked, address, when)
            if holds is each.negated:
                return Verdict(self.spec, False, condition.seen(asked, address, when))
            needs_address |= holds is None
            seen.append(condition.seen(asked, address, when))
        if needs_address:
            return Verdict(self.spec, None, f"the address of {asked.host} decides")
        return Verdict(self.spec, True, "; ".join(seen) or "takes everything")


_UNDECIDED = _Rule(RuleSpec(False, (), "", Location("", 0, 0)), None, {}, None)
"""Stands for the rule that is not known before the address is."""
