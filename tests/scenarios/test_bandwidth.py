"""A forward proxy with limits of bandwidth, and curl: every octet comes, whatever way it goes."""

import hashlib
import socket
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import Fetched, curl
from tests.scenarios.origins import content, start_nginx, start_node
from tests.scenarios.relays import new_folder, relay, write_certificate
from tests.scenarios.scripted import ScriptedServer
from tests.support.child import free_ports

LIMITS = """\
mode = forward
connect_ports = ${SECURE} ${NODE}
allow_destination = 127.0.0.0/8 ::1
bandwidth = 30MB/s
bandwidth_per_client = 20MB/s
rules = some
"""
RELAY = f"""\
[listener:proxy]
bind = 127.0.0.1:${{PROXY}}
{LIMITS}
[listener:open]
bind = 127.0.0.1:${{OPEN}}
mode = forward
connect_ports = any
allow_destination = 127.0.0.0/8 ::1
bandwidth = 10MB/s

[listener:socks]
bind = 127.0.0.1:${{SOCKS}}
mode = socks5
connect_ports = any
allow_destination = 127.0.0.0/8 ::1
bandwidth_per_client = 10MB/s

[listener:secure-proxy]
bind = 127.0.0.1:${{TLS}}
tls = www
{LIMITS}
[tls:www]
cert = ${{FOLDER}}/cert.pem
key = ${{FOLDER}}/key.pem

[rules:some]
rule =
    allow port ${{NODE}} limit 80Mbit/s
    allow all
"""
NGINX = """
    server {
        listen 127.0.0.1:%s ssl;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        root .;
    }
"""
SIZE = 4_000_000


class BandwidthTests(SynchronousTestCase):
    """curl through limits of a listener, a client and a rule."""

    def setUp(self) -> None:
        """A plain and a secure origin with much to tell, and two proxies, one within TLS."""
        self.folder = new_folder(self)
        write_certificate(self.folder, "localhost")
        (self.folder / "large").write_bytes(content(SIZE))
        self.proxy, self.tls, self.secure, self.socks, self.open = map(str, free_ports(5))
        start_nginx(self, self.folder, NGINX % self.secure)
        self.node = str(start_node(self).place)
        places = {
            "PROXY": self.proxy,
            "SOCKS": self.socks,
            "OPEN": self.open,
            "TLS": self.tls,
            "SECURE": self.secure,
            "NODE": self.node,
        }
        relay(self, RELAY, FOLDER=self.folder, **places)

    def fetch(self, *arguments: str, upload: bytes = b"") -> Fetched:
        """What curl gets through the plain proxy."""
        fetched = curl("--noproxy", "", "--proxy", f"http://127.0.0.1:{self.proxy}", *arguments, content=upload)
        self.assertEqual((fetched.status, fetched.errors), (0, ""))
        return fetched

    def is_whole(self, got: bytes) -> None:
        """It is what the origin has."""
        self.assertEqual(hashlib.sha256(got).digest(), hashlib.sha256(content(SIZE)).digest())

    def test_download(self) -> None:
        """Content of known length, which may move inside the kernel, and chunks."""
        for kind in ("content", "chunks"):
            self.is_whole(self.fetch(f"http://127.0.0.1:{self.node}/{kind}/{SIZE}").content)

    def test_upload(self) -> None:
        """An upload arrives as it was sent."""
        upload = content(SIZE)
        for fields in ((), ("--header", "Transfer-Encoding: chunked")):
            arguments = (*fields, "--data-binary", "@-", f"http://127.0.0.1:{self.node}/echo")
            seen = self.fetch(*arguments, upload=upload).echo
            self.assertEqual((seen["length"], seen["sha256"]), (SIZE, hashlib.sha256(upload).hexdigest()))

    def test_tunnel(self) -> None:
        """Tunnels, down and up: with TLS inside them, and to a plain origin."""
        ca = ("--cacert", str(self.folder / "ca.pem"))
        self.is_whole(self.fetch(*ca, f"https://localhost:{self.secure}/large").content)
        plain = ("--proxytunnel", f"http://127.0.0.1:{self.node}")
        self.is_whole(self.fetch(*plain[:1], f"{plain[1]}/content/{SIZE}").content)
        seen = self.fetch(*plain[:1], "--data-binary", "@-", f"{plain[1]}/echo", upload=content(SIZE)).echo
        self.assertEqual(seen["sha256"], hashlib.sha256(content(SIZE)).hexdigest())

    def test_proxy_within_tls(self) -> None:
        """The same through a proxy that is asked within TLS."""
        ca = str(self.folder / "ca.pem")
        proxied = ("--noproxy", "", "--proxy", f"https://localhost:{self.tls}", "--proxy-cacert", ca, "--cacert", ca)
        for url in (f"http://127.0.0.1:{self.node}/content/{SIZE}", f"https://localhost:{self.secure}/large"):
            fetched = curl(*proxied, url)
            self.assertEqual((fetched.status, fetched.errors), (0, ""))
            self.is_whole(fetched.content)

    def test_socks(self) -> None:
        """The same for clients that speak SOCKS5."""
        proxied = ("--noproxy", "", "--proxy", f"socks5h://127.0.0.1:{self.socks}")
        fetched = curl(*proxied, f"http://localhost:{self.node}/content/{SIZE}")
        self.assertEqual((fetched.status, fetched.errors), (0, ""))
        self.is_whole(fetched.content)

    def test_a_server_that_closes(self) -> None:
        """A server that has sent all and gone has not taken with it what still waits here; nor has a client."""

        def send_all(connection: socket.socket) -> None:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + content(SIZE))

        place = ScriptedServer(self, send_all).place
        for way in ((), ("--proxytunnel",)):
            self.is_whole(
                self.fetch("--proxy", f"http://127.0.0.1:{self.open}", *way, f"http://127.0.0.1:{place}/").content
            )

    def test_several_at_once(self) -> None:
        """Several that share all limits all end, whole."""
        url = f"http://127.0.0.1:{self.node}/content/1000000"
        command = ["curl", "--silent", "--noproxy", "", "--max-time", "60", "--proxy", f"http://127.0.0.1:{self.proxy}"]
        running = [subprocess.Popen([*command, url], stdout=subprocess.PIPE) for _ in range(6)]
        for each in running:
            got, _ = each.communicate()
            self.assertEqual(
                (each.returncode, hashlib.sha256(got).digest()), (0, hashlib.sha256(content(1_000_000)).digest())
            )
