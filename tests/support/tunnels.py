"""What tests of tunnels in memory share, however the tunnel is made."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.transports import MemoryReactor, MemorySocket
from twisted_relay.net.deadlines import Deadlines


class TunnelInMemory(SynchronousTestCase):
    """A tunnel between a client and a server; whoever makes it sets these."""

    reactor: MemoryReactor
    deadlines: Deadlines
    client: MemorySocket
    server: MemorySocket
    done: list[tuple[int, int]]
    """What the tunnel has told at its end: octets from the client, and from the server."""

    def far(self, socket: MemorySocket, deed: str, *arguments: bytes) -> None:
        """One far end does something."""
        getattr(socket, f"far_{deed}")(*arguments)
        self.reactor.settle()

    def is_over(self, up: int, down: int) -> None:
        """Both sides are closed, it was told once, and nothing is left."""
        self.assertTrue(self.client.closed and self.server.closed)
        self.assertEqual(self.done, [(up, down)])
        self.assertEqual(self.deadlines.members, set())
        self.assertEqual(self.reactor.watched, 0)
