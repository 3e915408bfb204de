"""The filters, in the order in which a request meets them: those of routes, and those of a forward proxy's requests."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from twisted_relay.config.tree import ListenerOptions, RouteOptions
from twisted_relay.filters import authenticate, change_fields, rewrite
from twisted_relay.filters.filter import NO_MEANS, Filter, Means


def _none(options: ListenerOptions, means: Means) -> None:
    """There is no such filter for forward proxies."""


class Makers(NamedTuple):
    """What makes a filter, or None if the options ask for none."""

    for_route: Callable[[RouteOptions, Means], Filter | None]
    for_proxy: Callable[[ListenerOptions, Means], Filter | None] = _none
    """For a listener that goes where its clients say. Ports and rules come behind `authenticate`, before the rest."""


FILTERS: dict[str, Makers] = {
    # First: what follows is only done for somebody who is known, and sees the request as the client sent it no more.
    "authenticate": Makers(authenticate.for_route, authenticate.for_proxy),
    # Before `rewrite`: the fields that the operator sets see the target and leave the fixed-up Location alone only if
    # it is their word that counts last on the way out.
    "change_fields": Makers(
        lambda options, _: change_fields.filter_of(options), lambda options, _: change_fields.filter_of(options)
    ),
    # Next to the server: what it undoes in the response is what it did to the request.
    "rewrite": Makers(lambda options, _: rewrite.for_route(options)),
}


TRIED_OUT = frozenset(FILTERS) - {"authenticate"}
"""What is asked for by `relay explain`: it shows what becomes of a request whose user is known. Of a forward proxy it
is what stands around its plain requests, behind the rules."""


def filters_of(
    options: RouteOptions | ListenerOptions, means: Means = NO_MEANS, names: Collection[str] = frozenset(FILTERS)
) -> list[Filter]:
    """The filters of a route or a forward proxy that have one of these names, outermost first."""
    makers = [each for name, each in FILTERS.items() if name in names]
    if isinstance(options, RouteOptions):
        made = [each.for_route(options, means) for each in makers]
    else:
        made = [each.for_proxy(options, means) for each in makers]
    return [each for each in made if each is not None]
