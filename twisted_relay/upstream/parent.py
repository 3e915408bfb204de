"""A parent: a backend whose servers are proxies. Choosing, checks, ejection, limits and retries are those of backends.

What differs is how a connection to the destination comes about, and what is written on it:

    proxy          http://…                                          CONNECT
    http, https    the whole URI, over the pool to the proxy         a tunnel through it, opened by CONNECT
    socks5         as to the origin, over a pool for this origin     a tunnel, opened by SOCKS5

What leaves HTTP by an upgrade goes as to the origin too, through a tunnel (RFC 6455 §4.1).
"""

from base64 import b64encode
from collections import OrderedDict
from copy import copy
from dataclasses import replace
from typing import cast

from twisted_relay.config.secrets import read_password
from twisted_relay.config.tree import ParentOptions
from twisted_relay.config.values import Address
from twisted_relay.errors import ParentDenied, RelayError, ServerError
from twisted_relay.exchange import Exchange
from twisted_relay.guard.hosts import read_host
from twisted_relay.histogram import DURATION_BOUNDS
from twisted_relay.http.message import Answered
from twisted_relay.http.proxied import authority_of, destination
from twisted_relay.upstream.assemble import Surroundings, dialler_to, furnished
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.dial import Dial, Dialler, Opener
from twisted_relay.upstream.http1 import Try
from twisted_relay.upstream.opening import Opened, Opening
from twisted_relay.upstream.pool import Connected, Pool
from twisted_relay.upstream.proxy_tries import OriginTry, ProxyTry, TunnelTry
from twisted_relay.upstream.retry import NOT_SENT
from twisted_relay.upstream.server import PARENT_REASONS, Server
from twisted_relay.upstream.talks import ConnectTalk, SocksTalk, Talk

MAX_ORIGINS = 1000
"""Origins of one SOCKS5 proxy whose connections are kept; of more, the one used longest ago is let go."""


class Credentials:
    """What proxies are told of us; never shown."""

    __slots__ = ("lines", "password", "username")

    def __init__(self, username: str = "", password: str = "") -> None:
        self.username = username.encode()
        self.password = password.encode()
        pair = b64encode(b"%b:%b" % (self.username, self.password))
        self.lines = (b"Proxy-Authorization: Basic " + pair,) if username else ()
        """For HTTP proxies; none without a user name."""

    def talk(self, server: Server, destination: Address, way: bytes) -> Talk:
        """What is said to a proxy to reach a destination; `way` is the value of Via, if it shall know that."""
        if server.spec.scheme == "socks5":
            return SocksTalk(destination, self.username, self.password)
        return ConnectTalk(destination, (b"Via: " + way, *self.lines) if way else self.lines)


class Parent(Backend):
    """The proxies of one [parent:] section."""

    options: ParentOptions

    def __init__(self, options: ParentOptions, surroundings: Surroundings, bounds: tuple[float, ...]) -> None:
        """Raises `ConfigurationError` for a password that cannot be read."""
        deadlines = surroundings.deadlines
        super().__init__(options, surroundings.reactor, deadlines, bounds, surroundings.random)
        self.bypassed = 0
        """Requests that went straight, since no proxy could be used."""
        self.credentials = Credentials()
        if options.password_file:
            self.credentials = Credentials(options.username, read_password(options.password_file))
        self.pool_for = self._pool_for
        self.make_try = self._make_try

    def tell(self, server: Server, error: RelayError | None, code: int) -> None:
        """See `Backend`. Status codes, and what follows after a request was passed on, say something of origins: some
        proxies close when an origin does. Else a client could have every proxy ejected by asking for what is down."""
        if error is None:
            super().tell(server, None, 200)
        elif isinstance(error, ServerError) and _is_about_the_proxy(error):
            super().tell(server, error, code)

    def authority_for(self, exchange: Exchange, server: Server) -> bytes:
        """See `Backend`."""
        address = _aim(exchange)
        return authority_of(address.host, address.port)

    def _pool_for(self, exchange: Exchange, server: Server) -> Pool:
        """Where a connection for an exchange through this server comes from."""
        pool = cast(ProxyPool, server.pool)
        if exchange.request.method == b"CONNECT":
            return pool.tunnel(_aim(exchange), _way(exchange))
        if server.spec.scheme == "socks5" or exchange.request.upgrade:
            return pool.origin(_aim(exchange))
        return pool

    def _make_try(self, exchange: Exchange, connection: UpstreamConnection, answered: Answered) -> Try:
        """What sends an exchange over a connection."""
        if exchange.request.method == b"CONNECT":
            return TunnelTry(exchange, connection, answered)
        if not isinstance(connection.owner, ProxyPool):
            return OriginTry(exchange, connection, answered)
        return ProxyTry(exchange, connection, answered, self.credentials.lines)


def _aim(exchange: Exchange) -> Address:
    """Where it wants to go, in normal form: what was judged is what is asked for."""
    host, port = destination(exchange.request)
    return Address(read_host(host), port)


def _way(exchange: Exchange) -> bytes:
    """What Via says of a tunnel, if the listener tells: by it proxies know a request that goes round."""
    return b", ".join(exchange.request.fields.get_all(b"via")) if exchange.origin.via else b""


def _is_about_the_proxy(error: ServerError) -> bool:
    return error.is_held_against_servers and isinstance(error, (*NOT_SENT, ParentDenied))


class ThroughPool(Pool):
    """Connections through one proxy to one destination."""

    def dial(self, connected: Connected) -> Dial:
        """See `Pool`. That a destination is not reached is no fault of the proxy, but it is counted."""

        def told(result: UpstreamConnection | RelayError) -> None:
            if isinstance(result, ServerError) and not result.is_held_against_servers:
                self.server.count_error(result)
            connected(result)

        return super().dial(told)


class ProxyPool(Pool):
    """The connections to one proxy, and through it."""

    def __init__(self, parent: Parent, server: Server, dialler: Dialler) -> None:
        super().__init__(server, dialler, parent.deadlines, parent.counters.connect_times)
        server.counters.errors.update(dict.fromkeys(PARENT_REASONS, 0))
        self._credentials = parent.credentials
        self._origins: OrderedDict[Address, Pool] = OrderedDict()

    def tunnel(self, destination: Address, way: bytes) -> Pool:
        """Where one connection through the proxy comes from; it is never idle. `way` is what Via says."""
        return self._through(self.opener_to(destination, way))

    def origin(self, destination: Address) -> Pool:
        """The connections through the proxy to one origin."""
        pool = self._origins.get(destination)
        if pool is None:
            pool = self._origins[destination] = self._through(self.opener_to(destination, is_pure=True))
            if self._closed:
                pool.retire()
            if len(self._origins) > MAX_ORIGINS:
                self._origins.popitem(last=False)[1].retire()
        else:
            self._origins.move_to_end(destination)
        return pool

    def _through(self, opener: Opener) -> Pool:
        dialler = copy(self.dialler)
        dialler.opening = opener
        return ThroughPool(self.server, dialler, self._deadlines, self._connect_times)

    def opener_to(self, destination: Address, way: bytes = b"", *, is_pure: bool = False) -> Opener:
        """What makes a connection to the proxy one to a destination; `is_pure` as in `Opening`."""

        def opener(connection: UpstreamConnection, opened: Opened) -> None:
            talk = self._credentials.talk(self.server, destination, way)
            Opening(connection, talk, opened, is_pure=is_pure).start()

        return opener

    def close_idle(self) -> None:
        """See `Pool`."""
        super().close_idle()
        for pool in self._origins.values():
            pool.close_idle()

    def retire(self) -> None:
        """See `Pool`."""
        super().retire()
        for pool in self._origins.values():
            pool.retire()

    def close(self) -> None:
        """See `Pool`."""
        super().close()
        for pool in self._origins.values():
            pool.close()


def assemble_parent(
    options: ParentOptions, surroundings: Surroundings, bounds: tuple[float, ...] = DURATION_BOUNDS
) -> Parent:
    """The parent of these options, as `assemble` makes a backend; the guard of `surroundings` judges its proxies.

    Raises `ConfigurationError` for a password or certificates that cannot be used.
    """
    parent = Parent(options, surroundings, bounds)

    def make_pool(server: Server) -> Pool:
        known = surroundings if isinstance(server.spec.address, Address) else replace(surroundings, guard=None)
        dialler = dialler_to(server.spec, options, known)
        return ProxyPool(parent, server, dialler)

    furnished(parent, make_pool)
    return parent
