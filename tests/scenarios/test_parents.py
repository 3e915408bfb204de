"""relay goes out through other proxies: tinyproxy, Squid, microsocks, and another relay."""

import contextlib
import json
import os
import signal
import socket
import threading
from functools import partial
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import Fetched, connect, curl, read_to_end, read_until
from tests.scenarios.origins import ATTENDED, accepts, content, start_nginx, start_node
from tests.scenarios.relays import new_folder, relay, write_certificate
from tests.scenarios.scripted import ScriptedServer
from tests.scenarios.test_control import command
from tests.scenarios.waiting import eventually
from tests.support.child import Child, free_ports

RELAY = """\
[listener:proxy]
bind = 127.0.0.1:${PROXY}
mode = forward
connect_ports = 1-65535
allow_destination = 127.0.0.0/8 localhost
parent = hq
access_log = all

[log:all]
to = ${LOG}
format = json
"""
PARENT = (
    RELAY
    + """
[parent:hq]
servers = ${SERVERS}
username = relay
password_file = ${PASSWORD}
tls_ca = ${CA}
"""
)
SECURE_RELAY = """\
[listener:parent]
bind = 127.0.0.1:${PARENT}
mode = forward
tls = parent
auth = children
connect_ports = 1-65535
allow_destination = 127.0.0.0/8 localhost

[tls:parent]
cert = ${FOLDER}/cert.pem
key = ${FOLDER}/key.pem

[auth:children]
users_file = ${FOLDER}/users
"""
PLAIN_RELAY = """\
[listener:parent]
bind = 127.0.0.1:${PARENT}
mode = forward
connect_ports = 1-65535
allow_destination = 127.0.0.0/8 localhost

[listener:socks]
bind = 127.0.0.1:${SOCKS:-0}
mode = socks5
connect_ports = any
allow_destination = 127.0.0.0/8 localhost
"""
SOCKS_LISTENER = """
[listener:socks]
bind = 127.0.0.1:${SOCKS}
mode = socks5
connect_ports = any
allow_destination = 127.0.0.0/8 localhost
parent = hq
access_log = all
"""
ADMIN = """
[admin]
bind = unix:${FOLDER}/admin.sock
stats = 127.0.0.1:${STATS}
"""
OTHER = """
[parent:lab]
servers = p1 http://127.0.0.1:9
for = .lab.example
check = tcp
check_fall = 1
"""
TINYPROXY = """\
Port %s
Listen 127.0.0.1
Timeout 30
MaxClients 100
LogLevel Error
BasicAuth relay s3cret
"""
SQUID = """\
http_port 127.0.0.1:%s
acl all_ports port 1-65535
http_access allow all_ports
cache deny all
access_log none
cache_log /dev/null
pid_filename none
coredump_dir .
shutdown_lifetime 0 seconds
"""
NGINX = """
    server {
        listen 127.0.0.1:%s ssl;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        location / { return 200 "secret\\n"; }
    }
"""
#: The password `s3cret`, hashed by bcrypt.
USERS = "relay:$2b$06$5LP3DfxWpyO42S9G/QlsfOxTXEE9RZyqjDvZGRU2HrP4LMQUIRfhC\n"


def start_tinyproxy(case: SynchronousTestCase, folder: Path, port: str) -> Child:
    """Start it with a user and a password; return when it accepts."""
    (folder / f"tinyproxy-{port}.conf").write_text(TINYPROXY % port)
    child = Child(case, *ATTENDED, "tinyproxy", "-d", "-c", folder / f"tinyproxy-{port}.conf")
    eventually(partial(accepts, f"127.0.0.1:{port}"), "tinyproxy accepts")
    return child


def echo_and_goodbye(connection: socket.socket) -> None:
    """Send back all that comes, and say goodbye when the other side has."""
    while data := connection.recv(65536):
        connection.sendall(data)
    connection.sendall(b"goodbye")
    connection.shutdown(socket.SHUT_WR)


def send_and_end(connection: socket.socket, octets: bytes) -> None:
    """Send, and then no more."""
    connection.sendall(octets)
    connection.shutdown(socket.SHUT_WR)


def descriptors(daemon: Child) -> int:
    """How many sockets a process has open."""
    links = []
    for name in os.listdir(f"/proc/{daemon.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            links.append(os.readlink(f"/proc/{daemon.pid}/fd/{name}"))
    return sum(link.startswith("socket:") for link in links)


class ParentScenario(SynchronousTestCase):
    """An http and an https origin, and a relay in front of a parent."""

    def setUp(self) -> None:
        """The origins."""
        self.folder = new_folder(self)
        write_certificate(self.folder, "localhost")
        (self.folder / "password").write_text("s3cret\n")
        (self.folder / "password").chmod(0o600)
        self.proxy, self.secure, self.parent, self.socks, self.stats = map(str, free_ports(5))
        start_nginx(self, self.folder, NGINX % self.secure)
        self.node = start_node(self)

    def start(self, servers: str, configuration: str = PARENT) -> Child:
        """The relay, with these proxies as its parent."""
        places: dict[str, str | Path] = {
            "PROXY": self.proxy,
            "SOCKS": self.socks,
            "STATS": self.stats,
            "FOLDER": self.folder,
            "LOG": self.folder / "log",
            "PASSWORD": self.folder / "password",
            "CA": self.folder / "ca.pem",
        }
        return relay(self, configuration, SERVERS=servers, **places)

    def fetch(self, *arguments: str, content: bytes = b"") -> Fetched:
        """What curl does through the relay."""
        ca = ("--cacert", str(self.folder / "ca.pem"))
        return curl(*ca, "--noproxy", "", "--proxy", f"http://127.0.0.1:{self.proxy}", *arguments, content=content)

    def both_ways(self) -> None:
        """Plain http and https reach their origins."""
        for url, expected in (
            (f"http://localhost:{self.node.place}/name", b"node\n"),
            (f"http://127.0.0.1:{self.node.place}/name", b"node\n"),
            (f"https://localhost:{self.secure}/", b"secret\n"),
        ):
            fetched = self.fetch(url)
            self.assertEqual((fetched.content, fetched.errors), (expected, ""), url)

    def logged(self) -> list[dict[str, object]]:
        """The lines of the access log."""
        with contextlib.suppress(FileNotFoundError):
            return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]
        return []


class ProxyTests(ParentScenario):
    """One parent of each kind."""

    def test_tinyproxy(self) -> None:
        """An HTTP proxy that wants a password: it gets ours, and never the client's; origins see neither."""
        start_tinyproxy(self, self.folder, self.parent)
        self.start(f"http://127.0.0.1:{self.parent}")
        self.both_ways()
        url = f"http://localhost:{self.node.place}/echo"
        fields = self.fetch("--proxy-user", "eve:evil", url).echo["fields"]
        self.assertNotIn("proxy-authorization", fields)
        self.assertIn("tinyproxy", fields["via"])
        lines = eventually(lambda: self.logged()[3:], "the requests are logged")
        self.assertEqual((lines[0]["parent"], lines[0]["server"]), ("hq", f"127.0.0.1:{self.parent}"))

    def test_wrong_password(self) -> None:
        """Its challenge becomes a 502, for http and for tunnels. (To http with a wrong password tinyproxy says 401,
        as an origin would.)"""
        start_tinyproxy(self, self.folder, self.parent)
        (self.folder / "password").write_text("guess\n")
        self.start(f"http://127.0.0.1:{self.parent}")
        self.assertIn("response 502", self.fetch(f"https://localhost:{self.secure}/").errors)
        line = eventually(self.logged, "the request is logged")[0]
        self.assertEqual(line["error"], "parent_credentials")

    def test_no_password(self) -> None:
        """The same without any."""
        start_tinyproxy(self, self.folder, self.parent)
        without = PARENT.replace("username = relay\npassword_file = ${PASSWORD}\n", "")
        self.start(f"http://127.0.0.1:{self.parent}", without)
        answer = self.fetch("--include", f"http://localhost:{self.node.place}/name").content
        self.assertTrue(answer.startswith(b"HTTP/1.1 502 "), answer)
        self.assertNotIn(b"uthenticate", answer)
        self.assertIn("response 502", self.fetch(f"https://localhost:{self.secure}/").errors)

    def test_squid(self) -> None:
        """Squid, without credentials."""
        (self.folder / "squid.conf").write_text(SQUID % self.parent)
        Child(self, *ATTENDED, "squid", "-N", "-f", self.folder / "squid.conf")
        eventually(partial(accepts, f"127.0.0.1:{self.parent}"), "Squid accepts")
        self.start(f"http://127.0.0.1:{self.parent}")
        self.both_ways()
        self.assertIn(b"HTTP/1.1 503 ", self.fetch("--include", "http://127.0.0.1:9/").content)
        self.assertIn("response 502", self.fetch("https://127.0.0.1:9/").errors)

    def test_microsocks(self) -> None:
        """A SOCKS5 proxy with user and password."""
        where = ("-i", "127.0.0.1", "-p", self.parent, "-u", "relay", "-P", "s3cret")
        Child(self, *ATTENDED, "microsocks", *where)
        eventually(partial(accepts, f"127.0.0.1:{self.parent}"), "microsocks accepts")
        self.start(f"socks5://127.0.0.1:{self.parent}")
        self.both_ways()
        fields = self.fetch(f"http://localhost:{self.node.place}/echo").echo["fields"]
        self.assertEqual((set(fields) - {"host", "user-agent", "accept"}, "via" in fields), (set(), False))

    def test_relay(self) -> None:
        """Another relay, over TLS that is verified, with authentication."""
        (self.folder / "users").write_text(USERS)
        relay(self, SECURE_RELAY, PARENT=self.parent, FOLDER=self.folder)
        self.start(f"https://localhost:{self.parent}")
        self.both_ways()

    def test_half_close_and_early_data(self) -> None:
        """Through two relays much goes both ways, from the first octet on, and each side ends when it likes."""
        echo = ScriptedServer(self, echo_and_goodbye).place
        relay(self, PLAIN_RELAY, PARENT=self.parent)
        self.start(f"http://127.0.0.1:{self.parent}")
        octets = content(5_000_000)
        with connect(self.proxy) as client:
            client.sendall(f"CONNECT 127.0.0.1:{echo} HTTP/1.1\r\nHost: a\r\n\r\nearly ".encode())
            head = read_until(client, b"\r\n\r\n")
            self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
            sending = threading.Thread(target=send_and_end, args=(client, octets))
            sending.start()
            received = head.partition(b"\r\n\r\n")[2] + read_to_end(client)
            sending.join()
        self.assertEqual(len(received), 6 + len(octets) + 7)
        self.assertTrue(received == b"early " + octets + b"goodbye")

    def test_uploads_and_downloads(self) -> None:
        """Large content through an HTTP proxy and through SOCKS5, both ways."""
        relay(self, PLAIN_RELAY, PARENT=self.parent, SOCKS=self.socks)
        self.start(
            f"http://127.0.0.1:{self.parent} socks5://127.0.0.1:{self.socks}", PARENT + "balance = round-robin\n"
        )
        for _ in range(2):
            octets = content(2_000_000)
            sent = self.fetch("--data-binary", "@-", f"http://127.0.0.1:{self.node.place}/echo", content=octets)
            self.assertEqual((sent.echo["length"], sent.errors), (len(octets), ""))
            self.assertTrue(self.fetch(f"http://127.0.0.1:{self.node.place}/content/2000000").content == octets)

    def test_clients_of_socks(self) -> None:
        """Clients that speak SOCKS5 go through parents too."""
        start_tinyproxy(self, self.folder, self.parent)
        self.start(f"http://127.0.0.1:{self.parent}", PARENT + SOCKS_LISTENER)
        ca = ("--cacert", str(self.folder / "ca.pem"))
        where = ("--noproxy", "", "--proxy", f"socks5h://127.0.0.1:{self.socks}")
        fetched = curl(*ca, *where, f"https://localhost:{self.secure}/")
        self.assertEqual((fetched.content, fetched.errors), (b"secret\n", ""))
        line = eventually(self.logged, "the request is logged")[0]
        self.assertEqual((line["listener"], line["parent"]), ("socks", "hq"))

    def test_untrusted(self) -> None:
        """A proxy whose certificate is for another name gets nothing."""
        (self.folder / "users").write_text(USERS)
        relay(self, SECURE_RELAY, PARENT=self.parent, FOLDER=self.folder)
        self.start(f"https://127.0.0.1:{self.parent}")
        self.assertIn(b" 502 ", self.fetch("--include", f"http://localhost:{self.node.place}/").content)


class FailureTests(ParentScenario):
    """Parents that fail."""

    def test_one_of_two_dies(self) -> None:
        """When one of two proxies is killed, nothing is lost: neither http nor new tunnels."""
        other = free_ports(1)[0]
        first = start_tinyproxy(self, self.folder, self.parent)
        start_tinyproxy(self, self.folder, str(other))
        self.start(f"http://127.0.0.1:{self.parent} http://127.0.0.1:{other}")
        for number in range(12):
            if number == 4:
                first.signal(signal.SIGKILL)
                first.finish()
            self.both_ways()

    def test_direct(self) -> None:
        """With `direct` requests go straight when nobody is there, else they are refused."""
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))  # and nobody listens there
        self.start(f"http://127.0.0.1:{taken.getsockname()[1]}", PARENT + "direct = yes\nretries = 0\n")
        self.both_ways()
        lines = eventually(lambda: self.logged()[2:], "the requests are logged")
        self.assertEqual([line["parent"] for line in lines], [None])

    def test_hostile(self) -> None:
        """A parent that is silent, breaks off, talks nonsense or floods is a 502 or 504, and nothing is left open."""

        def behave(connection: socket.socket) -> None:
            name = read_until(connection, b"\r\n\r\n").split(b" ")[1].partition(b".")[0]
            if name == b"stalls":
                read_to_end(connection)
            elif name == b"floods":
                with contextlib.suppress(OSError):
                    connection.sendall(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 5_000_000)
            elif name == b"nonsense":
                connection.sendall(b"220 smtp.example ESMTP\r\n")

        server = ScriptedServer(self, behave)
        more = "connect_timeout = 300ms\nretries = 0\neject_after = off\n"
        daemon = self.start(f"http://127.0.0.1:{server.place}", PARENT + more)
        before = descriptors(daemon)
        for name, status in (("stalls", b"504"), ("breaks", b"502"), ("nonsense", b"502"), ("floods", b"502")):
            for leaves in (False, True):
                with connect(self.proxy) as client:
                    client.sendall(f"CONNECT {name}.example:443 HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                    if not leaves:
                        self.assertEqual(read_until(client, b"\r\n\r\n").split(b" ")[1], status, name)
        eventually(lambda: descriptors(daemon) == before, "relay has closed what it opened")


class OperatingTests(ParentScenario):
    """What whoever runs it sees, and can do."""

    def test_servers_and_metrics(self) -> None:
        """Parents are among the backends of `relay servers` and of metrics, and a proxy can be taken out."""
        start_tinyproxy(self, self.folder, self.parent)
        more = (
            ADMIN + "[parent:lab]\nservers = p1 http://127.0.0.1:9\nfor = .lab.example\ncheck = tcp\ncheck_fall = 1\n"
        )
        self.start(f"p1 http://127.0.0.1:{self.parent}", PARENT + more)
        self.both_ways()
        where = ("--socket", str(self.folder / "admin.sock"))

        def servers() -> str:
            return command("servers", *where)[1]

        eventually(lambda: "parent lab" in servers() and "connection refused" in servers(), "the check has failed")
        self.assertIn("parent hq: round-robin", servers())
        self.assertEqual(command("server", "parent:hq/p1", "maint", *where)[0], 0)
        answer = self.fetch("--include", f"http://localhost:{self.node.place}/name").content
        self.assertTrue(answer.startswith(b"HTTP/1.1 503 "), answer)
        metrics = curl(f"http://127.0.0.1:{self.stats}/metrics").content.decode()
        for line in (
            'relay_http_requests_total{listener="proxy",backend="parent:hq",method="GET",code="200"} 2',
            'relay_http_requests_total{listener="proxy",backend="parent:hq",method="CONNECT",code="200"} 1',
            'relay_server_state{backend="parent:lab",server="p1",state="down"} 1',
        ):
            self.assertIn(line, metrics.splitlines())

    def test_explained(self) -> None:
        """The running daemon says which way a request takes."""
        self.start(f"p1 http://127.0.0.1:{self.parent}", PARENT + ADMIN)
        where = ("--live", "--socket", str(self.folder / "admin.sock"))
        status, said, _ = command("explain", "CONNECT", "www.example:443", *where)
        self.assertEqual(status, 0)
        for words in ("a tunnel to www.example:443, through parent hq: it is the parent of the listener", "p1"):
            self.assertIn(words, said)
