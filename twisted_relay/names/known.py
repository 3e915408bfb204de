"""What is known of one name, and for how long: plain values and functions of the time, in seconds of one clock.

Both kinds of addresses are asked for side by side, and each answer has a time of its own. Source: RFC 2308 (answers
that say that there is nothing), RFC 8767 (answers that are used after their end), RFC 9520 (failures are remembered).
"""

from dataclasses import dataclass

from twisted_relay.config.sections.process import DnsOptions
from twisted_relay.names.order import HasRoute, in_order
from twisted_relay.names.reply import NEGATIVE, Found, Kind, LookupFailed

KINDS: tuple[Kind, ...] = ("A", "AAAA")
FAILURE_HOLDS = 5.0
"""Seconds after which it is tried again when nobody could answer, or nobody said how long nothing holds."""
SHORTEST = 1.0
"""Seconds for which everything holds, at least."""
EARLY = 0.1
"""The part of an answer's time that is left when a name in use is asked for again."""
WORTH_EARLY = 10.0
"""Seconds that an answer must hold to be asked for early."""


@dataclass(frozen=True, slots=True)
class Part:
    """The last answer to the question for one kind of addresses."""

    addresses: tuple[str, ...]
    until: float
    """When it has to be asked again."""
    ask_early: float
    """From when on whoever uses it has it asked again in the background."""
    stale_until: float
    """Until when the addresses may be used if nobody answers."""
    failed: str = ""
    """One word, when nobody could answer: the addresses are those of before."""


def part_of(outcome: Found | LookupFailed, before: Part | None, now: float, options: DnsOptions) -> Part:
    """What follows from the end of a question."""
    if isinstance(outcome, Found):
        ttl = min(max(outcome.ttl, options.min_ttl), options.max_ttl)
        until = now + ttl
        early = until - EARLY * ttl if ttl >= WORTH_EARLY else until
        return Part(outcome.addresses, until, early, until + options.stale)
    if outcome.reason in NEGATIVE:
        told = FAILURE_HOLDS if outcome.ttl is None else float(outcome.ttl)
        until = now + max(SHORTEST, min(told, options.negative_ttl))
        return Part((), until, until, until)
    until = now + FAILURE_HOLDS
    if before is not None and now < before.stale_until:
        return Part(before.addresses, until, until, before.stale_until, outcome.reason)
    return Part((), until, until, now, outcome.reason)


class Known:
    """The parts of one name. With `keeps`, the last good answer is never forgotten."""

    __slots__ = ("_good", "_options", "keeps", "parts")

    def __init__(self, options: DnsOptions, *, keeps: bool = False) -> None:
        self._options = options
        self._good: tuple[str, ...] = ()
        self.keeps = keeps
        self.parts: dict[Kind, Part] = {}

    def learn(self, kind: Kind, outcome: Found | LookupFailed, now: float) -> None:
        """A question has ended."""
        self.parts[kind] = part_of(outcome, self.parts.get(kind), now, self._options)

    def remember(self, has_route: HasRoute) -> None:
        """All questions have ended: if they brought something, this is the last good answer from now on."""
        if self.keeps:
            self._good = self._in_order(list(self.parts.items()), has_route) or self._good

    def due(self, now: float) -> list[Kind]:
        """What has to be asked, or may be asked early as others are asked anyway."""
        return [kind for kind in KINDS if (part := self.parts.get(kind)) is None or part.ask_early <= now]

    def is_fresh(self, now: float) -> bool:
        """Whether every part still holds."""
        return len(self.parts) == len(KINDS) and all(now < part.until for part in self.parts.values())

    def fresh(self, now: float, has_route: HasRoute) -> tuple[str, ...]:
        """The addresses that hold."""
        return self._in_order([(kind, part) for kind, part in self.parts.items() if now < part.until], has_route)

    def stale(self, now: float, has_route: HasRoute) -> tuple[str, ...]:
        """The addresses that may be used when nobody answers."""
        parts = [(kind, part) for kind, part in self.parts.items() if now < max(part.until, part.stale_until)]
        return self._in_order(parts, has_route) or self._good

    def has_answer(self, now: float) -> bool:
        """Whether there are addresses that name servers have told and that hold."""
        return any(part.addresses and not part.failed and now < part.until for part in self.parts.values())

    def next_due(self) -> float:
        """When the first part has to be asked again."""
        return min((part.ask_early for part in self.parts.values()), default=float("-inf"))

    def _in_order(self, parts: list[tuple[Kind, Part]], has_route: HasRoute) -> tuple[str, ...]:
        found = {kind: part.addresses for kind, part in parts}
        return in_order(found.get("A", ()), found.get("AAAA", ()), self._options.prefer, has_route)
