"""The filters, in the order in which a request meets them. Each row makes a route's filter, or None."""

from collections.abc import Callable

from twisted_relay.config.tree import RouteOptions
from twisted_relay.filters import change_fields, rewrite
from twisted_relay.filters.filter import Filter

FILTERS: dict[str, Callable[[RouteOptions], Filter | None]] = {
    # First: the fields that the operator sets see the target and leave the fixed-up Location alone only if it is
    # their word that counts last on the way out.
    "change_fields": change_fields.for_route,
    # Next to the server: what it undoes in the response is what it did to the request.
    "rewrite": rewrite.for_route,
}


def filters_of(options: RouteOptions) -> list[Filter]:
    """The filters of a route, outermost first."""
    made = (make(options) for make in FILTERS.values())
    return [each for each in made if each is not None]
