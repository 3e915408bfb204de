"""Backends whose servers nobody reaches, to be shown and changed."""

from twisted.internet.task import Clock

from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.names.resolver import Resolver
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.upstream.assemble import Surroundings, assemble
from twisted_relay.upstream.backend import Backend

WALL = 1_800_000_000.0
"""2027-01-15T08:00:00Z."""


def make_backend(clock: Clock, options: BackendOptions) -> Backend:
    """A backend on this clock."""
    return assemble(options, Surroundings(clock, clock, Deadlines(clock, clock.seconds), Resolver(clock)))


def make_shop(clock: Clock, *more: ServerSpec) -> Backend:
    """The backend `shop` with the servers one (weight 2), two, a backup called spare, and more."""
    specs = (
        ServerSpec("one", "http", Address("10.0.0.1", 80), weight=2),
        ServerSpec("two", "http", Address("10.0.0.2", 80)),
        ServerSpec("spare", "https", Address("10.0.0.3", 443), backup=True),
        *more,
    )
    return make_backend(clock, BackendOptions(name="shop", servers=specs))
