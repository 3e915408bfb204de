"""relay goes out through other proxies: tinyproxy, Squid, microsocks, and another relay."""

import contextlib
import json
import signal
import socket
from functools import partial
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import Fetched, connect, curl, read_to_end, read_until
from tests.scenarios.origins import ATTENDED, accepts, start_nginx, start_node
from tests.scenarios.relays import new_folder, relay, write_certificate
from tests.scenarios.scripted import ScriptedServer
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


class ParentScenario(SynchronousTestCase):
    """An http and an https origin, and a relay in front of a parent."""

    def setUp(self) -> None:
        """The origins."""
        self.folder = new_folder(self)
        write_certificate(self.folder, "localhost")
        (self.folder / "password").write_text("s3cret\n")
        (self.folder / "password").chmod(0o600)
        self.proxy, self.secure, self.parent = map(str, free_ports(3))
        start_nginx(self, self.folder, NGINX % self.secure)
        self.node = start_node(self)

    def start(self, servers: str, configuration: str = PARENT) -> None:
        """The relay, with these proxies as its parent."""
        places: dict[str, str | Path] = {
            "PROXY": self.proxy,
            "LOG": self.folder / "log",
            "PASSWORD": self.folder / "password",
        }
        relay(self, configuration, SERVERS=servers, CA=self.folder / "ca.pem", **places)

    def fetch(self, *arguments: str) -> Fetched:
        """What curl does through the relay."""
        ca = ("--cacert", str(self.folder / "ca.pem"))
        return curl(*ca, "--noproxy", "", "--proxy", f"http://127.0.0.1:{self.proxy}", *arguments)

    def both_ways(self) -> None:
        """Plain http and https reach their origins."""
        for url, content in (
            (f"http://localhost:{self.node.place}/name", b"node\n"),
            (f"http://127.0.0.1:{self.node.place}/name", b"node\n"),
            (f"https://localhost:{self.secure}/", b"secret\n"),
        ):
            fetched = self.fetch(url)
            self.assertEqual((fetched.content, fetched.errors), (content, ""), url)

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
        self.start(f"http://127.0.0.1:{self.parent}", PARENT + "direct = yes\nretries = 0\n")
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
        self.start(f"http://127.0.0.1:{server.place}", PARENT + more)
        for name, status in (("stalls", b"504"), ("breaks", b"502"), ("nonsense", b"502"), ("floods", b"502")):
            for leaves in (False, True):
                with connect(self.proxy) as client:
                    client.sendall(f"CONNECT {name}.example:443 HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                    if not leaves:
                        self.assertEqual(read_until(client, b"\r\n\r\n").split(b" ")[1], status, name)
