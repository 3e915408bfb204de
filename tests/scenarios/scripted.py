"""A server that does to each connection what the test says, on a real socket, in a thread of the test."""

import contextlib
import socket
import threading
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import read_until

Behaviour = Callable[[socket.socket], None]


class ScriptedServer:
    """Listens on a free port; each connection has a thread, and is closed when its behaviour returns."""

    def __init__(self, case: SynchronousTestCase, behave: Behaviour) -> None:
        self._behave = behave
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self.place = str(self._listening.getsockname()[1])
        """Its port on 127.0.0.1."""
        case.addCleanup(self._stop)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # Whatever the relay does to the connection is for the test to judge by what its client sees.
        with connection, contextlib.suppress(OSError, AssertionError):
            self._behave(connection)

    def _stop(self) -> None:
        for each in (self._listening, *self._connections):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def answering(*pieces: bytes) -> Behaviour:
    """Read the head of one request, send these octets and close."""

    def behave(connection: socket.socket) -> None:
        read_until(connection, b"\r\n\r\n")
        for piece in pieces:
            connection.sendall(piece)

    return behave
