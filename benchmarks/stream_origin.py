"""An origin for bodies: sends as much as is asked for, or takes in what it is sent, quickly, slowly or not at all.

    GET /                      200 and a short body
    GET /bytes/N               N bytes
    GET /forever               chunks without end
    GET /counters              {"sent": bytes, "received": bytes} of all bodies so far
    PUT /discard               reads the body, then answers
    PUT /slow/RATE             the same at RATE bytes a second
    PUT /unread                never reads the body

Run as `stream_origin.py PORT`.
"""

import json
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = bytes(256 * 1024)
UNREAD_SECONDS = 3600.0


class Counters:
    """Body bytes of all requests; each thread only adds, so small losses are possible and do not matter here."""

    sent = 0
    received = 0


class Pace:
    """Keeps a reader at a rate: call `passed` after each piece."""

    def __init__(self, bytes_per_second: int) -> None:
        self.bytes_per_second = bytes_per_second
        self.began = time.monotonic()
        self.total = 0

    def passed(self, size: int) -> None:
        """Sleep as long as the bytes so far are ahead of the rate."""
        self.total += size
        ahead = self.total / self.bytes_per_second - (time.monotonic() - self.began)
        if ahead > 0:
            time.sleep(ahead)


class Exchange(BaseHTTPRequestHandler):
    """One connection; the path says what happens."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send what the path asks for."""
        _, action, *rest = self.path.split("/")
        if action == "bytes":
            self._send_bytes(int(rest[0]))
        elif action == "forever":
            self._send_forever()
        elif action == "counters":
            self._answer(json.dumps({"sent": Counters.sent, "received": Counters.received}).encode())
        else:
            self._answer(b"ok\n")

    def do_PUT(self) -> None:
        """Take in the body as the path says, then answer."""
        _, action, *rest = self.path.split("/")
        if action == "unread":
            time.sleep(UNREAD_SECONDS)
            self.close_connection = True
            return
        self._receive(Pace(int(rest[0])) if action == "slow" else None)
        self._answer(b"ok\n")

    def _receive(self, pace: Pace | None) -> None:
        left = int(self.headers["Content-Length"])
        buffer = bytearray(len(PIECE))
        while left:
            size = self.rfile.readinto(memoryview(buffer)[: min(left, len(buffer))])
            if not size:
                raise ConnectionError("the body ended early")
            left -= size
            Counters.received += size
            if pace is not None:
                pace.passed(size)

    def _send_bytes(self, left: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(left))
        self.end_headers()
        while left:
            self.connection.sendall(PIECE[:left] if left < len(PIECE) else PIECE)
            Counters.sent += min(left, len(PIECE))
            left -= min(left, len(PIECE))

    def _send_forever(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        chunk = b"%x\r\n%b\r\n" % (len(PIECE), PIECE)
        while True:
            self.connection.sendall(chunk)
            Counters.sent += len(PIECE)

    def _answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


class Origin(ThreadingHTTPServer):
    """A thread for each connection; those that break off end quietly."""

    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Forget the connection."""


if __name__ == "__main__":
    Origin(("127.0.0.1", int(sys.argv[1])), Exchange).serve_forever()
