"""Asks who sends the request. Who cannot say gets an answer, and nothing behind this filter sees the request."""

from twisted_relay.config.tree import ListenerOptions, RouteOptions
from twisted_relay.exchange import Exchange
from twisted_relay.filters.filter import Admission, Filter, Means, Proceed
from twisted_relay.http.message import Response


def for_route(options: RouteOptions, means: Means) -> Filter | None:
    """The filter of a route with `auth`, else None."""
    return AuthenticateFilter(means.doors[options.auth]) if options.auth else None


def for_proxy(options: ListenerOptions, means: Means) -> Filter | None:
    """The filter of a forward listener with `auth`, else None."""
    return AuthenticateFilter(means.proxy_doors[options.auth]) if options.auth else None


class AuthenticateFilter:
    """`auth` of a route or of a forward listener."""

    def __init__(self, door: Admission) -> None:
        self._door = door

    async def __call__(self, exchange: Exchange, proceed: Proceed) -> Response:
        """See `Filter`."""
        await self._door.admit(exchange)
        return await proceed(exchange)
