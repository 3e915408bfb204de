"""The way of every request: listeners, routes and backends, tied together. Nothing listens, nothing runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from twisted_relay.auth.assemble import Authentication
from twisted_relay.auth.verifier import Verifier
from twisted_relay.config.tree import Config, ListenerOptions, RouteOptions
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan, itself
from twisted_relay.downstream.respond import redirect, respond
from twisted_relay.exchange import Destination, Observer
from twisted_relay.feeds.assemble import lists_of
from twisted_relay.filters import TRIED_OUT, filters_of
from twisted_relay.filters.chain import chain
from twisted_relay.filters.filter import Means
from twisted_relay.guard.loops import NotOurselves
from twisted_relay.guard.ourselves import Ourselves
from twisted_relay.routing import Route, Router
from twisted_relay.rules import Rules
from twisted_relay.traffic.outward import Named, Outward, own_routes
from twisted_relay.upstream.assemble import Surroundings, assemble
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.delivery import forward_to
from twisted_relay.upstream.forward import UPGRADES
from twisted_relay.upstream.parent import assemble_parent


@dataclass(frozen=True, slots=True)
class Given:
    """What a configuration cannot say."""

    ourselves: Ourselves = field(default_factory=Ourselves)
    """Where no client of a forward proxy is led back to."""
    verifiers: Mapping[str, Verifier] = field(default_factory=dict)
    """Who knows the passwords of a section, by name, where it is not its files."""


class Traffic:
    """The way of every request: listeners, routes and backends, tied together. Nothing listens, nothing runs."""

    def __init__(
        self,
        config: Config,
        surroundings: Surroundings,
        observers: Callable[[ListenerOptions], Sequence[Observer]],
        given: Given | None = None,
    ) -> None:
        """`observers` says who is told of every exchange of a listener. Raises `ConfigurationError`."""
        given = given or Given()
        self._deadlines = surroundings.deadlines
        self.lists = lists_of(config.lists)
        self.rules = {name: Rules(each, self.lists) for name, each in config.rules.items()}
        buckets = config.metrics.buckets
        wary = replace(surroundings, guard=NotOurselves(given.ourselves))
        self.parents = {name: assemble_parent(each, wary, buckets) for name, each in config.parents.items()}
        self.authentication = Authentication(
            config.auth.values(), surroundings.reactor, surroundings.deadlines.now, given.verifiers
        )
        named = Named(self.rules, self.authentication.proxy_doors, self.parents)
        self.outward = Outward(surroundings, given.ourselves, named)
        self._means = Means(self.authentication.doors)
        self._observers = observers
        self.backends = {name: assemble(each, surroundings, buckets) for name, each in config.backends.items()}
        routes = [(options, self._make_plan(options)) for options in config.routes]
        self.listeners = [self._make_listener(options, routes) for options in config.listeners]

    @property
    def groups(self) -> dict[str, Backend]:
        """All groups of servers, parents among them, by the name that commands and metrics have for them."""
        return {each.name: each for each in (*self.backends.values(), *self.parents.values())}

    def _make_plan(self, options: RouteOptions) -> Plan:
        if options.respond is not None:
            destination = respond(options)
        elif options.redirect is not None:
            destination = redirect(options.redirect)
        else:
            destination = forward_to(self.backends[options.backend])
        upgrades = None if "any" in options.upgrade else frozenset(word.encode("ascii") for word in options.upgrade)
        around = partial(chain, filters_of(options, self._means, TRIED_OUT))
        return Plan(
            options.name,
            chain(filters_of(options, self._means), destination),
            options.max_body or 0,
            upgrades,
            options.backend,
            own=None if options.backend else destination,
            around=around,
        )

    def _make_listener(self, options: ListenerOptions, routes: Sequence[tuple[RouteOptions, Plan]]) -> Listener:
        mine = [
            Route(route, plan if route.max_body is not None else _limited(plan, options.max_body))
            for route, plan in routes
            if not route.listener or options.name in route.listener
        ]
        if options.leads_out:
            mine = own_routes(options)
        fallback = self._fallback(options)
        if fallback is not None:
            backend = "" if options.redirect or options.leads_out else options.backend
            upgrades = UPGRADES if options.leads_out else frozenset()
            around = self.outward.around(options) if options.leads_out else itself
            plan = Plan("", fallback, options.max_body, upgrades, backend, around=around, leads_out=options.leads_out)
            mine.append(Route(RouteOptions(name=""), plan))
        listener = Listener(options, Router(mine), self._deadlines, self._observers(options))
        if options.mode == "socks5" and options.auth:
            listener.door = self.authentication.socks_doors[options.auth]
        return listener

    def _fallback(self, options: ListenerOptions) -> Destination | None:
        if options.leads_out:
            return self.outward.destination(options)
        if options.redirect is not None:
            return redirect(options.redirect)
        return forward_to(self.backends[options.backend]) if options.backend else None


def _limited(plan: Plan, max_body: int) -> Plan:
    return replace(plan, max_body=max_body)
