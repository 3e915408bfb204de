"""The way out: what the destination of a forward proxy's requests is made of, from the outside in.

Who asks (`auth`), to which port (`connect_ports`), what it may (`rules`), what is changed of a plain request (filters),
and then where it goes, past the guard; what is said in its tunnel (`peek`) comes last.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from twisted_relay.auth.door import ProxyDoor
from twisted_relay.config.tree import ListenerOptions, RouteOptions
from twisted_relay.config.values import PathPattern
from twisted_relay.downstream.pac import pac_file
from twisted_relay.downstream.plan import Plan
from twisted_relay.exchange import Destination
from twisted_relay.filters import TRIED_OUT, filters_of
from twisted_relay.filters.chain import chain, chain_requests
from twisted_relay.filters.filter import Means
from twisted_relay.guard.guard import Guard
from twisted_relay.guard.ourselves import Ourselves
from twisted_relay.http.proxied import OWN, PAC_PATHS
from twisted_relay.names.for_clients import ForClients
from twisted_relay.routing import Route
from twisted_relay.rules import Rules
from twisted_relay.rules.ways import Ways
from twisted_relay.upstream.assemble import Surroundings
from twisted_relay.upstream.bandwidth import Bandwidth, maker
from twisted_relay.upstream.forward import Forward
from twisted_relay.upstream.paced import Paced
from twisted_relay.upstream.parent import Parent
from twisted_relay.upstream.peeked import Peeked
from twisted_relay.upstream.permitted import Permitted
from twisted_relay.upstream.ports import ConnectPorts
from twisted_relay.upstream.through import Onward, Through


@dataclass(frozen=True, slots=True)
class Named:
    """What forward listeners name, by name."""

    rules: Mapping[str, Rules]
    doors: Mapping[str, ProxyDoor]
    parents: Mapping[str, Parent]


class Outward:
    """Makes the destinations of forward listeners, and knows what of them must be closed."""

    def __init__(self, surroundings: Surroundings, ourselves: Ourselves, named: Named) -> None:
        self._surroundings = replace(surroundings, resolver=ForClients(surroundings.resolver))
        self._ourselves = ourselves
        self._named = named
        self._means = Means(proxy_doors=named.doors)
        self._make_limit = maker(surroundings.reactor, surroundings.deadlines.now)
        self._limits = {
            name: {label: self._make_limit(rate) for label, rate in rules.limits.items()}
            for name, rules in named.rules.items()
        }
        self.ways = Ways(parent.options for parent in named.parents.values())
        self.forwards: list[Forward] = []
        self.peeked: dict[str, Peeked] = {}
        """By listener, where tunnels are looked into."""

    def destination(self, options: ListenerOptions) -> Destination:
        """Where all requests of one listener go."""
        guard = Guard(options.allow_destination, self._ourselves)
        forward = Forward(options, replace(self._surroundings, guard=guard))
        self.forwards.append(forward)
        destination: Destination = forward
        if self._named.parents:
            destination = Through(options, Onward(forward, self._named.parents, self.ways), guard)
        destination = self.around(options)(destination)
        rules = self._named.rules[options.rules] if options.rules else None
        bandwidth = Bandwidth(options, self._limits[options.rules] if options.rules else {}, self._make_limit)
        if not bandwidth.is_free:
            destination = Paced(bandwidth, destination)
        if options.peek == "sni":
            destination = self.peeked[options.name] = Peeked(options, rules, destination)
        if rules is not None:
            destination = Permitted(rules, destination, self._surroundings, options.connect_timeout)
        destination = ConnectPorts(options, destination)
        if options.auth and options.mode != "socks5":  # SOCKS asks before there is a request: see `downstream.socks5`
            destination = chain(filters_of(options, self._means, ("authenticate",)), destination)
        return destination

    def around(self, options: ListenerOptions) -> Callable[[Destination], Destination]:
        """The filters around the plain requests of one listener, behind its rules."""
        return partial(chain_requests, filters_of(options, self._means, TRIED_OUT))


def own_routes(options: ListenerOptions) -> list[Route[Plan]]:
    """What a forward proxy answers itself, and to everybody: neither its users nor its rules are asked."""
    if not options.pac:
        return []
    paths = tuple(PathPattern("exact", (OWN + path).decode("ascii")) for path in PAC_PATHS)
    answer = pac_file(options)
    return [Route(RouteOptions(name="", path=paths), Plan("", answer, options.max_body, own=answer))]
