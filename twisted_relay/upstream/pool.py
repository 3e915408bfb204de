"""The connections to one server: idle ones are lent again, newest first, and new ones are dialled.

A connection is idle, lent, or gone; the pool closes what has been idle too long, has served enough or is too old
(`http.md` §15). Knows nothing of requests.
"""

from collections.abc import Callable

from twisted_relay.config.tree import BackendOptions
from twisted_relay.errors import RelayError
from twisted_relay.histogram import FAST_BOUNDS, Histogram
from twisted_relay.net.deadlines import NEVER, Deadlines
from twisted_relay.net.transport import surplus
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.dial import Dial, Dialler
from twisted_relay.upstream.server import Server

Connected = Callable[[UpstreamConnection | RelayError], None]
"""Takes a connection that has just been made, or why there is none."""


class Pool:
    """The connections to one server."""

    def __init__(self, server: Server, dialler: Dialler, deadlines: Deadlines, connect_times: Histogram) -> None:
        self.server = server
        self.idle: list[UpstreamConnection] = []
        self.open = 0
        """Connections that are established, idle or lent."""
        self._connections: set[UpstreamConnection] = set()
        self.dialler = dialler
        self._deadlines = deadlines
        self._connect_times = connect_times
        self._closed = False

    def apart(self, dialler: Dialler, options: BackendOptions) -> "Pool":
        """A pool to the same server for what is not traffic: it counts on its own, and keeps what `options` say."""
        server = Server(self.server.spec, options, self._deadlines.now)
        return Pool(server, dialler, self._deadlines, Histogram(FAST_BOUNDS))

    def take(self) -> UpstreamConnection | None:
        """The newest idle connection, or None."""
        while self.idle:
            connection = self.idle.pop()
            if surplus(connection.transport):
                self.lost(connection)
                connection.abort()  # what came belongs to nobody, and nobody may get it
            elif self.server.options.pool_max_age and self._is_old(connection):
                connection.close()
            else:
                self.server.counters.reuses += 1
                return connection
        return None

    def dial(self, connected: Connected) -> Dial:
        """Open a connection and call back with it or with the error; the caller may cancel it until then."""
        started = self._deadlines.now()

        def done(result: UpstreamConnection | RelayError) -> None:
            if isinstance(result, UpstreamConnection):
                self._connect_times.observe(self._deadlines.now() - started)
                self._opened(result)
            connected(result)

        return self.dialler.dial(self._make_connection, done)

    def give_back(self, connection: UpstreamConnection) -> None:
        """A connection has served its request and can serve another."""
        options = self.server.options
        now = self._deadlines.now()
        worn = 0 < options.pool_max_requests <= connection.uses
        if self._closed or worn or self._is_old(connection) or len(self.idle) >= options.pool_idle:
            connection.close()
            return
        connection.deadline = now + options.pool_idle_timeout
        self.idle.append(connection)

    def _is_old(self, connection: UpstreamConnection) -> bool:
        limit = self.server.options.pool_max_age
        return bool(limit) and self._deadlines.now() - connection.opened > limit

    def lost(self, connection: UpstreamConnection) -> None:
        """A connection is gone."""
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        self._deadlines.members.discard(connection)
        self.open -= 1
        if connection in self.idle:
            self.idle.remove(connection)

    def close_idle(self) -> None:
        """Close what nobody uses: the server is down, or the pool is to be emptied."""
        idle, self.idle = self.idle, []
        for connection in idle:
            connection.close()

    def retire(self) -> None:
        """Keep nothing from now on; what is lent goes on to its end."""
        self._closed = True
        self.close_idle()

    def close(self) -> None:
        """Close everything, also what is lent, and keep nothing from now on."""
        self._closed = True
        self.close_idle()
        for connection in list(self._connections):
            connection.abort()

    def _make_connection(self) -> UpstreamConnection:
        return UpstreamConnection(self, self._deadlines.now)

    def _opened(self, connection: UpstreamConnection) -> None:
        self.open += 1
        self.server.counters.connections += 1
        connection.opened = self._deadlines.now()
        connection.deadline = NEVER
        self._connections.add(connection)
        self._deadlines.members.add(connection)
