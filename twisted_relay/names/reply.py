"""What a name server said, and what follows from it: plain values, and the way along aliases to the records asked for.

Source: RFC 1035 §4 (messages), RFC 2782 (SRV), RFC 3596 (AAAA), RFC 2308 (answers that say that there is nothing).
Names are lower-case text without a dot at the end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["A", "AAAA", "SRV"]
"""What can be asked for."""

MOST_ALIASES = 8
"""Steps along CNAME records; more are a loop, or might as well be one."""
LONGEST_TTL = 7 * 86_400
"""Seconds; RFC 8767 §4 advises not to believe more."""

FAILURES = ("nxdomain", "empty", "servfail", "refused", "timeout", "malformed", "network")
"""Why there is no answer: no such name, nothing of this kind, the server's own failure, its refusal, …"""
NEGATIVE = frozenset({"nxdomain", "empty"})
"""Failures that are answers: whoever is asked next would say the same."""


class LookupFailed(Exception):
    """A question has no answer that can be used. `reason` is one of `FAILURES`; the text is for people.

    `ttl`: seconds for which it holds that there is nothing, if the zone says so (RFC 2308 §5).
    """

    def __init__(self, reason: str, text: str, ttl: int | None = None) -> None:
        super().__init__(text)
        assert reason in FAILURES
        self.reason = reason
        self.ttl = ttl


@dataclass(frozen=True, slots=True)
class Service:
    """The data of an SRV record."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record: whose, how many seconds it holds, and an address, the name behind an alias, or a service."""

    owner: str
    kind: Literal["A", "AAAA", "SRV", "CNAME"]
    ttl: int
    data: str | Service


@dataclass(frozen=True, slots=True)
class Zone:
    """The SOA record of a zone: its name, and for how many seconds it holds that it does not have something."""

    owner: str
    negative_ttl: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply to one question."""

    code: int
    """0: all is well; RFC 1035 §4.1.1 has the others."""
    is_truncated: bool
    answers: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    zones: tuple[Zone, ...] = ()
    """What the authority section says of the zones that have nothing."""


@dataclass(frozen=True, slots=True)
class Found:
    """Records that answer a question, at least one, and for how many seconds all of them hold."""

    records: tuple[Record, ...]
    ttl: int
    additional: tuple[Record, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses among the records."""
        return tuple(each.data for each in self.records if isinstance(each.data, str))

    @property
    def services(self) -> tuple[Service, ...]:
        """The services among the records."""
        return tuple(each.data for each in self.records if isinstance(each.data, Service))


_NO_SUCH_NAME = 3
_FAILED = {1: "refused", 2: "servfail", 4: "refused", 5: "refused"}


def answer_of(reply: Reply, name: str, kind: Kind) -> Found:
    """The records of this kind that a name has, also by way of aliases; raises `LookupFailed` when there are none.

    Records of other names are left aside, whatever they say.
    """
    if reply.code not in (0, _NO_SUCH_NAME):
        reason = _FAILED.get(reply.code, "servfail")
        raise LookupFailed(reason, f"{kind} of {name}: {_words(reason, reply.code)}")
    owner, ttl = _behind_aliases(reply.answers, name)
    nothing_holds = _nothing_holds(reply.zones, owner, ttl)
    if reply.code == _NO_SUCH_NAME:
        raise LookupFailed("nxdomain", f"{kind} of {name}: no such name", nothing_holds)
    records = tuple(each for each in reply.answers if each.owner == owner and each.kind == kind)
    if not records:
        raise LookupFailed("empty", f"{kind} of {name}: there are none", nothing_holds)
    return Found(records, min(ttl, *(each.ttl for each in records)), reply.additional)


def _words(reason: str, code: int) -> str:
    return "the name server failed" if reason == "servfail" else f"the name server refuses to answer (code {code})"


def _nothing_holds(zones: Sequence[Zone], owner: str, ttl: int) -> int | None:
    """How long to believe that a name has nothing: as the zone says that it is in, and no longer than the aliases."""
    for zone in zones:
        if not zone.owner or owner == zone.owner or owner.endswith("." + zone.owner):
            return min(zone.negative_ttl, ttl)
    return None


def _behind_aliases(records: Sequence[Record], name: str) -> tuple[str, int]:
    """The name at the end of the aliases, and how long the shortest of them holds."""
    aliases = {each.owner: each for each in records if each.kind == "CNAME"}
    ttl = LONGEST_TTL
    for _ in range(MOST_ALIASES):
        alias = aliases.get(name)
        if alias is None or not isinstance(alias.data, str):
            return name, ttl
        name, ttl = alias.data, min(ttl, alias.ttl)
    raise LookupFailed("malformed", f"{name}: the aliases have no end")


def addresses_in(records: Sequence[Record]) -> Mapping[str, list[Record]]:
    """The address records by owner."""
    found: dict[str, list[Record]] = {}
    for record in records:
        if record.kind in ("A", "AAAA"):
            found.setdefault(record.owner, []).append(record)
    return found
