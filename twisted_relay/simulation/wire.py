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
from twisted_relay.upstream.assemble import Surroundings, time_to_connect
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.dial import Dial, Dialled, Dialler, Maker
from twisted_relay.upstream.http1 import Try

LONGEST = 86400.0
"""Seconds that a connection attempt without a limit may take."""

_DONE = Failure(ConnectionDone())
_LOST = Failure(ConnectionLost())


UNHEALTHY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
"""What a server that is `unhealthy` answers to checks that ask by HTTP; with others it closes the connection."""


def good_answer(options: BackendOptions) -> bytes:
    """What a healthy server says to the check of a backend; nothing if it is not asked anything."""
    check = options.check
    if check is None or check.kind != "http":
        return options.check_expect
    return b"HTTP/1.1 %d OK\r\nContent-Length: 0\r\n\r\n" % max(200, check.statuses[0][0])


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
        super().__init__(surroundings.reactor, spec, surroundings.resolver, None, time_to_connect(options))
        self.clock = cast(VirtualClock, surroundings.reactor)
        self.model = model
        self.good_answer = good_answer(options)
        check = options.check
        self.greets = (
            check is not None and check.kind == "tcp" and bool(options.check_expect and not options.check_send)
        )

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
            link = Link(model, self._dialler, connection)
            self._finish(connection)
            if self._dialler.greets:
                link.greet()

    def _too_late(self, argument: object) -> None:
        self._finish(ConnectTimeout(f"no connection within {self._dialler.timeout:g} s"))

    def _finish(self, result: UpstreamConnection | ServerError) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(result)


class Link:
    """A connection's transport on our side, and a `Caller` on the server's."""

    __slots__ = (
        "_dialler",
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

    def __init__(self, server: ModelServer, dialler: ModelDialler, protocol: UpstreamConnection) -> None:
        self._server = server
        self._dialler = dialler
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

    def greet(self) -> None:
        """A check that sends nothing, but expects something, gets it; traffic does not."""
        pool = self.protocol.owner
        if pool.server.pool is not pool and self.is_open:
            self.write(b"")

    # -- what the relay does --------------------------------------------------------------------------------------

    def ask(self, attempt: "ModelTry") -> None:
        """Send a request of the traffic."""
        self.attempt = attempt
        self.is_asking = True
        self._server.ask(self)

    def write(self, data: bytes) -> None:
        """Octets, which only checks send; those that expect no answer get none."""
        if not self.is_asking and self._dialler.good_answer:
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
            self._dialler.clock.after(0.0, self._tell, reason)

    def _tell(self, reason: Failure) -> None:
        if not self._told:
            self._told = True
            self.protocol.connectionLost(reason)

    # -- what the server does -------------------------------------------------------------------------------------

    def answer(self, status: int) -> None:
        """See `Caller`."""
        self.is_asking = False
        attempt, self.attempt = self.attempt, None
        assert attempt is not None
        attempt.answer(status, closes=self._server.is_closing)
        if self._server.is_closing:
            self.close()

    def answer_check(self, *, healthy: bool) -> None:
        """See `Caller`."""
        self.is_asking = self.is_check = False
        good = self._dialler.good_answer
        if healthy:
            self.protocol.dataReceived(good)
        elif good.startswith(b"HTTP/"):
            self.protocol.dataReceived(UNHEALTHY)
        if self._server.is_closing or not (healthy or good.startswith(b"HTTP/")):
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


_RESPONSES: dict[tuple[int, bool], Response] = {}


def response_of(status: int, *, closes: bool, shared: bool) -> Response:
    """A response without content. Nobody changes responses, unless there are sticky sessions, which set a cookie."""
    response = _RESPONSES.get((status, closes)) if shared else None
    if response is None:
        response = Response(status, b"Modelled", Fields())
        response.keep_alive = not closes
        if shared:
            _RESPONSES[status, closes] = response
    return response


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
        self._response = response = response_of(status, closes=closes, shared=self.server.options.sticky is None)
        self._finish_connection(b"", None)
        self._answer(response)
