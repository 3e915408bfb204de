"""Memory stays bounded whatever is offered: the relay stops reading from one side when the other one takes nothing.

The numbers are amounts, never times: how much a side could send before it was stopped, and the highest resident size
that the process has ever had (`VmHWM` in proc(5)).
"""

import hashlib
import re
import socket
import ssl
import threading
from collections.abc import Callable
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import connect, curl, read_until
from tests.scenarios.origins import content, start_node
from tests.scenarios.relays import new_folder, relay, write_certificate
from tests.scenarios.scripted import ScriptedServer
from tests.support.child import free_ports

MEGABYTE = 1 << 20
PIECES = 300
PIECE = content(MEGABYTE)
SHA256 = hashlib.sha256(PIECE * PIECES).hexdigest()
STALLED = 64 * MEGABYTE
"""More than all the buffers of the kernel on the way, which reach some 20 MB, and much less than what is offered."""
GROWTH = 16 * MEGABYTE
"""What the peak may grow by: pipes, buffers of both sides, the allocator's own slack; no share of what is offered."""
SILENCE = 0.5
"""Seconds without room to send after which a side counts as stopped; too few would only let the test see less."""
LIMIT = 30.0
"""Seconds after which whatever is awaited has failed."""

#: How 300 MB may be framed: the field line, what stands before and after each piece, and the end.
KNOWN = (b"Content-Length: %d" % (PIECES * MEGABYTE), b"", b"", b"")
CHUNKED = (b"Transfer-Encoding: chunked", b"%x\r\n" % MEGABYTE, b"\r\n", b"0\r\n\r\n")
Framing = tuple[bytes, bytes, bytes, bytes]

SMALL = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsmall"


class Offer:
    """Sends 300 MB over a connection, and knows how much was taken when it was first stopped."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self.taken = 0
        self._stopped = threading.Event()

    def send(self, connection: socket.socket, start: bytes) -> None:
        """Send a message that begins with these lines, however long it takes."""
        line, before, after, end = self._framing
        connection.settimeout(SILENCE)
        self._send(connection, start + line + b"\r\n\r\n")
        for _ in range(PIECES):
            self._send(connection, before + PIECE + after)
        self._send(connection, end)
        self._stopped.set()
        connection.settimeout(LIMIT)

    def _send(self, connection: socket.socket, octets: bytes) -> None:
        rest = memoryview(octets)
        while rest:
            try:
                sent = connection.send(rest)
            except TimeoutError:
                if self._stopped.is_set():
                    raise
                self._stopped.set()
                connection.settimeout(LIMIT)
                continue
            self.taken += sent
            rest = rest[sent:]

    def taken_when_stopped(self) -> int:
        """Wait for the first stop, or the end; the octets that were taken until then."""
        assert self._stopped.wait(LIMIT), "the sender was neither stopped nor finished"
        return self.taken


def peak(pid: int) -> int:
    """The highest resident size of a process, in octets."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


class MemoryTests(SynchronousTestCase):
    """One side offers 300 MB and the other one takes nothing; then it takes everything."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = server

[listener:secure]
bind = 127.0.0.1:${SECURE}
tls = site
backend = server

[tls:site]
cert = ${FOLDER}/cert.pem
key = ${FOLDER}/key.pem

[backend:server]
servers = http://127.0.0.1:${SERVER}
"""

    def start(self, server: str) -> None:
        """Start relay before a server, and remember its size."""
        self.folder = new_folder(self)
        write_certificate(self.folder, "localhost")
        self.web, self.secure = map(str, free_ports(2))
        self.relay = relay(self, self.RELAY, FOLDER=self.folder, WEB=self.web, SECURE=self.secure, SERVER=server)
        # What is allocated at the first use of each listener is no growth.
        for url in (f"http://127.0.0.1:{self.web}", f"https://127.0.0.1:{self.secure}"):
            self.assertIn(curl("--insecure", f"{url}/name").content, (b"small", b"node\n"))
        self.before = peak(self.relay.pid)

    def assert_bounded(self) -> None:
        """The process has not grown with what was offered to it."""
        self.assertLess(peak(self.relay.pid) - self.before, GROWTH)

    def start_generous_server(self, framing: Framing) -> Offer:
        """A server that sends 300 MB when it is asked for anything but /name, and relay before it."""
        offer = Offer(framing)

        def behave(connection: socket.socket) -> None:
            if b"/name" in read_until(connection, b"\r\n\r\n"):
                connection.sendall(SMALL)
            else:
                offer.send(connection, b"HTTP/1.1 200 OK\r\n")

        self.start(ScriptedServer(self, behave).place)
        return offer

    def read_late(self, client: HTTPConnection, offer: Offer) -> None:
        """A client asks for /large, reads nothing until the server was stopped, then everything."""
        self.addCleanup(client.close)
        client.request("GET", "/large")
        with client.getresponse() as response:
            self.assertLess(offer.taken_when_stopped(), STALLED)
            self.assert_bounded()
            for _ in range(PIECES):
                self.assertTrue(response.read(MEGABYTE) == PIECE, "the content was changed")
            self.assertEqual(response.read(), b"")
        self.assert_bounded()

    def test_downloads(self) -> None:
        """What moves inside the kernel stops with the client, and so does what passes through the process."""
        for framing in (KNOWN, CHUNKED):
            offer = self.start_generous_server(framing)
            self.read_late(HTTPConnection("127.0.0.1", int(self.web), timeout=LIMIT), offer)

    def test_download_over_tls(self) -> None:
        """What is encrypted on its way stops with the client too."""
        offer = self.start_generous_server(KNOWN)
        self.read_late(HTTPSConnection("localhost", int(self.secure), timeout=LIMIT, context=self.tls()), offer)

    def tls(self) -> ssl.SSLContext:
        """A client's context that believes the relay's certificate."""
        return ssl.create_default_context(cafile=str(self.folder / "ca.pem"))

    def send_early(self, framing: Framing, client: Callable[[], socket.socket]) -> None:
        """A client sends to a server that reads nothing until the client was stopped, then everything."""
        node = start_node(self)
        self.start(node.place)
        offer = Offer(framing)
        with client() as connection:
            start = b"PUT /late HTTP/1.1\r\nHost: a\r\n"
            sender = threading.Thread(target=offer.send, args=(connection, start), daemon=True)
            sender.start()
            self.assertLess(offer.taken_when_stopped(), STALLED)
            self.assert_bounded()
            self.assertEqual(curl(f"http://127.0.0.1:{node.place}/release").content, b"1\n")
            sender.join()
            self.assertIn(SHA256.encode(), read_until(connection, b'"}'))
        self.assert_bounded()

    def test_uploads(self) -> None:
        """A client stops with a server that reads nothing, and everything arrives when it reads again."""
        for framing in (KNOWN, CHUNKED):
            self.send_early(framing, lambda: connect(self.web))

    def test_upload_over_tls(self) -> None:
        """So does a client that encrypts what it sends."""
        self.send_early(KNOWN, lambda: self.tls().wrap_socket(connect(self.secure), server_hostname="localhost"))
