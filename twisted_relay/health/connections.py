"""The connections of checks: made as those of the traffic are, but apart from them.

Name look-up, connector and TLS are the same, so a check fails for what requests would fail for; but nothing of it is
counted as traffic, no connection is shared with it, and only the check's own time limit holds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace

from twisted.internet.defer import CancelledError

from twisted_relay.config.values import Address
from twisted_relay.errors import RelayError, TLSFailed
from twisted_relay.health.check import CutShort
from twisted_relay.net.deadlines import NEVER
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.dial import Dialler
from twisted_relay.upstream.pool import Pool
from twisted_relay.upstream.server import Server

CLOSE_WITHIN = 2.0
"""Seconds that a server has to answer the end of a TLS connection."""


class CheckConnections:
    """For each server of a backend that is checked a pool of the checks' own, which keeps `kept` idle connections.

    With `plain` there is no TLS, also to https servers.
    """

    def __init__(self, backend: Backend, *, kept: int = 0, plain: bool = False) -> None:
        self._options = replace(
            backend.options, response_timeout=NEVER, idle_timeout=NEVER, pool_idle=kept, pool_idle_timeout=NEVER
        )
        self._plain = plain
        self._pools: dict[Server, Pool] = {}

    def pool(self, server: Server) -> Pool:
        """Connections to a server as traffic would make them, on the port for checks."""
        pool = self._pools.get(server)
        if pool is None:
            pool = self._pools[server] = server.pool.apart(self._aimed(server.pool.dialler), self._options)
        return pool

    def forget(self, server: Server) -> None:
        """Close what is open to a server that is checked no more."""
        pool = self._pools.pop(server, None)
        if pool is not None:
            pool.close()

    def _aimed(self, dialler: Dialler) -> Dialler:
        """A dialler of our own: it may have another port, or no TLS."""
        dialler = copy(dialler)
        address, port = dialler.spec.address, self._options.check_port
        if port and isinstance(address, Address):
            dialler.spec = replace(dialler.spec, address=Address(address.host, port))
        if self._plain:
            dialler.tls = None
        return dialler


@contextmanager
def waiting_for(what: str) -> Iterator[None]:
    """If the check is called off meanwhile, `what` says what it waited in vain for."""
    try:
        yield
    except CancelledError as error:
        raise CutShort(what) from error


def explain(error: RelayError) -> str:
    """What happened, in words."""
    if isinstance(error, TLSFailed):
        return f"TLS failed: {error}"
    return "connection refused" if str(error) == "refused" else str(error)


class Goodbye:
    """What an established connection is lent to so that it ends in order, TLS included, or after `CLOSE_WITHIN`."""

    def __init__(self, connection: UpstreamConnection) -> None:
        self._connection = connection
        connection.current = self
        connection.deadline = connection.now() + CLOSE_WITHIN
        connection.finish()

    def received(self, data: bytes) -> None:
        """See `Use`: too late."""

    def lost(self, *, in_order: bool) -> None:
        """See `Use`."""

    def expired(self, now: float) -> None:
        """See `Use`."""
        self._connection.deadline = NEVER
        self._connection.abort()
