"""The check `tls`: a TLS handshake as those of the traffic are, with the same verification; closed in order."""

from twisted_relay.errors import RelayError
from twisted_relay.health.check import CheckFailed
from twisted_relay.health.connections import CheckConnections, Goodbye, explain, waiting_for
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.question import connect
from twisted_relay.upstream.server import Server


class TLSCheck:
    """Shakes hands; healthy is who shows a certificate that traffic would accept."""

    def __init__(self, backend: Backend) -> None:
        self._connections = CheckConnections(backend)

    def forget(self, server: Server) -> None:
        """See `NetworkCheck`."""
        self._connections.forget(server)

    async def probe(self, server: Server) -> None:
        """See `Check`."""
        if server.spec.scheme != "https":
            raise CheckFailed("tls: the server is not an https server")
        try:
            with waiting_for("tls: no handshake"):
                connection = await connect(self._connections.pool(server))
        except RelayError as error:
            raise CheckFailed(f"tls: {explain(error)}") from error
        Goodbye(connection)
