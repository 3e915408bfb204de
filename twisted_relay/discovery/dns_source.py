"""Servers from the DNS: the addresses of a name, or its SRV records and the addresses of their targets.

When some questions of a look have answers and others fail, the last good answer to those is used; a look fails when
nothing at all was found. An answer holds as long as the shortest of its records.
"""

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.defer import Deferred, gatherResults

from twisted_relay.config.values import DiscoverSpec
from twisted_relay.discovery.answer import (
    Answer,
    LookFailed,
    Place,
    answer_from,
    places_at,
    places_of,
    priorities_after,
    usable_services,
)
from twisted_relay.names.reply import NEGATIVE, Found, Kind, LookupFailed, Service, addresses_in

SHORTEST = 1.0
"""Seconds that every answer is believed, also one that says 0."""

_KINDS: dict[str, tuple[Kind, ...]] = {"any": ("A", "AAAA"), "ipv4": ("A",), "ipv6": ("AAAA",)}


class Asked(Protocol):
    """Who knows the DNS."""

    async def ask(self, name: str, kind: Kind) -> Found:
        """The records that a name has; raises `LookupFailed`. May be cancelled."""


class _Look:
    """The questions of one look, and what they have brought so far."""

    def __init__(self, asked: Asked, before: dict[tuple[str, Kind], Found]) -> None:
        self.answers: dict[tuple[str, Kind], Found] = {}
        """What is remembered for the next look."""
        self.ttls: list[int] = []
        self.failures: list[LookupFailed] = []
        self.remarks: list[str] = []
        self.has_news = False
        """Whether anything was found that is not only remembered."""
        self._asked = asked
        self._before = before

    async def ask(self, name: str, kind: Kind) -> Found | None:
        """An answer, of this look or remembered; None when there is none."""
        try:
            found = await self._asked.ask(name, kind)
            self.has_news = True
        except LookupFailed as failed:
            self.failures.append(failed)
            if failed.reason in NEGATIVE or (name, kind) not in self._before:
                return None
            found = self._before[name, kind]
            self.remarks.append(f"{failed}; its last answer stays in use")
        self.answers[name, kind] = found
        self.ttls.append(found.ttl)
        return found

    async def addresses(self, name: str, kinds: Sequence[Kind]) -> list[str]:
        """The addresses of a name; the questions are asked side by side."""
        asked = [Deferred.fromCoroutine(self.ask(name, kind)) for kind in kinds]
        answers = await gatherResults(asked, consumeErrors=True)
        return [address for found in answers if found is not None for address in found.addresses]

    def failure(self) -> LookFailed:
        """Why nothing was found; that somebody could not answer says more than that there is nothing."""
        worst = next((each for each in self.failures if each.reason not in NEGATIVE), None)
        failed = worst or (self.failures[0] if self.failures else LookupFailed("empty", "there are no servers"))
        return LookFailed(failed.reason, str(failed))


class _DNSSource:
    """What both ways have in common: memory, and how long an answer holds."""

    def __init__(self, spec: DiscoverSpec, asked: Asked) -> None:
        self._spec = spec
        self._asked = asked
        self._kinds = _KINDS[spec.family]
        self._remembered: dict[tuple[str, Kind], Found] = {}

    async def look(self) -> Answer:
        """The servers now; raises `LookFailed`. May be cancelled at any time."""
        look = _Look(self._asked, self._remembered)
        places = await self._places(look)
        if not places or not look.has_news:
            raise look.failure()
        self._remembered = look.answers
        holds = max(SHORTEST, min(self._spec.every, *look.ttls))
        answer = answer_from(self._spec, places, holds)
        if not answer.servers:
            raise LookFailed("empty", "; ".join(answer.remarks))
        return Answer(answer.servers, holds, (*look.remarks, *answer.remarks))

    async def _places(self, look: _Look) -> list[Place]:
        raise NotImplementedError


class AddressSource(_DNSSource):
    """`dns+a://NAME:PORT`: a server at each address of a name."""

    async def _places(self, look: _Look) -> list[Place]:
        addresses = await look.addresses(self._spec.name, self._kinds)
        return places_at(self._spec.name, self._spec.port, addresses)


class ServiceSource(_DNSSource):
    """`dns+srv://_http._tcp.NAME`: a server at each address of each target."""

    def __init__(self, spec: DiscoverSpec, asked: Asked) -> None:
        super().__init__(spec, asked)
        self._priorities: tuple[int, ...] = ()

    async def _places(self, look: _Look) -> list[Place]:
        found = await look.ask(self._spec.name, "SRV")
        if found is None:
            return []
        services, remarks = usable_services(found.services)
        services = sorted(services, key=_order)[: self._spec.most]
        look.remarks.extend(remarks)
        addresses = await self._targets(look, found, services)
        look.remarks.extend(f"the SRV target {name} has no address" for name, own in addresses.items() if not own)
        self._priorities = priorities_after(services, self._priorities)
        return places_of(services, addresses, self._priorities)

    async def _targets(self, look: _Look, found: Found, services: list[Service]) -> dict[str, list[str]]:
        """The addresses of the targets by name: those that came with the records, and those that are asked for."""
        came = addresses_in(found.additional)
        addresses: dict[str, list[str]] = {}
        names = list(dict.fromkeys(service.target for service in services))
        for name in names:
            records = [record for record in came.get(name, ()) if record.kind in self._kinds]
            if records:
                addresses[name] = [record.data for record in records if isinstance(record.data, str)]
                look.ttls.extend(record.ttl for record in records)
        rest = [name for name in names if name not in addresses]
        waiting = [Deferred.fromCoroutine(look.addresses(name, self._kinds)) for name in rest]
        addresses.update(zip(rest, await gatherResults(waiting, consumeErrors=True), strict=True))
        return addresses


def _order(service: Service) -> tuple[int, int, str, int]:
    return service.priority, -service.weight, service.target, service.port
