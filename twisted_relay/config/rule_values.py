"""What a rule of a forward proxy says, as frozen types. How it is written stands in `rules`.

Knows no sections, no files and no I/O.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from twisted_relay.config.values import Location, Network, PathPattern

MINUTES_OF_DAY = 24 * 60
MINUTES_OF_WEEK = 7 * MINUTES_OF_DAY


@dataclass(frozen=True, slots=True)
class Domain:
    """A name in lower case without a dot at its end; with `below` also all names below it."""

    name: str
    below: bool


@dataclass(frozen=True, slots=True)
class Names:
    """Names of users, groups, methods or lists."""

    kind: Literal["user", "group", "method", "list"]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Networks:
    """Where the client is, or what the destination's name resolves to."""

    kind: Literal["client", "destination"]
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class Domains:
    """What the client calls the destination."""

    domains: tuple[Domain, ...]


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of the destination as ranges, both ends included."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Urls:
    """Patterns for the whole URL: exact, glob or regex."""

    patterns: tuple[PathPattern, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """Parts of the week: minutes since Monday 00:00, from the first up to the second, sorted and apart."""

    spans: tuple[tuple[int, int], ...]


RuleTest: TypeAlias = Names | Networks | Domains | Ports | Urls | Week


@dataclass(frozen=True, slots=True)
class RuleCondition:
    """One condition of a rule; `text` is how it is written."""

    test: RuleTest
    negated: bool
    text: str


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One rule: it decides when all of its conditions hold; without any, always."""

    allow: bool
    conditions: tuple[RuleCondition, ...]
    text: str
    where: Location
    parent: str = ""
    """The parent through which what it allows goes, or `direct`; empty: as without rules."""
    limit: int = 0
    """Octets per second, each way, that all together may pass which it allows; 0: as many as there are."""
