"""What a filter is: a step around an exchange, before it goes on and after its response has come."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from twisted_relay.exchange import Exchange
from twisted_relay.http.message import Response

Proceed = Callable[[Exchange], Awaitable[Response]]
"""Goes on to the next filter, at last to the destination; raises a `RelayError` if there is no response."""


class Filter(Protocol):
    """One step. It may change the request, answer by itself, or change the response."""

    async def __call__(self, exchange: Exchange, proceed: Proceed) -> Response:
        """Answer the exchange, usually with what `proceed` brings. Raises `RelayError`."""
