"""A backend put together from its options: its servers, a pool and a dialler for each, its policy.

Knows neither who sends it exchanges nor who watches its servers; both come after.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IReactorTime

from twisted_relay.balancing.policy import Random
from twisted_relay.config.secrets import read_secret
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.histogram import DURATION_BOUNDS
from twisted_relay.names.host import is_address
from twisted_relay.names.resolver import Resolver
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.tls import server_context
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.dial import Dialler, Judge
from twisted_relay.upstream.pool import Pool
from twisted_relay.upstream.server import Server
from twisted_relay.upstream.sticky import Sticky


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a backend shares with others."""

    reactor: IReactorTime
    poller: Any
    """What connections to servers register with: a `Poller`, or the reactor itself."""
    deadlines: Deadlines
    resolver: Resolver
    random: Random = random.random
    """What policies and others draw from: numbers from 0 to 1."""
    make_dialler: Callable[[ServerSpec, BackendOptions, "Surroundings"], Dialler] | None = None
    """Makes what opens connections to a server, where that is not the network: a seam for simulations."""
    guard: Judge | None = None
    """Judges every address that is dialled: where clients choose the destinations, and of parents."""


def assemble(
    options: BackendOptions, surroundings: Surroundings, bounds: tuple[float, ...] = DURATION_BOUNDS
) -> Backend:
    """The backend of these options; nothing runs yet. `bounds` are those of its histograms, in seconds.

    Raises `ConfigurationError` for certificates that cannot be used.
    """
    deadlines = surroundings.deadlines
    backend = Backend(options, surroundings.reactor, deadlines, bounds, surroundings.random)

    def make_pool(server: Server) -> Pool:
        dialler = dialler_to(server.spec, options, surroundings)
        return Pool(server, dialler, deadlines, backend.counters.connect_times)

    furnished(backend, make_pool)
    if options.sticky is not None:
        secret = read_secret(options.sticky_secret_file) if options.sticky_secret_file else b""
        backend.sticky = Sticky(options.sticky, options.name, secret)
        backend.refresh()
    return backend


def furnished(backend: Backend, make_pool: Callable[[Server], Pool]) -> None:
    """Give a backend the servers of its options, each with its pool."""
    options = backend.options
    backend.make_pool = make_pool
    for spec in options.servers:
        server = Server(spec, options, backend.now)
        backend.enlist(server, make_pool(server))
    backend.refresh()


def dialler_to(spec: ServerSpec, options: BackendOptions, surroundings: Surroundings) -> Dialler:
    """What opens connections to a server."""
    return (surroundings.make_dialler or _dialler)(spec, options, surroundings)


def look_up_servers(backend: Backend, resolver: Resolver) -> None:
    """Begin to look up the names of a backend's servers, so that they are known when they are needed."""
    for server in backend.servers:
        address = server.spec.address
        if isinstance(address, Address) and not is_address(address.host):
            resolver.watch(address.host)


def _dialler(spec: ServerSpec, options: BackendOptions, surroundings: Surroundings) -> Dialler:
    host = spec.address.host if isinstance(spec.address, Address) else "localhost"
    context = server_context(options, spec.host or host) if spec.scheme == "https" else None
    return Dialler(
        surroundings.poller, spec, surroundings.resolver, context, time_to_connect(options), surroundings.guard
    )


def time_to_connect(options: BackendOptions) -> float:
    """Seconds in which a connection must stand: a part of the time for one try."""
    return min(options.connect_timeout, options.per_try_timeout or options.connect_timeout)
