"""Tries that go through a proxy: with the whole URI, as to the origin, and of a tunnel, which stands already."""

from collections.abc import Sequence

from twisted_relay.errors import ParentDenied, ServerError
from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.http1 import write_whole_request
from twisted_relay.http.message import Answered, Response
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.http1 import Try, Upgraded


class ProxyTry(Try):
    """A try of plain http over a connection to an HTTP proxy. `lines` are for that proxy alone: our credentials."""

    __slots__ = ("_lines",)

    def __init__(
        self, exchange: Exchange, connection: UpstreamConnection, answered: Answered, lines: Sequence[bytes]
    ) -> None:
        super().__init__(exchange, connection, answered)
        self._lines = lines

    def _head(self, authority: bytes) -> bytes:
        return write_whole_request(self._exchange.request, authority, self._lines)

    def _take_response(self, response: Response, rest: bytes) -> None:
        """A challenge of the proxy is for us, and we have no other answer to it. Proxies pass on what origins answer,
        so it is not held against them."""
        if response.status == 407:
            self.server.count_response(407)
            error = ParentDenied("the parent wants other credentials: it answered 407")
            error.is_held_against_servers = False
            self.server.count_error(error)
            raise error
        super()._take_response(response, rest)


class OriginTry(Try):
    """A try over a connection that leads through a proxy to the origin itself: what goes wrong is not the proxy's."""

    __slots__ = ()

    def _fail(self, error: ServerError) -> None:
        error.is_held_against_servers = False
        super()._fail(error)


class TunnelTry(Try):
    """A try of CONNECT: its connection leads to the destination already, and belongs to whoever takes the answer.

    The server is busy until the tunnel is closed. How long that may be idle is for the listener to say.
    """

    __slots__ = ()

    def start(self, authority: bytes) -> None:
        """Answer that the tunnel stands."""
        connection, exchange = self._connection, self._exchange
        assert connection is not None
        connection.uses += 1
        exchange.sent = connection.asked
        exchange.first_byte = connection.now()
        self.server.count_response(200)
        released, self.released = self.released, None
        self._connection = None
        connection.owner.lost(connection)
        response = Response(200, b"Connection established", Fields())
        response.upgraded = Upgraded(connection.transport, connection.early, 0.0, released)
        self._answer(response)
