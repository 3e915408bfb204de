"""Conversations: what clients and servers say, see and do, one line for each, with the relay between them.

    talk = Conversation(self)
    client = talk.client()
    client.sends(get("/a"))
    server = talk.accepts()
    server.sees_head("GET /a HTTP/1.1")
    server.sends(ok(b"hello"))
    client.sees(ok(b"hello"))

A listener, a route and a backend are real, and so are the transports; the network and the clock are not. After
every line all that needs no time has happened.
"""

from functools import partial

from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IProtocol, IReactorTime
from twisted.trial.unittest import SynchronousTestCase

from tests.support.transports import MemoryReactor, MemorySocket, Network, accept
from twisted_relay.config.tree import BackendOptions, ListenerOptions, RouteOptions
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.downstream.http1 import HTTP1Connection
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.filters import filters_of
from twisted_relay.filters.chain import chain
from twisted_relay.filters.filter import NO_MEANS, Means
from twisted_relay.http.fields import Fields
from twisted_relay.http.http1 import END
from twisted_relay.http.message import Answered
from twisted_relay.names.resolver import Resolver
from twisted_relay.net import splice
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.routing import Route, Router
from twisted_relay.upstream import dial
from twisted_relay.upstream.assemble import time_to_connect
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.delivery import forward_to
from twisted_relay.upstream.dial import Dialler
from twisted_relay.upstream.pool import Pool
from twisted_relay.upstream.server import Server
from twisted_relay.upstream.sticky import Sticky

LISTENER = ListenerOptions(name="web", via=False)
ROUTE = RouteOptions(name="all", backend="app")
CLIENT = "192.0.2.1"


def servers(number: int) -> tuple[ServerSpec, ...]:
    """Servers s1, s2, … at 10.0.0.1:80, 10.0.0.2:80, …"""
    return tuple(ServerSpec(f"s{n}", "http", Address(f"10.0.0.{n}", 80)) for n in range(1, number + 1))


BACKEND = BackendOptions(name="app", servers=servers(1))


# -- messages, written short -------------------------------------------------------------------------------------------


def head(*lines: str) -> bytes:
    """A head of these lines."""
    return "\r\n".join(lines).encode("latin-1") + END


def get(target: str = "/", *lines: str) -> bytes:
    """A GET to example.org with further field lines."""
    return head(f"GET {target} HTTP/1.1", "Host: example.org", *lines)


def post(content: bytes, *lines: str) -> bytes:
    """A POST of known length."""
    return head("POST / HTTP/1.1", "Host: example.org", *lines, f"Content-Length: {len(content)}") + content


def ok(content: bytes = b"", *lines: str) -> bytes:
    """A 200 of known length."""
    return head("HTTP/1.1 200 OK", *lines, f"Content-Length: {len(content)}") + content


# -- who takes part ----------------------------------------------------------------------------------------------------


class Party:
    """A client or a server, as the far end of one connection."""

    def __init__(self, talk: "Conversation", socket: MemorySocket) -> None:
        self.talk = talk
        self.socket = socket

    # what it does

    def sends(self, *octets: bytes) -> None:
        """Send octets; each argument arrives by itself."""
        for each in octets:
            self.socket.far_sends(each)
            self.talk.settle()

    def ends(self) -> None:
        """Send no more, but read on."""
        self.socket.far_ends()
        self.talk.settle()

    def closes(self) -> None:
        """Close the connection."""
        self.socket.far_closes()
        self.talk.settle()

    def aborts(self) -> None:
        """Reset the connection."""
        self.socket.far_resets()
        self.talk.settle()

    def blocks(self) -> None:
        """Read nothing from now on."""
        self.socket.room = 0

    def takes(self, octets: int) -> None:
        """Read this many octets more, then nothing."""
        self.socket.room = octets
        self.talk.settle()

    def unblocks(self) -> None:
        """Read everything again."""
        self.socket.room = None
        self.talk.settle()

    # what it sees

    def taken(self) -> bytes:
        """Everything that came since the last look."""
        octets = bytes(self.socket.delivered)
        self.socket.delivered.clear()
        return octets

    def sees(self, *octets: bytes) -> None:
        """Exactly this came since the last look."""
        self.talk.case.assertEqual(self.taken(), b"".join(octets))

    def sees_nothing(self) -> None:
        """Nothing came since the last look."""
        self.sees()

    def sees_head(self, start: str, *lines: str) -> Fields:
        """A whole head came: with this start line and, among others, these lines. What follows stays to be seen."""
        case, octets = self.talk.case, self.taken()
        section, end, rest = octets.partition(END)
        case.assertTrue(end, f"no whole head in {octets[:500]!r}")
        first, *fields = section.decode("latin-1").split("\r\n")
        case.assertEqual(first, start)
        for line in lines:
            case.assertIn(line, fields)
        self.socket.delivered[:0] = rest
        return Fields([field.encode("latin-1") for field in fields])

    def sees_answer(self, start: str, *lines: str) -> bytes:
        """One whole response of known length came and nothing else; its content."""
        fields = self.sees_head(start, *lines)
        content = self.taken()
        self.talk.case.assertEqual(fields.get(b"content-length"), b"%d" % len(content))
        return content

    def is_open(self) -> None:
        """The relay still reads and writes."""
        self.talk.case.assertFalse(self.socket.ended or self.socket.closed, "the relay has closed")

    def sees_end(self) -> None:
        """The relay will send no more, but it has not closed."""
        self.talk.case.assertTrue(self.socket.ended, "the relay has not ended")
        self.talk.case.assertFalse(self.socket.closed, "the relay has closed")

    def sees_close(self) -> None:
        """The relay has closed in good order."""
        self.talk.case.assertTrue(self.socket.closed, "the relay has not closed")
        self.talk.case.assertFalse(self.socket.reset, "the relay has reset the connection")

    def sees_reset(self) -> None:
        """The relay has cut the connection."""
        self.talk.case.assertTrue(self.socket.closed, "the relay has not closed")
        self.talk.case.assertTrue(self.socket.reset, "the relay has closed in good order")


class Conversation:
    """One listener with one route to one backend, and everybody who is connected to them."""

    wire: type[MemorySocket] = MemorySocket
    """What lies between the transports and the far ends."""

    def __init__(
        self,
        case: SynchronousTestCase,
        listener: ListenerOptions = LISTENER,
        backend: BackendOptions = BACKEND,
        route: RouteOptions = ROUTE,
        means: Means = NO_MEANS,
    ) -> None:
        self.case = case
        self.reactor = MemoryReactor(self.wire)
        self.network = Network(self.reactor)
        case.patch(dial, "dial_tcp", self.network.dial_tcp)
        if self.wire is MemorySocket:
            case.patch(splice, "AVAILABLE", False)  # nothing in memory can be spliced
        self.deadlines = Deadlines(self._time, self.reactor.seconds)
        self.deadlines.start()
        self.resolver = Resolver(self._time)
        self.backend = self._make_backend(backend)
        self.exchanges: list[Exchange] = []
        """The finished ones, once for each time they said so."""
        self.begun = 0
        around = partial(chain, filters_of(route, means))
        end = self._counted(around(forward_to(self.backend)))
        plan = Plan(route.name, end, *_allowed(route), backend=backend.name, around=around)
        self.listener = Listener(listener, Router([Route(route, plan)]), self.deadlines, (self.exchanges.append,))

    @property
    def _time(self) -> IReactorTime:
        return self.reactor

    def _make_backend(self, options: BackendOptions) -> Backend:
        backend = Backend(options, self._time, self.deadlines)

        def make_pool(server: Server) -> Pool:
            dialler = Dialler(self._time, server.spec, self.resolver, self.tls_to(options), time_to_connect(options))
            return Pool(server, dialler, self.deadlines, backend.counters.connect_times)

        backend.make_pool = make_pool
        for spec in options.servers:
            server = Server(spec, options, self.reactor.seconds)
            backend.add(server, make_pool(server))
        if options.sticky is not None:
            backend.sticky = Sticky(options.sticky, options.name, b"")
            backend.refresh()
        return backend

    def _counted(self, destination: Destination) -> Destination:
        def counted(exchange: Exchange, answered: Answered) -> None:
            self.begun += 1
            destination(exchange, answered)

        return counted

    # -- who comes

    def client(self, address: str = CLIENT) -> Party:
        """A client connects."""

        transport = accept(self.reactor, lambda: self.protocol_for(address), address)
        self.settle()
        return Party(self, transport.socket)  # type: ignore[arg-type]

    def protocol_for(self, address: str) -> IProtocol:
        """What a listening port makes for a client."""
        return HTTP1Connection(self.listener, self.listener.origin(address, 8080))

    def tls_to(self, options: BackendOptions) -> IOpenSSLClientConnectionCreator | None:
        """The context for servers."""
        return None

    def accepts(self, host: str = "") -> Party:
        """The server that has waited longest to be connected to accepts; `host`: it must be this one."""
        self.case.assertTrue(self.network.waiting, "no connection is being opened")
        attempt = self.network.waiting[0]
        if host:
            self.case.assertEqual(attempt.host, host)
        socket = attempt.far_end
        socket.accepted = True
        self.settle()
        return Party(self, socket)

    def refuses(self, error: int) -> None:
        """The server that has waited longest refuses, with an `errno`."""
        self.case.assertTrue(self.network.waiting, "no connection is being opened")
        socket = self.network.waiting[0].far_end
        socket.refused, socket.accepted = error, True
        self.settle()

    def nobody_is_dialled(self) -> None:
        """No connection to a server is being opened."""
        self.case.assertEqual(self.network.waiting, [])

    # -- what happens

    def settle(self) -> None:
        """Let everything happen that needs no time."""
        self.reactor.settle()

    def waits(self, seconds: float) -> None:
        """Time passes."""
        self.reactor.pass_time(seconds)

    # -- how it stands

    def server(self, name: str = "s1") -> Server:
        """A server of the backend."""
        return next(server for server in self.backend.servers if server.name == name)

    def pool(self, name: str = "s1") -> Pool:
        """Its connections."""
        return self.backend.pools[name]

    def last(self) -> Exchange:
        """The exchange that finished last."""
        self.case.assertTrue(self.exchanges, "no exchange is finished")
        return self.exchanges[-1]

    def codes(self) -> list[int]:
        """The status codes of the finished exchanges, in order."""
        return [exchange.code for exchange in self.exchanges]

    def is_quiet(self) -> None:
        """Every exchange is finished, once, and every count is back where it was."""
        case = self.case
        case.assertEqual(len({id(exchange) for exchange in self.exchanges}), len(self.exchanges), "finished twice")
        case.assertGreaterEqual(len(self.exchanges), self.begun, "an exchange never finished")
        case.assertEqual(self.listener.counters.active_requests, 0, "active requests of the listener")
        case.assertEqual([server.active_requests for server in self.backend.servers], [0] * len(self.backend.servers))
        case.assertEqual(list(self.backend.queue), [])
        case.assertEqual(self.network.waiting, [])
        backend = self.backend
        case.assertEqual(backend.under_way(), 0)
        budgets = [backend.budget, backend.hedging and backend.hedging.budget]
        case.assertEqual(
            [budget.active for budget in budgets if budget], [0] * sum(map(bool, budgets)), "further tries"
        )
        pools = self.backend.pools.values()
        case.assertEqual([pool.open for pool in pools], [len(pool.idle) for pool in pools], "connections are lost")

    def is_over(self) -> None:
        """It is quiet, and once everybody has left nothing of it remains."""
        self.is_quiet()
        for connection in list(self.listener.connections):
            connection.abort()
        self.backend.close()
        self.settle()
        self.is_quiet()
        self.case.assertEqual([pool.open for pool in self.backend.pools.values()], [0] * len(self.backend.pools))
        self.case.assertEqual(self.deadlines.members, set())
        self.case.assertEqual(self.listener.connections, set())
        self.case.assertEqual(self.reactor.watched, 0, "a socket is still watched")
        self.deadlines.stop()
        self.resolver.stop()
        self.case.assertEqual(self.reactor.getDelayedCalls(), [], "a timer is left")


def _allowed(route: RouteOptions) -> tuple[int, frozenset[bytes] | None]:
    upgrades = None if "any" in route.upgrade else frozenset(word.encode("ascii") for word in route.upgrade)
    return route.max_body or 0, upgrades
