"""Asking the running daemon."""

import os
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.canned import Daemon, answer
from twisted_relay.cli import daemon
from twisted_relay.cli.daemon import Unanswered, ask

#: (what comes instead of an answer, what is said of it)
NONSENSE = (
    (b"SSH-2.0-x\r\n", "does not speak HTTP as relay does"),
    (b"", "does not speak HTTP as relay does"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "is not relay's control: status 200"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "is not relay's control: status 200"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", "does not speak HTTP as relay does"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", "does not speak HTTP as relay does"),
)


class AskTests(SynchronousTestCase):
    """`ask`."""

    def complaint(self, path: str) -> str:
        return str(self.assertRaises(Unanswered, ask, path, "GET", "/api/servers"))

    def test_asked(self) -> None:
        """A question is one request over the socket; what changes something is JSON."""
        there = Daemon(self, answer({"a": 1}))
        self.assertEqual(ask(there.path, "POST", "/api/servers/a/[::1]:80 ü", {"weight": 1}), {"a": 1})
        head, _, content = there.asked[0].partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"POST /api/servers/a/%5B::1%5D:80%20%C3%BC HTTP/1.1\r\n"), head)
        self.assertIn(b"\r\nContent-Type: application/json", head)
        self.assertEqual(content, b'{"weight": 1}')

    def test_octets_that_are_no_text(self) -> None:
        """A name that the terminal gave in another encoding is asked for as it is; the daemon says that it has none."""
        there = Daemon(self, answer({"a": 1}))
        ask(there.path, "GET", "/api/servers/a/\udcff")
        self.assertTrue(there.asked[0].startswith(b"GET /api/servers/a/%FF HTTP/1.1\r\n"), there.asked)

    def test_refused(self) -> None:
        """What the daemon says against it is passed on, with its help."""
        there = Daemon(self, answer({"error": "no server", "help": 'did you mean "b"?'}, 404))
        self.assertEqual(self.complaint(there.path), 'no server\n  did you mean "b"?')

    def test_nonsense(self) -> None:
        """Whoever else sits there is told apart from relay."""
        for octets, part in NONSENSE:
            self.assertIn(part, self.complaint(Daemon(self, octets).path), octets)

    def test_an_answer_without_end(self) -> None:
        """No more is read than an answer can have."""
        self.patch(daemon, "MAX_ANSWER", 100)
        there = Daemon(self, answer({"a": "x" * 200}))
        self.assertIn("is larger than", self.complaint(there.path))

    def test_silence(self) -> None:
        """A daemon that does not answer is not waited for without end."""
        self.patch(daemon, "TIMEOUT", 0.01)
        path = str(Path(os.path.relpath(self.mktemp())))
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.bind(path)
            deaf.listen()
            self.assertIn("does not answer within 0.01 s", self.complaint(path))

    def test_nobody_there(self) -> None:
        """No socket, one that was left behind, and a path that is none: each says what to do."""
        path = os.path.relpath(self.mktemp())
        self.assertIn("there is no socket", self.complaint(path))
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(path)
        self.assertIn("nobody listens at", self.complaint(path))
        self.assertIn("AF_UNIX path too long", self.complaint("/" + "x" * 200))

    def test_no_permission(self) -> None:
        """A socket of another user is not a missing one."""
        error = PermissionError(13, "Permission denied")
        self.patch(daemon._Connection, "connect", lambda connection: (_ for _ in ()).throw(error))
        self.assertIn("no permission for /run/x\n  it is for the user that relay runs as", self.complaint("/run/x"))
