"""Where requests of a forward proxy go: to the origin that each names itself, or through a tunnel to it.

Origins of plain HTTP have a small backend each, with its pool; the most recently used ones are kept. A tunnel is a
connection of its own. Which destinations are allowed is not decided here: the guard of `surroundings` judges every
address that is dialled.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from twisted_relay.config.tree import BackendOptions, ListenerOptions
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.errors import BadRequest, RelayError
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.guard.hosts import read_host
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Answer, Answered, Response
from twisted_relay.http.proxied import destination
from twisted_relay.names.resolved import Resolved
from twisted_relay.net.deadlines import NEVER
from twisted_relay.upstream.assemble import Surroundings, assemble, dialler_to
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.delivery import forward_to
from twisted_relay.upstream.dial import Dial, Dialler
from twisted_relay.upstream.server import Server

MAX_ORIGINS = 1000
"""Origins whose connections are kept; of more, the one that was used longest ago is let go."""

UPGRADES = frozenset((b"websocket",))
"""What clients may upgrade plain http to. Some of them open WebSockets of http so, and not with CONNECT."""

Origin = tuple[str, int, frozenset[str] | None]
"""Host and port, and the addresses to which the rules have narrowed the host: to others no connection is shared."""


class Forward:
    """The destination of all requests of one forward listener."""

    def __init__(self, options: ListenerOptions, surroundings: Surroundings) -> None:
        self._options = options
        self._surroundings = surroundings
        self._origins: OrderedDict[Origin, tuple[Backend, Destination]] = OrderedDict()
        self._asking = BackendOptions(
            name="",
            connect_timeout=options.connect_timeout,
            response_timeout=options.response_timeout,
            tunnel_timeout=options.tunnel_idle_timeout,
            eject_after=None,
            retry_budget=None,
            retries=1,
        )
        self._opening = BackendOptions(name=options.name, connect_timeout=options.connect_timeout)
        now = surroundings.deadlines.now
        self._tunnels = _Tunnels(Server(_spec("tunnels", 0), self._opening, now), now)

    def __call__(self, exchange: Exchange, answered: Answered) -> None:
        """See `Destination`."""
        host, port = destination(exchange.request)
        self._surroundings.resolver.on_behalf_of(exchange.origin.client)
        if exchange.request.method == b"CONNECT":
            surroundings = self._surroundings_for(exchange.addresses)
            spec = _spec(host, port)
            dialler = dialler_to(spec, self._opening, surroundings)
            Connecting(self._options, self._tunnels, exchange, answered).start(spec.name, dialler)
            return
        addresses = exchange.addresses
        key = host, port, None if addresses is None else frozenset(addresses)
        origin = self._origins.get(key)
        if origin is None:
            try:
                origin = self._origins[key] = self._make(read_host(host), port, addresses)
            except BadRequest as error:
                answered(error)
                return
            if len(self._origins) > MAX_ORIGINS:
                self._let_go()
        else:
            self._origins.move_to_end(key)
        if exchange.request.upgrade and self._options.tunnel_max_age:
            answered = partial(self._upgraded, answered)
        origin[1](exchange, answered)

    def _upgraded(self, answered: Answered, answer: Answer) -> None:
        """What leaves HTTP by an upgrade grows no older than other tunnels."""
        if isinstance(answer, Response) and answer.upgraded is not None:
            answer.upgraded.ends_at = self._surroundings.deadlines.now() + self._options.tunnel_max_age
        answered(answer)

    def _surroundings_for(self, addresses: tuple[str, ...] | None) -> Surroundings:
        """Those in which only these addresses are known, if the rules asked for them."""
        if addresses is None:
            return self._surroundings
        return replace(self._surroundings, resolver=Resolved(addresses))

    def _make(self, host: str, port: int, addresses: tuple[str, ...] | None) -> tuple[Backend, Destination]:
        backend = assemble(self._asking, self._surroundings_for(addresses))
        backend.join(_spec(host, port))
        return backend, forward_to(backend)

    def _let_go(self) -> None:
        """The origin that was used longest ago goes; what it still works on is finished."""
        _, (backend, _) = self._origins.popitem(last=False)
        for pool in backend.pools.values():
            pool.retire()

    def close(self) -> None:
        """Close all connections to origins; tunnels end with their clients."""
        origins, self._origins = self._origins, OrderedDict()
        for backend, _ in origins.values():
            backend.close()


def _spec(host: str, port: int) -> ServerSpec:
    address = Address(host, port)
    return ServerSpec(str(address), "http", address)


class _Tunnels:
    """Whose connections through tunnels are; see `Owner`. They are taken from it as soon as they stand."""

    def __init__(self, server: Server, now: Callable[[], float]) -> None:
        self.server = server
        """One for all: nothing is counted for each destination."""
        self.now = now

    def give_back(self, connection: UpstreamConnection) -> None:
        """It never is."""

    def lost(self, connection: UpstreamConnection) -> None:
        """Whoever has the transport notices."""


class Connecting:
    """A tunnel being opened."""

    def __init__(self, options: ListenerOptions, tunnels: _Tunnels, exchange: Exchange, answered: Answered) -> None:
        self._options = options
        self._tunnels = tunnels
        self._exchange = exchange
        self._answered = answered
        self._dial: Dial | None = None

    def start(self, name: str, dialler: Dialler) -> None:
        """Connect to the destination, and answer 200 when the connection stands."""
        exchange = self._exchange
        exchange.server = name
        exchange.tries = 1
        exchange.cancel = self._cancel
        dial = dialler.dial(self._make, self._connected)
        if dial.is_pending:
            self._dial = dial

    def _make(self) -> UpstreamConnection:
        return UpstreamConnection(self._tunnels, self._tunnels.now)

    def _cancel(self) -> None:
        """The client is gone."""
        dial, self._dial = self._dial, None
        if dial is not None:
            dial.cancel()

    def _connected(self, result: UpstreamConnection | RelayError) -> None:
        self._dial = None
        exchange, now = self._exchange, self._tunnels.now()
        exchange.cancel = None
        if isinstance(result, RelayError):
            self._answered(result)
            return
        exchange.sent = exchange.first_byte = now
        response = Response(200, b"Connection established", Fields())
        age = self._options.tunnel_max_age
        response.upgraded = _Tunnelled(result.transport, self._options.tunnel_idle_timeout, now + age if age else NEVER)
        self._answered(response)


class _Tunnelled:
    """The server's side of a tunnel; see `Upgraded`."""

    __slots__ = ("early", "ends_at", "idle_timeout", "transport")

    def __init__(self, transport: Any, idle_timeout: float, ends_at: float) -> None:
        self.transport: object = transport
        self.early = b""
        self.idle_timeout = idle_timeout
        self.ends_at = ends_at

    def closed(self) -> None:
        """See `Upgraded`."""
