"""From what was found to servers: plain functions of records and of what the option says.

Weights and priorities of SRV records are those of RFC 2782; addresses that no server can have are refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from twisted_relay.config.addresses import is_host
from twisted_relay.config.values import Address, DiscoverSpec, ServerSpec
from twisted_relay.names.reply import Service

LAST_TIER = 99
"""The largest number of a tier, here as in `servers`."""
HEAVIEST = 256
"""The largest weight of a server."""


NOBODY = 1 << 24
"""IPv4 addresses below this, 0.0.0.0/8, are nobody's."""


class LookFailed(Exception):
    """A look brought nothing that can be used; `reason` is one word, the text is for people."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    """What a look has brought."""

    servers: tuple[ServerSpec, ...]
    """In an order that does not depend on that of the records; no two have one name."""
    holds: float
    """Seconds after which to look again."""
    remarks: tuple[str, ...] = ()
    """What whoever runs this should know: what was left aside, and why."""


@dataclass(frozen=True, slots=True)
class Place:
    """An address where a server was found, and what SRV says of it."""

    host: str
    address: Address
    weight: int = 1
    tier: int = 1


def unusable(address: str) -> str:
    """Why no server can be at an address that the DNS gave, or an empty text."""
    parsed = ip_address(address)
    for is_so, what in (
        (parsed.is_unspecified or (parsed.version == 4 and int(parsed) < NOBODY), "unspecified"),
        (parsed.is_multicast, "a multicast address"),
        (parsed.version == 6 and parsed.is_link_local, "link-local"),
        (parsed.version == 6 and getattr(parsed, "ipv4_mapped", None) is not None, "IPv4 in IPv6"),
        (parsed.version == 4 and parsed.is_reserved, "reserved"),
    ):
        if is_so:
            return what
    return ""


def places_at(host: str, port: int, addresses: Iterable[str]) -> list[Place]:
    """A place for each address of a name."""
    return [Place(host, Address(address, port)) for address in addresses]


def usable_services(services: Iterable[Service]) -> tuple[list[Service], list[str]]:
    """The services that may have servers, and remarks about the others. A target of `.` says that there are none."""
    usable, remarks = [], []
    for service in services:
        if not service.target:
            continue
        last_label = service.target.rpartition(".")[2]
        if not is_host(service.target) or last_label.isdigit():
            remarks.append(f"an SRV record names {service.target[:80]!a}, which is no host name")
        elif not service.port:
            remarks.append(f"an SRV record of {service.target} has port 0")
        else:
            usable.append(service)
    return usable, remarks


def priorities_after(services: Iterable[Service], before: Iterable[int]) -> tuple[int, ...]:
    """The priorities that count, in order: those of an answer, and those of the answers before it.

    One that nobody has any more keeps its place, or the servers behind it would change their tier when it goes, and so
    begin anew; but not when they become too many.
    """
    now = {each.priority for each in services}
    known = now.union(before)
    return tuple(sorted(known if len(known) <= LAST_TIER else now))


def places_of(
    services: Sequence[Service], addresses: Mapping[str, Sequence[str]], priorities: Sequence[int]
) -> list[Place]:
    """A place for each address of each service's target; `addresses` has those of the targets by name.

    The lowest of the priorities is tier 1, the next one tier 2, and so on, to `LAST_TIER`.
    """
    tiers = {priority: min(tier, LAST_TIER) for tier, priority in enumerate(priorities, 1)}
    weights = {priority: _weights(services, priority) for priority in {each.priority for each in services}}
    return [
        Place(
            service.target,
            Address(address, service.port),
            weights[service.priority][service.weight],
            tiers[service.priority],
        )
        for service in services
        for address in addresses.get(service.target, ())
    ]


def _weights(services: Sequence[Service], priority: int) -> dict[int, int]:
    """SRV weights (0 to 65535) of one priority → ours (1 to 256).

    Up to 256 they stay as they are; if one is larger, all become smaller by the same factor. 0 counts as 1: RFC 2782
    wants a small chance for it, not none.
    """
    written = {each.weight for each in services if each.priority == priority}
    factor = min(1.0, HEAVIEST / max(*written, 1))
    return {weight: max(1, round(weight * factor)) for weight in written}


def answer_from(spec: DiscoverSpec, places: Iterable[Place], holds: float) -> Answer:
    """The servers at these places: one for each address and port, the better tier and the larger weight first."""
    remarks: dict[str, None] = {}
    found: dict[str, ServerSpec] = {}
    for place in sorted(places, key=_rank):
        if reason := unusable(place.address.host):
            remarks[f"{place.host} has the address {place.address.host}, which is {reason}"] = None
            continue
        name = str(place.address)
        server = ServerSpec(name, spec.scheme, place.address, place.weight, tier=place.tier, host=place.host)
        found.setdefault(name, server)
    return limited(spec, tuple(found.values()), holds, tuple(remarks))


def _rank(place: Place) -> tuple[int, int, int, int, str]:
    parsed = ip_address(place.address.host)
    return place.tier, parsed.version, int(parsed), place.address.port, f"{HEAVIEST - place.weight:03} {place.host}"


def limited(spec: DiscoverSpec, servers: tuple[ServerSpec, ...], holds: float, remarks: tuple[str, ...]) -> Answer:
    """An answer with no more servers than the option allows: the first ones."""
    left = len(servers) - spec.most
    if left > 0:
        remarks = (*remarks, f"{left} of {len(servers)} servers are left aside: max={spec.most}")
    return Answer(servers[: spec.most], holds, remarks)
