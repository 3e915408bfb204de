"""The check `connect`: a proxy opens a tunnel to a destination, as it would for traffic; then it is closed in order."""

from typing import cast

from twisted_relay.config.addresses import parse_host_and_port
from twisted_relay.errors import RelayError
from twisted_relay.health.check import CheckFailed
from twisted_relay.health.connections import CheckConnections, Goodbye, explain, waiting_for
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.parent import ProxyPool
from twisted_relay.upstream.question import connect
from twisted_relay.upstream.server import Server


class ConnectCheck:
    """Asks a proxy for a way; healthy is who opens it. Only for parents."""

    def __init__(self, backend: Backend) -> None:
        assert backend.options.check is not None
        self._destination = parse_host_and_port(backend.options.check.path)
        self._connections = CheckConnections(backend)

    def forget(self, server: Server) -> None:
        """See `NetworkCheck`."""
        self._connections.forget(server)

    async def probe(self, server: Server) -> None:
        """See `Check`."""
        pool = self._connections.pool(server)
        pool.dialler.opening = cast(ProxyPool, server.pool).opener_to(self._destination)
        try:
            with waiting_for(f"connect {self._destination}: no answer"):
                connection = await connect(pool)
        except RelayError as error:
            raise CheckFailed(f"connect {self._destination}: {explain(error)}") from error
        Goodbye(connection)
