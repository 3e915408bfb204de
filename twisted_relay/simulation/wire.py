"""What lies between the relay and a modelled server: dialling, connections, and requests without octets.

Pools, connections and tries are the production's. A request of the traffic hands itself to the server instead of being
written, which is all that `ModelTry` changes; what checks send is written, and answered in octets of HTTP/1.1.
"""

from collections.abc import Mapping
from typing import Any, cast

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import ServerSpec
from twisted_relay.errors import ConnectRefused, ConnectTimeout, ServerError
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Response
from twisted_relay.simulation.clock import VirtualClock
from twisted_relay.simulation.server import ModelServer
from twisted_relay.upstream.assemble import Surroundings
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.dial import Dial, Dialled, Dialler, Maker
from twisted_relay.upstream.http1 import Try

LONGEST = 86400.0
"""Seconds that a connection attempt without a limit may take."""

_DONE = Failure(ConnectionDone())
_LOST = Failure(ConnectionLost())


class Network:
    """All modelled servers of a run, as `Surroundings.make_dialler` reaches them."""

    def __init__(self, clock: VirtualClock, servers: Mapping[str, ModelServer]) -> None:
        self.clock = clock
        self.servers = servers

    def make_dialler(self, spec: ServerSpec, options: BackendOptions, surroundings: Surroundings) -> Dialler:
        """What connects to this server."""
        return ModelDialler(spec, options, surroundings, self.servers[spec.name])


class ModelDialler(Dialler):
    """Opens connections to one modelled server."""

    def __init__(
        self, spec: ServerSpec, options: BackendOptions, surroundings: Surroundings, model: ModelServer
    ) -> None:
        super().__init__(surroundings.reactor, spec, surroundings.resolver, None, options.connect_timeout)
        self.clock = cast(VirtualClock, surroundings.reactor)
        self.model = model

    def dial(self, make: Maker, done: Dialled) -> Dial:
        """See `Dialler`."""
        return cast(Dial, ModelDial(self, make, done))


class ModelDial:
    """A connection being opened; see `Dial`."""

    __slots__ = ("_dialler", "_done", "_make")

    def __init__(self, dialler: ModelDialler, make: Maker, done: Dialled) -> None:
        self._dialler = dialler
        self._make = make
        self._done: Dialled | None = done
        limit, takes = dialler.timeout or LONGEST, dialler.model.options.connect_time
        if dialler.model.is_unreachable or takes > limit:
            dialler.clock.after(limit, self._too_late, None)
        else:
            dialler.clock.after(takes, self._arrived, None)

    @property
    def is_pending(self) -> bool:
        """Whether the outcome is still open."""
        return self._done is not None

    def cancel(self) -> None:
        """Nobody needs the connection any more."""
        self._done = None

    def _arrived(self, argument: object) -> None:
        if self._done is None:
            return
        model = self._dialler.model
        if model.is_unreachable:
            self._dialler.clock.after(self._dialler.timeout or LONGEST, self._too_late, None)
        elif model.is_refusing:
            self._finish(ConnectRefused(f"{self._dialler.spec.address}: connection refused"))
        else:
            connection = self._make()
            Link(model, self._dialler.clock, connection)
            self._finish(connection)

    def _too_late(self, argument: object) -> None:
        self._finish(ConnectTimeout(f"no connection within {self._dialler.timeout:g} s"))

    def _finish(self, result: UpstreamConnection | ServerError) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(result)


class Link:
    """A connection's transport on our side, and a `Caller` on the server's."""

    __slots__ = (
        "_clock",
        "_server",
        "_told",
        "attempt",
        "dataBuffer",
        "is_asking",
        "is_check",
        "is_open",
        "life",
        "protocol",
    )

    def __init__(self, server: ModelServer, clock: VirtualClock, protocol: UpstreamConnection) -> None:
        self._server = server
        self._clock = clock
        self._told = False
        self.protocol = protocol
        self.dataBuffer = b""
        self.is_open = True
        self.is_asking = False
        self.is_check = False
        self.life = 0
        self.attempt: ModelTry | None = None
        server.callers[self] = None
        protocol.makeConnection(cast(Any, self))

    # -- what the relay does --------------------------------------------------------------------------------------

    def ask(self, attempt: "ModelTry") -> None:
        """Send a request of the traffic."""
        self.attempt = attempt
        self.is_asking = True
        self._server.ask(self)

    def write(self, data: bytes) -> None:
        """Octets, which only checks send."""
        if not self.is_asking:
            self.is_check = self.is_asking = True
            self._server.ask(self)

    def loseConnection(self) -> None:
        """Close."""
        self._leave(_DONE)

    def abortConnection(self) -> None:
        """Close at once."""
        self._leave(_LOST)

    def _leave(self, reason: Failure) -> None:
        if self.is_open:
            self.is_open = False
            self.attempt = None
            self._server.left(self)
            self._clock.after(0.0, self._tell, reason)

    def _tell(self, reason: Failure) -> None:
        if not self._told:
            self._told = True
            self.protocol.connectionLost(reason)

    # -- what the server does -------------------------------------------------------------------------------------

    def answer(self, status: int) -> None:
        """See `Caller`."""
        self.is_asking = False
        attempt, self.attempt = self.attempt, None
        if attempt is not None:
            attempt.answer(status, closes=self._server.is_closing)
        else:
            self.is_check = False
            self.protocol.dataReceived(b"HTTP/1.1 %d Modelled\r\nContent-Length: 0\r\n\r\n" % status)
        if self._server.is_closing:
            self.close()

    def close(self) -> None:
        """See `Caller`."""
        self._end(_DONE)

    def reset(self) -> None:
        """See `Caller`."""
        self._end(_LOST)

    def _end(self, reason: Failure) -> None:
        if self.is_open:
            self.is_open = False
            self._server.callers.pop(self, None)
            self._tell(reason)


class ModelTry(Try):
    """A try whose request is handed over and whose response comes as a whole, both without octets."""

    __slots__ = ()

    def start(self, authority: bytes) -> None:
        """See `Try`."""
        connection = self._connection
        assert connection is not None
        connection.current = self
        connection.uses += 1
        now = connection.now()
        self._exchange.sent = now
        connection.deadline = now + self.patience
        cast(Link, connection.transport).ask(self)

    def answer(self, status: int, *, closes: bool) -> None:
        """The server has answered."""
        connection = self._connection
        if connection is None:
            return
        self._heard = True
        self._exchange.first_byte = connection.now()
        codes = self.server.counters.codes
        codes[status] = codes.get(status, 0) + 1
        self._response = response = Response(status, b"Modelled", Fields())
        response.keep_alive = not closes
        self._finish_connection(b"", None)
        self._answer(response)
