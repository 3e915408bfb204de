"""Sets, adds and removes fields of the request that goes on and of the response that comes back.

Order, in each direction: remove, set, add. Fields of the connection and of the framing cannot be changed: the
configuration refuses them.
"""

from collections.abc import Sequence
from typing import Protocol

from twisted_relay.config.values import FieldLine
from twisted_relay.exchange import Exchange
from twisted_relay.filters.filter import Filter, Proceed
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Response


class Options(Protocol):
    """Where the changes stand: a route, or a forward listener."""

    @property
    def remove_request_header(self) -> Sequence[str]: ...
    @property
    def set_request_header(self) -> Sequence[FieldLine]: ...
    @property
    def add_request_header(self) -> Sequence[FieldLine]: ...
    @property
    def remove_response_header(self) -> Sequence[str]: ...
    @property
    def set_response_header(self) -> Sequence[FieldLine]: ...
    @property
    def add_response_header(self) -> Sequence[FieldLine]: ...


def filter_of(options: Options) -> Filter | None:
    """The filter that changes what the options say, None if they say nothing."""
    request = Changes(options.remove_request_header, options.set_request_header, options.add_request_header)
    response = Changes(options.remove_response_header, options.set_response_header, options.add_response_header)
    return ChangeFieldsFilter(request, response) if request or response else None


class Changes:
    """What is changed in one direction."""

    __slots__ = ("_added", "_removed")

    def __init__(self, removed: Sequence[str], set_: Sequence[FieldLine], added: Sequence[FieldLine]) -> None:
        names = [*removed, *(line.name for line in set_)]
        self._removed = frozenset(_plain(name.encode("ascii")) for name in names)
        self._added = [f"{line.name}: {line.value}".encode() for line in (*set_, *added)]

    def __bool__(self) -> bool:
        return bool(self._removed or self._added)

    def apply(self, fields: Fields) -> None:
        """Change the fields."""
        if self._removed:
            fields.lines = [line for line in fields.lines if _plain(line.partition(b":")[0]) not in self._removed]
        fields.lines += self._added


def _plain(name: bytes) -> bytes:
    """A field name as servers with CGI variables see it: `X_User` and `X-User` are one variable there."""
    return name.lower().replace(b"_", b"-")


class ChangeFieldsFilter:
    """The `set_`, `add_` and `remove_` options of a route or of a forward listener."""

    def __init__(self, request: Changes, response: Changes) -> None:
        self._request = request
        self._response = response

    async def __call__(self, exchange: Exchange, proceed: Proceed) -> Response:
        """See `Filter`."""
        self._request.apply(exchange.request.fields)
        response = await proceed(exchange)
        self._response.apply(response.fields)
        return response
