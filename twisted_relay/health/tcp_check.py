"""The check `tcp`: a connection can be made; if asked for, something is sent and something is expected.

There is no TLS in it, also for https servers. The connection is closed in order.
"""

from twisted.internet.defer import Deferred

from twisted_relay.conditions import shown
from twisted_relay.errors import RelayError
from twisted_relay.health.check import CheckFailed
from twisted_relay.health.connections import CheckConnections, Goodbye, explain, waiting_for
from twisted_relay.health.expectations import SHOWN
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.question import connect
from twisted_relay.upstream.server import Server

MAX_RECEIVED = 65536
"""Octets of a server in which `check_expect` may stand."""


class TCPCheck:
    """Connects; healthy is who accepts, and says what is expected."""

    def __init__(self, backend: Backend) -> None:
        self._send = backend.options.check_send
        self._expect = backend.options.check_expect
        self._connections = CheckConnections(backend, plain=True)

    def forget(self, server: Server) -> None:
        """See `NetworkCheck`."""
        self._connections.forget(server)

    async def probe(self, server: Server) -> None:
        """See `Check`."""
        try:
            with waiting_for("tcp: no connection"):
                connection = await connect(self._connections.pool(server))
        except RelayError as error:
            raise CheckFailed(f"tcp: {explain(error)}") from error
        try:
            await self._converse(connection)
        except BaseException:
            connection.abort()
            raise
        Goodbye(connection)

    async def _converse(self, connection: UpstreamConnection) -> None:
        if self._send:
            connection.write(self._send)
        if self._expect:
            with waiting_for(f'tcp: no "{shown(self._expect)}"'):
                await Listening(connection, self._expect).found


class Listening:
    """What a connection is lent to until something has been received. `found` fires then, or fails `CheckFailed`."""

    def __init__(self, connection: UpstreamConnection, expected: bytes) -> None:
        self.found: Deferred[None] = Deferred()
        self._connection = connection
        self._expected = expected
        self._buffer = bytearray()
        connection.current = self

    def received(self, data: bytes) -> None:
        """See `Use`."""
        if self.found.called:
            return
        searched = max(0, len(self._buffer) - len(self._expected) + 1)
        self._buffer += data
        if self._buffer.find(self._expected, searched, MAX_RECEIVED) >= 0:
            self.found.callback(None)
        elif len(self._buffer) >= MAX_RECEIVED:
            self._fail(f"not in the first {MAX_RECEIVED} octets")

    def lost(self, *, in_order: bool) -> None:
        """See `Use`."""
        self._fail("the server closed the connection")

    def expired(self, now: float) -> None:
        """See `Use`: the check's own time limit holds."""

    def _fail(self, why: str) -> None:
        if not self.found.called:
            self.found.errback(CheckFailed(self._said(why)))

    def _said(self, why: str) -> str:
        seen = f'"{shown(bytes(self._buffer[:SHOWN]))}"' if self._buffer else "nothing"
        return f'tcp: expected "{shown(self._expected)}", got {seen}: {why}'
