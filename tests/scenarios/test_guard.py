"""A canary listens on every address of this machine; a forward proxy is asked for it in every spelling."""

import contextlib
import socket
import threading
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from tests.hostile.destinations import LITERALS, MALFORMED, OWN, OWN6
from tests.scenarios.clients import connect, curl, read_until
from tests.scenarios.relays import relay
from tests.scenarios.scripted import ScriptedServer
from tests.scenarios.test_discovery import NameServer
from tests.scenarios.waiting import eventually
from tests.support.child import free_ports

RELAY = """\
[listener:guarded]
bind = 127.0.0.1:${GUARDED}
mode = forward
connect_ports = ${CANARY} ${OPEN} ${STATS}

[listener:excepted]
bind = 127.0.0.1:${OPEN}
mode = forward
connect_ports = ${CANARY} ${GUARDED} ${STATS}
allow_destination = 127.0.0.0/8

[admin]
stats = 127.0.0.1:${STATS}
"""
NAMES = ("localhost", "LOCALHOST.", socket.gethostname())
"""What this machine's own resolver leads inside."""
REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: http://%b/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
ASKING = b"Host: a\r\nConnection: close\r\n\r\n"


REBOUND = """\
[listener:guarded]
bind = 127.0.0.1:${GUARDED}
mode = forward
connect_ports = ${CANARY}
allow_destination = 127.0.0.2

[dns]
servers = 127.0.0.1:${DNS}
min_ttl = 1ms
negative_ttl = 1ms
"""
BAITS = (
    ("A 127.0.0.1",),
    ("A 127.0.0.2", "A 127.0.0.1"),
    ("A 127.0.0.2", "AAAA ::1"),
    ("A 127.0.0.2", "AAAA ::ffff:127.0.0.2"),
    ("A 0.0.0.0",),
    ("AAAA ::",),
    ("AAAA ::ffff:127.0.0.1",),
    ("AAAA ::127.0.0.1",),
    ("AAAA 64:ff9b::7f00:1",),
    ("CNAME localhost.bait.test",),
)
"""What the name server answers after it has answered what is allowed."""


class Canary:
    """Accepts and counts, on all addresses of both families, and says by which it was reached."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self.reached = 0
        self.by: set[str] = set()
        self._listening = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.place = str(self._listening.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        case.addCleanup(self.stop)

    def _accept(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            with connection, contextlib.suppress(OSError):
                if connection.recv(4) == b"stop":
                    return
                self.reached += 1
                self.by.add(connection.getsockname()[0])
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nchirp\n")

    def stop(self) -> int:
        """How often it was reached, when all that has been sent to it has been looked at."""
        if self._thread.is_alive():
            with socket.create_connection(("127.0.0.1", int(self.place))) as connection:
                connection.sendall(b"stop")
            self._thread.join()
            self._listening.close()
        return self.reached


def status(proxy: str, asked: str) -> int:
    """How the proxy answers a request line."""
    with connect(proxy) as client:
        client.sendall(asked.encode() + b" HTTP/1.1\r\n" + ASKING)
        return int(read_until(client, b"\r\n")[9:12])


def statuses(proxy: str, host: str, port: str) -> set[int]:
    """How it answers CONNECT, and a GET of a whole URI."""
    return {status(proxy, f"CONNECT {host}:{port}"), status(proxy, f"GET http://{host}:{port}/")}


def is_refused(proxy: str, host: str, port: str) -> bool:
    """Whether it refuses both."""
    return statuses(proxy, host, port) == {403}


class RebindingTests(SynchronousTestCase):
    """A name server gives an address that is allowed, and then others."""

    def test_rebinding(self) -> None:
        """As soon as the answer is another one the name is refused; only the allowed address was ever dialled."""
        canary, dns = Canary(self), NameServer(self)
        [guarded] = map(str, free_ports(1))
        relay(self, REBOUND, GUARDED=guarded, CANARY=canary.place, DNS=dns.port)
        names = [f"bait{number}.test" for number in range(len(BAITS))]
        dns.holds([f"{name} 0 A 127.0.0.2" for name in names])
        for name in names:
            self.assertEqual(statuses(guarded, name, canary.place), {200})
        records = [f"{name} 0 {answer}" for name, answers in zip(names, BAITS, strict=True) for answer in answers]
        dns.holds([*records, "localhost.bait.test 0 A 127.0.0.1"])
        for name in names:
            eventually(partial(is_refused, guarded, name, canary.place), name)
        self.assertGreaterEqual(canary.stop(), 2 * len(BAITS))
        self.assertEqual(canary.by, {"::ffff:127.0.0.2"})


class GuardTests(SynchronousTestCase):
    """Two forward proxies, one of them with an exception."""

    def setUp(self) -> None:
        """The canary, and the relay."""
        self.canary = Canary(self)
        self.guarded, self.excepted, self.stats = map(str, free_ports(3))
        relay(
            self,
            RELAY,
            GUARDED=self.guarded,
            OPEN=self.excepted,
            STATS=self.stats,
            CANARY=self.canary.place,
        )

    def test_every_spelling(self) -> None:
        """None of them reaches the canary, whether the address is this machine's or not."""
        for row in LITERALS:
            if row.host in (OWN, f"[{OWN6}]"):
                continue  # not addresses of this machine
            self.assertEqual(statuses(self.guarded, row.host, self.canary.place), {403}, row)
        for row in MALFORMED:
            self.assertEqual(statuses(self.guarded, row.host, self.canary.place), {400}, row)
        self.assertEqual(self.canary.stop(), 0)

    def test_names(self) -> None:
        """Neither do names that lead to this machine."""
        for name in NAMES:
            self.assertEqual(statuses(self.guarded, name, self.canary.place), {403}, name)
        self.assertEqual(self.canary.stop(), 0)

    def test_listeners_of_relay(self) -> None:
        """An exception for a network opens the canary in it, but no listener of relay itself."""
        url = f"http://127.0.0.1:{self.canary.place}/"
        self.assertEqual(curl("--noproxy", "", "--proxy", f"127.0.0.1:{self.excepted}", url).content, b"chirp\n")
        for port in (self.guarded, self.excepted, self.stats):
            self.assertEqual(statuses(self.excepted, "127.0.0.1", port), {403}, port)
        self.assertEqual(self.canary.stop(), 1)

    def test_redirects(self) -> None:
        """A redirect to a forbidden destination leads the client nowhere."""

        def behave(connection: socket.socket) -> None:
            connection.recv(65536)
            connection.sendall(REDIRECT % f"0.0.0.0:{self.canary.place}".encode())

        origin = ScriptedServer(self, behave)
        proxy = f"127.0.0.1:{self.excepted}"
        fetched = curl(
            *("--noproxy", "", "--proxy", proxy, "--location", "--write-out", "%{http_code}"),
            f"http://127.0.0.1:{origin.place}/",
        )
        self.assertEqual(fetched.content[-3:], b"403")
        self.assertEqual(self.canary.stop(), 0)
