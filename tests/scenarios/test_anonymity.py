"""What destinations and name servers hear of the clients of a forward proxy: every octet of it."""

import contextlib
import json
import socket
import threading

from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.known import basic
from tests.scenarios.clients import SECONDS, read_to_end, read_until
from tests.scenarios.origins import content
from tests.scenarios.relays import new_folder, relay
from tests.scenarios.scripted import ScriptedServer
from tests.scenarios.test_authentication import line
from tests.scenarios.waiting import eventually
from tests.support.child import free_ports

RELAY = """\
[listener:hidden-proxy]
bind = 127.0.0.1:${PROXY}
mode = forward
auth = staff
rules = egress
connect_ports = ${ORIGIN}
allow_destination = 127.0.0.0/8
remove_request_header = Referer
set_request_header = User-Agent: anybody
access_log = main

[rules:egress]
rule =
    deny destination 127.0.0.66
    allow user hugo-client
    deny all

[auth:staff]
users_file = ${USERS}

[dns]
servers = 127.0.0.1:${DNS}
hosts = ${HOSTS}

[log:main]
to = ${LOG}
format = json
"""
CLIENT = "127.0.0.9"
USER, PASSWORD = "hugo-client", "open-sesame"
CREDENTIALS = basic(USER, PASSWORD).decode()
REVEALING = (
    f"Proxy-Authorization: {CREDENTIALS}",
    "Via: 1.1 inner-proxy",
    f"X-Forwarded-For: {CLIENT}",
    f"Forwarded: for={CLIENT};host=inner-host",
    f"X-Real-IP: {CLIENT}",
    f"X_Forwarded_For: {CLIENT}",
    "X-Forwarded-Host: inner-host",
    f"True-Client-IP: {CLIENT}",
    "Proxy-Connection: keep-alive",
    "Connection: X-Hop",
    "X-Hop: inner-host",
    f"Referer: http://inner-host/?{USER}",
    "User-Agent: inner-agent",
)
#: What must stand in nothing that leaves: in text, as octets of an address, and as the password's field has it.
SECRETS = (
    *(CLIENT.encode(), socket.inet_aton(CLIENT), USER.encode(), PASSWORD.encode(), CREDENTIALS.split()[1].encode()),
    *(b"inner-", b"hidden-proxy", b"relay", b"egress"),
)


class NameServer:
    """Says that each name leads to 127.0.0.1, or where it is denied; keeps the octets of each question."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.place = str(self._socket.getsockname()[1])
        """Its port on 127.0.0.1."""
        self.asked: list[bytes] = []
        case.addCleanup(self._stop)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                octets, sender = self._socket.recvfrom(4096)
                if not octets:
                    return
                self.asked.append(octets)
                self._socket.sendto(_reply(octets), sender)

    def _stop(self) -> None:
        with contextlib.suppress(OSError):  # it is not connected, but whoever waits for it is woken
            self._socket.shutdown(socket.SHUT_RD)
        self._socket.close()

    @property
    def questions(self) -> set[tuple[bytes, int]]:
        """Names and types that were asked for."""
        return {(query.name.name, query.type) for octets in self.asked for query in _read(octets).queries}


def _read(octets: bytes) -> dns.Message:
    message = dns.Message()
    message.fromStr(octets)
    return message


def _reply(octets: bytes) -> bytes:
    message = _read(octets)
    message.answer, message.additional = 1, []
    [query] = message.queries
    if query.type == dns.A:
        where = "127.0.0.66" if query.name.name.startswith(b"denied") else "127.0.0.1"
        message.answers = [dns.RRHeader(query.name.name, dns.A, dns.IN, 60, dns.Record_A(where, 60))]
    made: bytes = message.toStr()
    return made


class AnonymityTests(SynchronousTestCase):
    """A client with a name, an address and a history, of which nothing leaves."""

    def setUp(self) -> None:
        """An origin and a name server that keep every octet, and the proxy between."""
        self.folder = new_folder(self)
        (self.folder / "users").write_text(line(USER, PASSWORD, "--cost", "10"))
        (self.folder / "hosts").write_text("")
        self.seen = b""
        self.ended = 0
        self.names = NameServer(self)
        self.origin = ScriptedServer(self, self.keep).place
        [self.proxy] = map(str, free_ports(1))
        self.log = self.folder / "access.log"

    def keep(self, connection: socket.socket) -> None:
        """Keep what comes, and answer the first of it."""
        self.seen += connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        with contextlib.suppress(ConnectionError):
            while data := connection.recv(65536):
                self.seen += data
        self.ended += 1

    def start(self, configuration: str = RELAY) -> None:
        """Start the proxy."""
        relay(
            self,
            configuration,
            PROXY=self.proxy,
            ORIGIN=self.origin,
            DNS=self.names.place,
            USERS=self.folder / "users",
            HOSTS=self.folder / "hosts",
            LOG=self.log,
        )

    def connect(self) -> socket.socket:
        """A connection of the client."""
        return socket.create_connection(("127.0.0.1", int(self.proxy)), float(SECONDS), (CLIENT, 0))

    def request(self, line: str, host: str, *lines: str) -> bytes:
        """A head that says everything."""
        return "\r\n".join((f"{line} HTTP/1.1", f"Host: {host}", *REVEALING, *lines, "", "")).encode()

    def leaves_nothing(self) -> None:
        """No secret is in what the origin and the name servers have got."""
        for octets in (self.seen, *self.names.asked):
            self.assertEqual([secret for secret in SECRETS if secret in octets], [])

    def test_plain_http(self) -> None:
        """The origin gets the line, Host, what says nothing, and the operator's words: no octet more."""
        self.start()
        host = f"site.example:{self.origin}"
        with self.connect() as client:
            client.sendall(self.request(f"GET http://{host}/a?b", host, "Accept: */*"))
            self.assertIn(b" 200 OK", read_until(client, b"ok"))
        expected = f"GET /a?b HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nUser-Agent: anybody\r\n\r\n"
        self.assertEqual(self.seen, expected.encode())
        self.assertEqual(self.names.questions, {(b"site.example", dns.A), (b"site.example", dns.AAAA)})
        self.leaves_nothing()
        [logged] = self.logged(1)
        self.assertEqual((logged["client"], logged["user"]), (CLIENT, USER))

    def test_tunnels(self) -> None:
        """Through a tunnel goes what the client writes into it, and nothing of how it was opened."""
        self.start()
        host = f"site.example:{self.origin}"
        written = content(300_000)
        with self.connect() as client:
            client.sendall(self.request(f"CONNECT {host}", host) + written[:100])
            head = read_until(client, b"ok").partition(b"\r\n\r\n")[0]
            self.assertTrue(head.startswith(b"HTTP/1.1 200 Connection established"), head)
            client.sendall(written[100:])
            client.shutdown(socket.SHUT_WR)
            read_to_end(client)
        eventually(lambda: self.ended == 1, "the origin has seen the end")
        self.assertEqual(self.seen, written)
        self.leaves_nothing()

    def test_errors(self) -> None:
        """What is refused, before or after the name was asked for, reaches nobody; nor who breaks off."""
        self.start()
        for target, status in (
            (f"http://denied.example:{self.origin}/", 403),
            ("http://other.example:1/", 502),
            (f"http://{CLIENT}:1/", 502),
        ):
            with self.connect() as client:
                client.sendall(self.request(f"GET {target}", "x", "Accept: text/html"))
                self.assertIn(b"HTTP/1.1 %d " % status, read_until(client, b"\r\n\r\n"))
        self.assertEqual(self.seen, b"")
        host = f"site.example:{self.origin}"
        with self.connect() as client:
            client.sendall(self.request(f"POST http://{host}/", host, "Content-Length: 1000") + b"x" * 10)
            read_until(client, b"ok")
        eventually(lambda: self.ended == 1, "the origin has seen the end")
        self.assertTrue(self.seen.endswith(b"\r\n\r\n" + b"x" * 10), self.seen)
        self.leaves_nothing()

    def test_told(self) -> None:
        """A proxy that is told to tell does: the octets that are missed above would be seen."""
        self.start(RELAY.replace("mode = forward", "mode = forward\nvia = on\nforwarded = on"))
        host = f"site.example:{self.origin}"
        with self.connect() as client:
            client.sendall(self.request(f"GET http://{host}/", host))
            read_until(client, b"ok")
        for secret in (CLIENT.encode(), b"hidden-proxy"):
            self.assertIn(secret, self.seen)

    def logged(self, count: int) -> list[dict[str, object]]:
        """The lines of the access log, when there are so many."""
        eventually(lambda: self.log.exists() and self.log.read_text().count("\n") >= count, "it is logged")
        return [json.loads(each) for each in self.log.read_text().splitlines()]
