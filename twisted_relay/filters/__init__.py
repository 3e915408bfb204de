"""The filters, in the order in which a request meets them. Each row makes a route's filter, or None."""

from collections.abc import Callable, Collection

from twisted_relay.config.tree import RouteOptions
from twisted_relay.filters import authenticate, change_fields, rewrite
from twisted_relay.filters.filter import NO_MEANS, Filter, Means

FILTERS: dict[str, Callable[[RouteOptions, Means], Filter | None]] = {
    # First: what follows is only done for somebody who is known, and sees the request as the client sent it no more.
    "authenticate": authenticate.for_route,
    # Before `rewrite`: the fields that the operator sets see the target and leave the fixed-up Location alone only if
    # it is their word that counts last on the way out.
    "change_fields": lambda options, _: change_fields.for_route(options),
    # Next to the server: what it undoes in the response is what it did to the request.
    "rewrite": lambda options, _: rewrite.for_route(options),
}


TRIED_OUT = frozenset(FILTERS) - {"authenticate"}
"""What is asked for by `relay explain`: it shows what becomes of a request whose user is known."""


def filters_of(
    options: RouteOptions, means: Means = NO_MEANS, names: Collection[str] = frozenset(FILTERS)
) -> list[Filter]:
    """The filters of a route that have one of these names, outermost first."""
    made = (make(options, means) for name, make in FILTERS.items() if name in names)
    return [each for each in made if each is not None]
