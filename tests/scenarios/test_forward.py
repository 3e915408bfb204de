"""relay as the forward proxy of real clients."""

import socket

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import Fetched, connect, curl, read_to_end, read_until
from tests.scenarios.origins import start_nginx, start_node
from tests.scenarios.outside import Outside
from tests.scenarios.relays import new_folder, relay, write_certificate
from tests.scenarios.scripted import ScriptedServer
from tests.support.child import free_ports

RELAY = """\
[listener:proxy]
bind = 127.0.0.1:${PROXY}
mode = forward
connect_ports = 443 ${SECURE} ${ECHO}
allow_destination = 127.0.0.0/8 ::1
"""
IPV6 = """\
[listener:proxy]
bind = [::1]:${PROXY}
mode = forward
connect_ports = ${SECURE}
allow_destination = ::1 .office.test

[dns]
hosts = ${HOSTS}
"""
NGINX = """
    server {
        listen 127.0.0.1:%s ssl;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        location / { return 200 "secret\\n"; }
    }
"""


def echo(connection: socket.socket) -> None:
    """Send back all that comes, and say goodbye when the other side has."""
    while data := connection.recv(65536):
        connection.sendall(data)
    connection.sendall(b"goodbye")
    connection.shutdown(socket.SHUT_WR)


class ForwardTests(SynchronousTestCase):
    """curl and sockets go through it."""

    def setUp(self) -> None:
        """A plain and a secure origin, one that echoes, and the proxy."""
        self.folder = new_folder(self)
        write_certificate(self.folder, "localhost")
        self.proxy, self.secure = map(str, free_ports(2))
        start_nginx(self, self.folder, NGINX % self.secure)
        self.node = start_node(self)
        self.echo = ScriptedServer(self, echo).place
        relay(self, RELAY, PROXY=self.proxy, SECURE=self.secure, ECHO=self.echo)

    def fetch(self, *arguments: str) -> Fetched:
        """What curl does through the proxy."""
        return curl("--noproxy", "", "--proxy", f"http://127.0.0.1:{self.proxy}", *arguments)

    def through(self, *arguments: str) -> str:
        """What curl gets through the proxy."""
        fetched = self.fetch(*arguments)
        self.assertEqual((fetched.status, fetched.errors), (0, ""))
        return fetched.content.decode()

    def test_http(self) -> None:
        """Plain http, by name and by address; nothing of the client or the proxy is told."""
        url = f"http://localhost:{self.node.place}/echo?a=b"
        seen = self.fetch("--header", "X-Forwarded-For: 10.0.0.7", url).echo
        self.assertEqual((seen["target"], seen["fields"]["host"]), ("/echo?a=b", f"localhost:{self.node.place}"))
        self.assertEqual(set(seen["fields"]) - {"host", "user-agent", "accept"}, set())
        self.assertEqual(self.through(f"http://127.0.0.1:{self.node.place}/name"), "node\n")

    def test_https(self) -> None:
        """https goes through CONNECT, and the certificate is the origin's."""
        ca = ("--cacert", str(self.folder / "ca.pem"))
        self.assertEqual(self.through(*ca, f"https://localhost:{self.secure}/"), "secret\n")

    def test_refused(self) -> None:
        """Other ports are refused, and an origin that nobody serves is a 502, in words that curl understands."""
        [nobody] = map(str, free_ports(1))
        for url, told in (
            (f"https://localhost:{self.node.place}/", "response 403"),
            ("https://127.0.0.1:443/", "response 502"),
        ):
            self.assertIn(told, self.fetch(url).errors)
        self.assertIn(b"HTTP/1.1 502 ", self.fetch("--include", f"http://127.0.0.1:{nobody}/").content)

    def test_early_data_and_half_close(self) -> None:
        """What comes right behind CONNECT is carried over, and each side may end while the other goes on."""
        with connect(self.proxy) as client:
            client.sendall(f"CONNECT 127.0.0.1:{self.echo} HTTP/1.1\r\nHost: a\r\n\r\nearly ".encode())
            head = read_until(client, b"\r\n\r\n")
            self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
            client.sendall(b"late " + bytes(300_000))
            client.shutdown(socket.SHUT_WR)
            received = head.partition(b"\r\n\r\n")[2] + read_to_end(client)
        self.assertEqual(received, b"early late " + bytes(300_000) + b"goodbye")


class IPv6Tests(SynchronousTestCase):
    """The client, the proxy and the origins have IPv6 addresses."""

    def test_curl(self) -> None:
        """By address and by name, http and https; the origin of a name with an IPv4 address is reached too."""
        outside = Outside(self)
        [port] = map(str, free_ports(1))
        relay(self, IPV6, PROXY=port, SECURE=outside.secure, HOSTS=outside.hosts)
        shown = ("--globoff", "--noproxy", "", "--proxy", f"http://[::1]:{port}", "--cacert", str(outside.authority))
        for host in ("[::1]", "v6.office.test", "v4.office.test"):
            for url in (f"http://{host}:{outside.plain}/node/name", f"https://{host}:{outside.secure}/node/name"):
                fetched = curl(*shown, url)
                self.assertEqual((fetched.content, fetched.errors), (b"node\n", ""), url)
