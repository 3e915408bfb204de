"""What a filter is: a step around an exchange, before it goes on and after its response has come."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from twisted_relay.exchange import Exchange
from twisted_relay.http.message import Response

Proceed = Callable[[Exchange], Awaitable[Response]]
"""Goes on to the next filter, at last to the destination; raises a `RelayError` if there is no response."""


class Filter(Protocol):
    """One step. It may change the request, answer by itself, or change the response."""

    async def __call__(self, exchange: Exchange, proceed: Proceed) -> Response:
        """Answer the exchange, usually with what `proceed` brings. Raises `RelayError`."""


class Admission(Protocol):
    """What lets requests pass if it knows who sends them; see `auth.door`."""

    async def admit(self, exchange: Exchange) -> None:
        """Returns if the request may pass; raises a `RelayError`."""


@dataclass(frozen=True, slots=True)
class Means:
    """What filters share that lives as long as the configuration."""

    doors: Mapping[str, Admission] = field(default_factory=dict)
    """By the name of the [auth:] section, for routes."""
    proxy_doors: Mapping[str, Admission] = field(default_factory=dict)
    """The same for forward proxies."""


NO_MEANS = Means()
