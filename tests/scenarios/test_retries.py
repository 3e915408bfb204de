"""Requests that are tried again on real sockets: uploads, statuses, servers that hang, and hedges."""

import hashlib
import re
import socket
import struct
import threading

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import curl, read_until
from tests.scenarios.origins import content, start_node
from tests.scenarios.relays import relay
from tests.scenarios.scripted import ScriptedServer, answering
from tests.support.child import free_ports

SIZE = 400_000
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\nConnection: close\r\n\r\nbusy\n"


def resetting(connection: socket.socket) -> None:
    """Read some of the content and cut the connection."""
    left = SIZE // 2
    while left > 0:
        left -= len(connection.recv(65536))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def busy(connection: socket.socket) -> None:
    """Answer in the middle of the content that there is no time for it, and close."""
    read_until(connection, b"\r\n\r\n")
    connection.recv(65536)
    connection.sendall(BUSY)


def hanging(connection: socket.socket) -> None:
    """Read everything, answer nothing."""
    while connection.recv(65536):
        pass


class UploadTests(SynchronousTestCase):
    """Content that has to be sent twice."""

    RELAY = """\
[listener:first]
bind = 127.0.0.1:${FIRST}
backend = resetting

[listener:second]
bind = 127.0.0.1:${SECOND}
backend = busy

[listener:third]
bind = 127.0.0.1:${THIRD}
backend = hanging

[defaults:backend]
retry_on = connect reset empty timeout 503
retry_methods = idempotent
retry_buffer = 1M
per_try_timeout = 500ms
eject_after = off

[backend:resetting]
servers = http://127.0.0.1:${RESETTING} http://127.0.0.1:${GOOD}

[backend:busy]
servers = http://127.0.0.1:${BUSY} http://127.0.0.1:${GOOD}

[backend:hanging]
servers = http://127.0.0.1:${HANGING} http://127.0.0.1:${GOOD}
"""

    def test_content(self) -> None:
        """However the first server fails, the second gets the whole content, in the order it was sent, once."""
        bad = {behave.__name__.upper(): ScriptedServer(self, behave).place for behave in (resetting, busy, hanging)}
        ports = dict(zip(("FIRST", "SECOND", "THIRD"), map(str, free_ports(3)), strict=True))
        relay(self, self.RELAY, GOOD=start_node(self, "good").place, **bad, **ports)
        sent = content(SIZE)
        for port in ports.values():
            for upload in (("--request", "PUT", "--data-binary", "@-"), ("--upload-file", "-")):
                for _ in range(2):
                    fetched = curl("--header", "Expect:", *upload, f"http://127.0.0.1:{port}/echo", content=sent)
                    self.assertEqual((fetched.status, fetched.echo["server"]), (0, "good"))
                    self.assertEqual("content-length" in fetched.echo["fields"], len(upload) > 2)
                    self.assertEqual(fetched.echo["length"], SIZE)
                    self.assertEqual(fetched.echo["sha256"], hashlib.sha256(sent).hexdigest())


class StatusTests(SynchronousTestCase):
    """Answers that are reason for another try."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = both

[backend:both]
servers = http://127.0.0.1:${ONE} http://127.0.0.1:${TWO}
retry_on = connect 503
"""

    def test_the_last_answer(self) -> None:
        """When all servers are busy the client gets the answer of one of them."""
        one, two = (ScriptedServer(self, answering(BUSY)) for _ in range(2))
        web = str(free_ports(1)[0])
        relay(self, self.RELAY, WEB=web, ONE=one.place, TWO=two.place)
        fetched = curl("--write-out", "%{http_code}", f"http://127.0.0.1:{web}/")
        self.assertEqual(fetched.content, b"busy\n503")


class HedgeTests(SynchronousTestCase):
    """A server that begins to hang."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = both

[backend:both]
servers =
    a http://127.0.0.1:${A}
    b http://127.0.0.1:${B}
hedge = on
hedge_budget = 50%
eject_after = off

[admin]
stats = 127.0.0.1:${ADMIN}
"""

    def test_hanging(self) -> None:
        """Requests that a server holds for ever are answered by the other one."""
        hangs = threading.Event()

        def may_hang(connection: socket.socket) -> None:
            while True:
                read_until(connection, b"\r\n\r\n")
                if hangs.is_set():
                    hanging(connection)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na\n")

        def well(connection: socket.socket) -> None:
            while True:
                read_until(connection, b"\r\n\r\n")
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nb\n")

        a, b = ScriptedServer(self, may_hang), ScriptedServer(self, well)
        web, admin = map(str, free_ports(2))
        relay(self, self.RELAY, WEB=web, ADMIN=admin, A=a.place, B=b.place)
        self.assertEqual(set(curl(f"http://127.0.0.1:{web}/[1-120]").content.split()), {b"a", b"b"})
        hangs.set()
        self.assertEqual(curl(f"http://127.0.0.1:{web}/[1-20]").content.split(), [b"b"] * 20)
        metrics = curl(f"http://127.0.0.1:{admin}/metrics").content.decode()
        won = re.search(r'^relay_backend_hedges_won_total\{backend="both"\} (\d+)', metrics, re.MULTILINE)
        assert won is not None
        self.assertGreaterEqual(int(won[1]), 10)
        failed = re.findall(r'^relay_server_errors_total\{backend="both",server="a".* (\d+)', metrics, re.MULTILINE)
        self.assertEqual(set(failed), {"0"})
