"""What the tests of health share: a backend in virtual time, and its servers' ends of the connections."""

from dataclasses import replace
from typing import Any, Literal, cast

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection

from twisted_relay.config.sections.backend import BackendOptions
from twisted_relay.config.values import Address, BindAddress, CheckSpec, ServerSpec
from twisted_relay.errors import ServerError
from twisted_relay.names.resolver import Resolver
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.dial import Dial, Dialled, Dialler, Maker
from twisted_relay.upstream.pool import Pool
from twisted_relay.upstream.server import Server

OPTIONS = BackendOptions(
    name="app", check=CheckSpec("GET", "/health"), check_interval=5.0, check_jitter=0.0, check_initial="up"
)


class Call:
    """A connection that somebody wants, with the server's end of it once it is accepted."""

    def __init__(self, make: Maker, done: Dialled, address: BindAddress, tls: object) -> None:
        self.is_pending = True
        self.address = address
        self.tls = tls
        self.lingers = False
        """The connection only ends when it is cut."""
        self._make = make
        self._done = done
        self._connection: UpstreamConnection | None = None
        self._transport = StringTransportWithDisconnection()

    def cancel(self) -> None:
        """The caller does not want it any more."""
        self.is_pending = False

    def accept(self) -> None:
        """The connection stands."""
        self.is_pending = False
        connection = self._connection = self._make()
        self._transport.protocol = connection
        if self.lingers:
            transport = cast(Any, self._transport)
            transport.abortConnection, transport.loseConnection = transport.loseConnection, lambda: None
        connection.makeConnection(cast(Any, self._transport))
        self._done(connection)

    def refuse(self, error: ServerError) -> None:
        """There will be no connection."""
        self.is_pending = False
        self._done(error)

    @property
    def is_open(self) -> bool:
        """Whether the caller keeps the connection."""
        return self._connection is not None and bool(self._transport.connected)

    @property
    def request(self) -> bytes:
        """What has been sent to the server."""
        return bytes(self._transport.value())

    def send(self, data: bytes) -> None:
        """Octets from the server."""
        assert self._connection is not None
        self._connection.dataReceived(data)

    def close(self) -> None:
        """The server closes."""
        self._transport.loseConnection()


class Calls(Dialler):
    """Collects who wants a connection instead of connecting; copies collect in the same list."""

    def __init__(self, clock: Clock, spec: ServerSpec) -> None:
        super().__init__(clock, spec, Resolver(clock), None, 5.0)
        self.made: list[Call] = []

    def dial(self, make: Maker, done: Dialled) -> Dial:
        """See `Dialler`."""
        self.made.append(Call(make, done, self.spec.address, self.tls))
        return cast(Dial, self.made[-1])


class Group:
    """A backend of servers with these names; there is no TLS, also not to https servers."""

    def __init__(
        self, *names: str, options: BackendOptions = OPTIONS, scheme: Literal["http", "https"] = "http"
    ) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)
        specs = tuple(ServerSpec(name, scheme, Address(f"{name}.example.org", 8000)) for name in names)
        self.options = replace(options, servers=specs)
        deadlines = Deadlines(self.clock, self.clock.seconds)
        self.backend = Backend(self.options, self.clock, deadlines)
        self.calls = Calls(self.clock, specs[0])
        """Connections to any of the servers."""

        def make_pool(server: Server) -> Pool:
            return Pool(server, self.calls, deadlines, self.backend.counters.connect_times)

        self.backend.make_pool = make_pool
        for spec in specs:
            server = Server(spec, self.options, self.clock.seconds)
            self.backend.add(server, make_pool(server))

    @property
    def servers(self) -> list[Server]:
        """The members, in file order."""
        return self.backend.servers
