"""Listening sockets, on loopback: which addresses, who is let in, and what happens when too many come."""

import os
import socket
import stat
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint, connectProtocol
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.socks.messages import HELLO
from tests.support.playbook import LISTENER, ROUTE, get
from twisted_relay.config.tree import ListenerOptions
from twisted_relay.config.values import Address, UnixAddress
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.downstream.port import ListenerPorts
from twisted_relay.downstream.respond import respond
from twisted_relay.errors import BindError
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.routing import Route, Router

HERE = Address("127.0.0.1", 0)


class Client(Protocol):
    """Asks once; `answered` fires with the answer, `lost` when the connection is over."""

    def __init__(self) -> None:
        self.answered: Deferred[bytes] = Deferred()
        self.lost: Deferred[None] = Deferred()
        self.asks = True

    def connectionMade(self) -> None:
        if self.asks:
            self.transport.write(get())  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        if not self.answered.called:
            self.answered.callback(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.callback(None)

    def leave(self) -> Deferred[None]:
        """Close the connection; fires when it is closed."""
        self.transport.loseConnection()  # type: ignore[union-attr]
        return self.lost


class Greeter(Client):
    """Speaks SOCKS5."""

    def connectionMade(self) -> None:
        self.transport.write(HELLO)  # type: ignore[union-attr]


class PortTests(TestCase):
    """A listener that answers everything itself."""

    def listen(self, options: ListenerOptions) -> ListenerPorts:
        """Open the listener's sockets."""
        clock = Clock()
        answer = respond(replace(ROUTE, respond=200, respond_body="hello"))
        router = Router([Route(ROUTE, Plan("all", answer))])
        self.listener = Listener(options, router, Deadlines(clock, clock.seconds))
        ports = ListenerPorts(self.listener, reactor, None)
        ports.open()
        self.addCleanup(ports.close)
        return ports

    def endpoint(self, address: str) -> IStreamClientEndpoint:
        """Where a listener is, for a client."""
        if address.startswith("unix:"):
            return UNIXClientEndpoint(reactor, address.removeprefix("unix:"))
        return TCP4ClientEndpoint(reactor, "127.0.0.1", int(address.rpartition(":")[2]))

    def client(self, address: str) -> "Deferred[Client]":
        """A client that connects and asks."""
        connected: Any = connectProtocol(self.endpoint(address), Client())
        return connected  # type: ignore[no-any-return]

    async def left(self, *clients: Client) -> None:
        """The clients leave, and the listener has noticed."""
        gone: Deferred[None] = Deferred()
        self.listener.draining = True
        self.listener.on_idle = lambda: gone.callback(None)
        await gatherResults([client.leave() for client in clients])
        if self.listener.connections:
            await gone

    async def test_tcp(self) -> None:
        """Port 0 takes a free port, whose number is told and stands in X-Forwarded-Port."""
        ports = self.listen(replace(LISTENER, bind=(HERE, HERE)))
        self.assertEqual(len(set(ports.addresses)), 2)
        clients = [await self.client(address) for address in ports.addresses]
        for client in clients:
            self.assertIn(b"hello", await client.answered)
        self.assertEqual(self.listener.counters.connections, 2)
        await self.left(*clients)

    async def test_unix(self) -> None:
        """A UNIX socket has the mode that was asked for, and a stale one is replaced."""
        path = self.mktemp()
        path = os.path.relpath(path)
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(path)
        ports = self.listen(replace(LISTENER, bind=(UnixAddress(path),), socket_mode=0o600))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        client = await self.client(ports.addresses[0])
        self.assertIn(b"hello", await client.answered)
        await self.left(client)

    async def test_taken(self) -> None:
        """An address that cannot be had is named, and the listener listens nowhere."""
        with socket.socket() as other, socket.socket() as probe:
            other.bind(("127.0.0.1", 0))
            other.listen()
            probe.bind(("127.0.0.1", 0))
            free = Address("127.0.0.1", probe.getsockname()[1])
            probe.close()
            taken = Address("127.0.0.1", other.getsockname()[1])
            error = self.assertRaises(BindError, self.listen, replace(LISTENER, bind=(free, taken)))
            self.assertIn(f"[listener:web] cannot listen on {taken}", str(error))
            await deferLater(reactor, 0)
            with socket.socket() as again:
                again.bind((free.host, free.port))

    async def test_max_connections(self) -> None:
        """No more are accepted than allowed, however many come at once; the others wait and are served later."""
        ports = self.listen(replace(LISTENER, bind=(HERE,), max_connections=2))
        clients = list(await gatherResults([self.client(ports.addresses[0]) for _ in range(5)]))
        served: list[Client] = []

        def note(client: Client) -> Callable[[bytes], None]:
            def answered(data: bytes) -> None:
                self.assertLessEqual(len(self.listener.connections), 2)
                served.append(client)
                if len(served) < 5:
                    client.leave()

            return answered

        await gatherResults([client.answered.addCallback(note(client)) for client in clients])
        self.assertEqual(len(served), 5)
        self.assertEqual(self.listener.counters.connections, 5)
        await self.left(*(client for client in clients if not client.lost.called))

    async def test_max_connections_per_client(self) -> None:
        """One connection too many of the same address is closed at once; others are not disturbed."""
        ports = self.listen(replace(LISTENER, bind=(HERE,), max_connections_per_client=1))
        first = await self.client(ports.addresses[0])
        await first.answered
        second = await self.client(ports.addresses[0])
        await second.lost
        self.assertFalse(second.answered.called)
        self.assertEqual(self.listener.counters.rejected["client_limit"], 1)
        await self.left(first)

    async def test_close(self) -> None:
        """After closing nobody is accepted; who is connected stays."""
        ports = self.listen(replace(LISTENER, bind=(HERE,)))
        client = await self.client(ports.addresses[0])
        await client.answered
        await ports.close()
        await self.assertFailure(self.client(ports.addresses[0]), ConnectionRefusedError, Exception)
        self.assertEqual(len(self.listener.connections), 1)
        await self.left(client)

    async def test_socks(self) -> None:
        """With `mode = socks5` a client is greeted in that; the limit for each client holds there too."""
        ports = self.listen(replace(LISTENER, bind=(HERE,), mode="socks5", max_connections_per_client=1))
        first: Any = await connectProtocol(self.endpoint(ports.addresses[0]), Greeter())
        self.assertEqual(await first.answered, b"\x05\x00")
        second = await self.client(ports.addresses[0])
        await second.lost
        self.assertEqual(self.listener.counters.rejected["client_limit"], 1)
        await self.left(first)
