"""A daemon that says what a test wants, on a UNIX socket; and the command that asks it."""

import contextlib
import io
import json
import socket
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.cli import main


class Daemon:
    """Answers one connection after another with the same octets, and remembers what it was asked."""

    def __init__(self, case: SynchronousTestCase, answer: bytes) -> None:
        folder = TemporaryDirectory(prefix="relay-")  # a path in the test's own folder may be too long for a socket
        case.addCleanup(folder.cleanup)
        self.path = str(Path(folder.name, "a.sock"))
        self.answer = answer
        self.asked: list[bytes] = []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(self.path)
        self._socket.listen()
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        case.addCleanup(thread.join, 10)
        case.addCleanup(self._socket.close)
        case.addCleanup(self._socket.shutdown, socket.SHUT_RDWR)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection, contextlib.suppress(ConnectionError):
                    self.asked.append(_read_request(connection))
                    connection.sendall(self.answer)


def _read_request(connection: socket.socket) -> bytes:
    """A head and as much content as it says."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(65536)
        if not data:
            return received
        received += data
    head, _, content = received.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(content) < length:
        content += connection.recv(65536)
    return head + b"\r\n\r\n" + content


def answer(value: object, status: int = 200) -> bytes:
    """JSON as the daemon sends it."""
    content = json.dumps(value).encode()
    return b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        len(content),
        content,
    )


def call(*argv: str) -> tuple[int, str, str]:
    """`relay` with these arguments: exit status, standard output and standard error."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            status = main(argv)
        except SystemExit as leaving:
            status = int(leaving.code or 0)
    return status, output.getvalue(), errors.getvalue()


SERVER: dict[str, object] = {
    "backend": "app",
    "name": "one",
    "address": "10.0.0.1:80",
    "scheme": "http",
    "state": "up",
    "mode": "ready",
    "reason": "",
    "since": "2027-01-15T08:00:00.000Z",
    "age": 200.5,
    "weight": 2,
    "configured_weight": 2,
    "share": 2.0,
    "tier": 1,
    "backup": False,
    "active_requests": 3,
    "connections": {"open": 4, "idle": 1},
    "checks": {"passed": 0, "failed": 0, "last": "", "last_seconds": 0.0},
    "history": [],
}
"""A server as the daemon shows it."""
