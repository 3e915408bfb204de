"""A tunnel whose first octets are looked at before they pass."""

from typing import cast

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol

from tests.support.pairs import PairSocket
from tests.support.transports import MemoryReactor, MemorySocket, accept
from tests.support.tunnels import TunnelInMemory
from twisted_relay.net import splice
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.net.first_look import LINGER, MAX_LINGER, FirstLook
from twisted_relay.net.limit import Limit, Toll
from twisted_relay.net.transport import Eager
from twisted_relay.net.tunnel import SPLICE_FROM, Tunnel
from twisted_relay.peek.look import Let, Refuse, Told


class Scripted:
    """A look that lets whatever begins with `yes` and refuses what begins with `no`."""

    patience = 3.0

    def __init__(self, served: bytes = b"") -> None:
        self.served = served
        self.held = b""
        self.asked: list[str] = []

    def received(self, data: bytes) -> Told | None:
        """See `Look`."""
        self.asked.append("received")
        self.held += data
        if self.held.startswith(b"yes"):
            return Let(self.held)
        return Refuse(b"sorry") if self.held.startswith(b"no") else None

    def spoken_to(self) -> Told:
        """See `Look`."""
        self.asked.append("spoken_to")
        return Let(self.held)

    def ended(self) -> Told:
        """See `Look`."""
        self.asked.append("ended")
        return Let(self.held)

    def late(self) -> Told:
        """See `Look`."""
        self.asked.append("late")
        return Refuse(b"late")

    def left(self) -> None:
        """See `Look`."""
        self.asked.append("left")


class LookedTunnel(TunnelInMemory):
    """A tunnel between a client and a server that are connected, with a look before it."""

    wire: type[MemorySocket] = MemorySocket
    rate = 0.0
    """Octets in a second, either way; 0 for any number."""

    def join(self, early: bytes = b"", served: bytes = b"", idle: float = 60.0) -> None:
        """Make the tunnel with a look before it."""
        if self.wire is MemorySocket:
            self.patch(splice, "AVAILABLE", False)
        self.reactor = MemoryReactor(self.wire)
        self.deadlines = Deadlines(self.reactor, self.reactor.seconds)
        self.deadlines.start()
        self.addCleanup(self.deadlines.stop)
        self.transports = [accept(self.reactor, Protocol, address) for address in ("192.0.2.1", "10.0.0.1")]
        self.client, self.server = (cast(MemorySocket, each.socket) for each in self.transports)
        self.done = []
        self.look = Scripted(served)
        self.tunnel = Tunnel(self.deadlines, idle, lambda up, down: self.done.append((up, down)))
        client, server = self.transports
        if self.rate:
            self.limits = [Limit(self.rate, cast(IReactorTime, self.reactor), self.reactor.seconds) for _ in range(2)]
            self.tunnel.limit(Toll(self.limits[:1]), Toll(self.limits[1:]))
        FirstLook(self.tunnel, self.deadlines, self.look).join(client, server, early)
        self.reactor.settle()


class FirstLookTests(LookedTunnel):
    """In memory."""

    def test_nothing_is_left_of_it(self) -> None:
        """Once let, the transports talk to the tunnel itself, and only that has a time limit."""
        self.join()
        self.far(self.client, "sends", b"y")
        self.assertEqual(bytes(self.server.delivered), b"")
        self.far(self.client, "sends", b"es")
        self.assertEqual(bytes(self.server.delivered), b"yes")
        self.assertEqual(tuple(each.protocol for each in self.transports), self.tunnel.ends)
        self.assertEqual(self.deadlines.members, {self.tunnel})
        self.far(self.client, "sends", b"no")
        self.assertEqual(bytes(self.server.delivered), b"yesno")
        self.assertEqual(self.look.asked, ["received"] * 2)
        self.far(self.client, "resets")
        self.is_over(5, 0)

    def test_early(self) -> None:
        """What came before the tunnel stood is looked at, from either side, the server's first."""
        for early, served, asked in (
            (b"yes", b"", ["received"]),
            (b"yes", b"hello", ["spoken_to"]),
            (b"", b"hello", ["spoken_to"]),
            (b"", b"", []),
        ):
            self.join(early, served)
            self.assertEqual((bytes(self.server.delivered), bytes(self.client.delivered)), (early, served))
            self.assertEqual(self.look.asked, asked)
            self.far(self.server, "resets")
            self.is_over(len(early), len(served))

    def test_refused(self) -> None:
        """The server is left at once; the client is told, and has a moment."""
        self.join()
        self.far(self.client, "sends", b"no!")
        self.assertTrue(self.server.closed)
        self.assertEqual(bytes(self.server.delivered), b"")
        self.assertEqual(bytes(self.client.delivered), b"sorry")
        self.assertTrue(self.client.ended)
        self.assertFalse(self.client.closed)
        self.far(self.client, "sends", b"more")
        self.assertFalse(self.client.closed)
        self.reactor.pass_time(LINGER + 1)
        self.is_over(7, len(b"sorry"))

    def test_refused_and_gone(self) -> None:
        """A client that ends, or is lost, or sends too much after it was refused is done with at once."""
        for deed, arguments in (("closes", ()), ("resets", ()), ("sends", (b"x" * (MAX_LINGER + 100_000),))):
            self.join()
            self.far(self.client, "sends", b"no")
            self.far(self.client, deed, *arguments)
            self.assertTrue(self.client.closed, deed)
            self.assertEqual(len(self.done), 1)
            self.is_over(*self.done[0])

    def test_late(self) -> None:
        """Time runs from the client's first octet, and each further one does not prolong it."""
        self.join()
        self.reactor.pass_time(20.0)
        for _ in range(3):
            self.far(self.client, "sends", b"?")
            self.reactor.pass_time(0.9)
        self.assertEqual(bytes(self.client.delivered), b"")
        self.reactor.pass_time(1.0)
        self.assertEqual(bytes(self.client.delivered), b"late")
        self.far(self.client, "closes")
        self.is_over(3, len(b"late"))

    def test_idle(self) -> None:
        """The time limit of the tunnel holds for a look as well, if it is the shorter one."""
        for said in (b"", b"?"):
            self.join(idle=2.0)
            if said:
                self.far(self.client, "sends", said)
            self.reactor.pass_time(3.0)
            self.assertEqual(self.look.asked[-1], "left")
            self.is_over(len(said), 0)

    def test_lost(self) -> None:
        """Either side is lost before anything was told."""
        for said, who in ((b"", "client"), (b"", "server"), (b"?", "client")):
            self.join()
            if said:
                self.far(self.client, "sends", said)
            self.far(getattr(self, who), "resets")
            self.assertEqual(self.look.asked[-1], "left")
            self.is_over(len(said), 0)

    def test_server_lost_in_the_middle(self) -> None:
        """Nobody reads it then, so that it is noticed when the client has said the rest, or is late."""
        for rest, delivered in ((b"yes", b""), (b"", b"late")):
            self.join()
            self.far(self.client, "sends", b"")
            self.far(self.client, "sends", rest[:1] or b"?")
            self.far(self.server, "resets")
            self.far(self.client, "sends", rest[1:])
            self.reactor.pass_time(4.0)
            self.assertEqual(bytes(self.client.delivered), delivered)
            self.far(self.client, "closes")
            self.reactor.pass_time(4.0)
            self.is_over(len(rest) or 1, len(delivered))

    def test_server_waits(self) -> None:
        """From the client's first octet on the server is not read, and then everything comes."""
        self.join()
        self.far(self.client, "sends", b"?")
        self.far(self.server, "sends", b"x" * 1_000_000)
        self.assertEqual(bytes(self.client.delivered), b"")
        self.assertLess(self.server.read, 200_000)
        self.assertEqual(self.look.asked, ["received"])
        self.far(self.client, "ends")
        self.assertEqual((self.look.asked[-1], len(self.client.delivered)), ("ended", 1_000_000))
        self.assertTrue(self.server.ended)
        self.far(self.server, "closes")
        self.is_over(1, 1_000_000)

    def test_server_is_slow(self) -> None:
        """What was held waits for a server that does not read, and the client with it."""
        self.join()
        self.server.room = 0
        self.far(self.client, "sends", b"yes" + b"x" * 1_000_000)
        self.assertLess(self.client.read, 300_000)
        self.server.room = None
        self.reactor.settle()
        self.assertEqual(len(self.server.delivered), 1_000_003)
        self.far(self.server, "resets")
        self.is_over(1_000_003, 0)

    def test_pace(self) -> None:
        """A tunnel that has to pay for its octets pays for what was held, and is looked at all the same."""
        self.rate = 100_000.0
        self.join()
        self.far(self.client, "sends", b"?")
        self.far(self.server, "sends", bytes(1_000_000))
        for limit in self.limits:
            limit.charge(50_000)
        self.tunnel.ends[1].go_on()  # as a limit that others share may do
        self.reactor.pass_time(1.0, 0.01)
        self.assertEqual(bytes(self.client.delivered), b"")
        self.assertLess(self.server.read, 200_000)
        self.far(self.client, "ends")
        for second in range(1, 8):
            self.reactor.pass_time(1.0, 0.01)
            passed = len(self.client.delivered)
            self.assertTrue(80_000 * second - 60_000 <= passed <= 100_000 * second + 200_000, passed)
        self.reactor.pass_time(10.0, 0.01)
        self.assertEqual(len(self.client.delivered), 1_000_000)
        self.far(self.server, "closes")
        self.is_over(1, 1_000_000)
        self.assertEqual([limit.tolls for limit in self.limits], [0, 0])


class SplicedTests(LookedTunnel):
    """Between real sockets, where much goes through the kernel."""

    wire = PairSocket

    def test_spliced(self) -> None:
        """After the look a tunnel is spliced as any other."""
        if not splice.AVAILABLE:
            self.skipTest("this platform has no splice")
        self.join()
        self.far(self.client, "sends", b"yes")
        for _ in range(4):
            self.far(self.client, "sends", b"x" * SPLICE_FROM)
        self.assertIsNotNone(self.tunnel.ends[0].pump)
        self.assertIsInstance(self.transports[0], Eager)
        self.far(self.client, "resets")
        self.far(self.server, "resets")
