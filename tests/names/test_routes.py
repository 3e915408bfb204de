"""Routes of the system."""

import socket

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.names.routes import HOLDS, Routes


class RoutesTests(SynchronousTestCase):
    """`Routes`."""

    def setUp(self) -> None:
        """A system that has routes to IPv4 alone, and counts who asks."""
        self.asked: list[tuple[str, int]] = []
        asked = self.asked

        class Socket:
            def __init__(self, family: int, kind: int) -> None:
                self._family = family

            def __enter__(self) -> "Socket":
                return self

            def __exit__(self, *error: object) -> None: ...

            def connect(self, address: tuple[str, int]) -> None:
                asked.append(address)
                if self._family == socket.AF_INET6:
                    raise OSError(101, "Network is unreachable")

        self.patch(socket, "socket", Socket)
        self.clock = Clock()
        self.routes = Routes(self.clock.seconds)

    def test_remembered(self) -> None:
        """The system is asked for each address, and again after a while."""
        for _ in range(2):
            self.assertTrue(self.routes.has_route("10.0.0.1"))
            self.assertFalse(self.routes.has_route("2001:db8::1"))
        self.assertEqual([host for host, _ in self.asked], ["10.0.0.1", "2001:db8::1"])
        self.clock.advance(HOLDS)
        self.assertTrue(self.routes.has_route("10.0.0.1"))
        self.assertEqual(len(self.asked), 3)

    def test_no_socket(self) -> None:
        """Without a socket there is no route, and no error."""

        def refuse(family: int, kind: int) -> None:
            raise OSError(24, "Too many open files")

        self.patch(socket, "socket", refuse)
        self.assertFalse(self.routes.has_route("10.0.0.1"))


class LoopbackTests(SynchronousTestCase):
    """With the real system."""

    def test_loopback(self) -> None:
        """There is a way to this machine."""
        self.assertTrue(Routes(Clock().seconds).has_route("127.0.0.1"))
