"""Names inside tunnels, as real clients ask for them: curl, openssl, Node, Python and Chromium."""

import json
import signal
import socket
import ssl
import subprocess
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.browser import CHROMIUM, page_in_chromium
from tests.scenarios.clients import Fetched, connect, curl, read_to_end, read_until
from tests.scenarios.outside import Outside
from tests.scenarios.relays import relay
from tests.scenarios.scripted import ScriptedServer
from tests.support.child import Child, free_ports

RELAY = """\
[listener:proxy]
bind = 127.0.0.1:${PROXY}
mode = forward
connect_ports = any
allow_destination = 127.0.0.1:${SECURE},${OTHER} .office.test
rules = egress
access_log = main
peek = sni
peek_ports = any
sni_mismatch = ${MISMATCH}
sni_missing = ${MISMATCH}
not_tls = ${MISMATCH}

[listener:socks]
bind = 127.0.0.1:${SOCKS}
mode = socks5
connect_ports = any
allow_destination = .office.test
rules = egress
access_log = main
peek = sni
peek_ports = ${SECURE}

[rules:egress]
rule =
    deny  domain .blocked.test
    allow domain .office.test
    allow destination 127.0.0.1
    deny  all

[admin]
stats = 127.0.0.1:${STATS}

[dns]
hosts = ${HOSTS}

[log:main]
to = ${LOG}
format = json
"""
ALERT = "unrecognized name"


class PeekTests(SynchronousTestCase):
    """Clients whose CONNECT and hello say the same, and others."""

    def start(self, mismatch: str, other: str = "1") -> None:
        """Start the sites and the relay."""
        self.outside = Outside(self)
        self.outside.file("www", "index.html").write_text("<p>the page</p>\n")
        self.proxy, self.socks, self.stats = map(str, free_ports(3))
        self.log = self.outside.folder / "access.log"
        places = {
            "PROXY": self.proxy,
            "SOCKS": self.socks,
            "STATS": self.stats,
            "SECURE": self.outside.secure,
            "OTHER": other,
        }
        places |= {"HOSTS": str(self.outside.hosts), "LOG": str(self.log), "MISMATCH": mismatch}
        self.child: Child = relay(self, RELAY, **places)

    def logged(self) -> list[dict[str, Any]]:
        """What the access log says, once relay has ended."""
        self.child.signal(signal.SIGTERM)
        self.child.finish()
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def curl(self, name: str, *options: str, proxy: str = "") -> Fetched:
        """What curl gets of a site through the proxy."""
        through = proxy or f"http://127.0.0.1:{self.proxy}"
        chosen = ("--noproxy", "", "--proxy", through, "--cacert", str(self.outside.authority), *options)
        return curl(*chosen, f"https://{name}:{self.outside.secure}/")

    def to_www(self, name: str) -> tuple[str, str]:
        """The options that let curl ask the site `www` for another name."""
        port = self.outside.secure
        return "--connect-to", f"{name}:{port}:www.office.test:{port}"

    def openssl(self, *options: str) -> str:
        """What `openssl s_client` says of a tunnel to the site `www`."""
        command = ["openssl", "s_client", "-proxy", f"127.0.0.1:{self.proxy}"]
        command += ["-connect", f"www.office.test:{self.outside.secure}", *options]
        done = subprocess.run(command, input=b"", capture_output=True, check=False, timeout=30)
        return (done.stdout + done.stderr).decode()

    def test_rules(self) -> None:
        """What the rules deny gets an alert, from every client; the log names the rule and the name."""
        self.start("allow")
        page = b"<p>the page</p>\n"
        self.assertEqual(self.curl("www.office.test").content, page)
        self.assertEqual(self.curl("pypi.office.test", *self.to_www("pypi.office.test"), "-k").status, 0)
        for options in ((), ("--tlsv1.3",), ("--tls-max", "1.2"), ("--http1.1",)):
            refused = self.curl("x.blocked.test", *self.to_www("x.blocked.test"), *options)
            self.assertEqual((refused.status, refused.content), (35, b""))
            self.assertIn(ALERT, refused.errors)
        self.assertIn(ALERT, self.openssl("-servername", "a.blocked.test"))
        self.assertNotIn(ALERT, self.openssl("-servername", "www.office.test"))
        self.assertNotIn("alert", self.openssl("-noservername"))
        self.assertIn("unrecognized", self.node("b.blocked.test"))
        self.assertRegex(self.node("www.office.test"), r"^TLSv1\.[23]$")
        with self.assertRaisesRegex(ssl.SSLError, "(?i)unrecognized.name"):
            self.python("c.blocked.test")
        logged = self.logged()
        refusals = [line for line in logged if line["error"] is not None]
        self.assertEqual(
            [line["sni"] for line in refusals],
            ["x.blocked.test"] * 4 + ["a.blocked.test", "b.blocked.test", "c.blocked.test"],
        )
        for line in refusals:
            self.assertEqual((line["status"], line["error"], line["error_side"]), (200, "rule", "client"))
            self.assertRegex(line["rule"], r":\d+: deny domain \.blocked\.test$")
            self.assertIn(line["sni"], line["error_text"])
        passed = [line["sni"] for line in logged if line["error"] is None]
        self.assertEqual(passed, ["www.office.test", "pypi.office.test", "www.office.test", None, "www.office.test"])

    def node(self, name: str) -> str:
        """What Node makes of a name in a tunnel to the site `www`."""
        program = """
const [proxy, port, name] = process.argv.slice(1);
const asked = require("http").request({ port: proxy, method: "CONNECT", path: `www.office.test:${port}` });
asked.on("connect", (_, socket) => {
  const client = require("tls").connect({ socket, servername: name, rejectUnauthorized: false }, () => {
    console.log(client.getProtocol());
    client.destroy();
  });
  client.on("error", (error) => console.log(error.message));
}).end();
"""
        command = ["node", "-e", program, self.proxy, self.outside.secure, name]
        return subprocess.run(command, capture_output=True, check=False, timeout=30, text=True).stdout.strip()

    def tunnel(self, target: str) -> socket.socket:
        """A tunnel that stands."""
        client = connect(self.proxy)
        self.addCleanup(client.close)
        client.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        self.assertEqual(read_until(client, b"\r\n\r\n"), b"HTTP/1.1 200 Connection established\r\n\r\n")
        return client

    def python(self, name: str) -> None:
        """Python's own TLS asks for a name in a tunnel to the site `www`."""
        context = ssl.create_default_context(cafile=str(self.outside.authority))
        client = self.tunnel(f"www.office.test:{self.outside.secure}")
        with context.wrap_socket(client, server_hostname=name):
            pass

    def test_options(self) -> None:
        """Other names, no names, and what is no TLS are refused by option; the server of those sees no octet."""
        seen: list[bytes] = []
        other = ScriptedServer(self, lambda connection: seen.append(connection.recv(100)))
        self.start("refuse", other.place)
        self.assertEqual(self.curl("www.office.test").content, b"<p>the page</p>\n")
        self.assertEqual(self.curl("WWW.Office.TEST").content, b"<p>the page</p>\n")
        for said in (
            self.curl("pypi.office.test", *self.to_www("pypi.office.test")).errors,
            self.openssl("-noservername"),
            self.openssl("-servername", "npm.office.test"),
        ):
            self.assertIn(ALERT, said)
        for first in (b"SSH-2.0-client\r\n", b"\x16\x03\x01\x00\x00"):
            client = self.tunnel(f"127.0.0.1:{other.place}")
            client.sendall(first)
            alert = b"\x15\x03\x03\x00\x02\x02\x32" if first[0] == 0x16 else b""
            self.assertEqual(read_to_end(client), alert)
        metrics = curl(f"http://127.0.0.1:{self.stats}/metrics").content.decode().splitlines()
        for kind, result, count in (
            ("name", "allowed", 2),
            ("name", "refused", 2),
            ("no_name", "refused", 1),
            ("not_tls", "refused", 1),
            ("unreadable", "refused", 1),
            ("late", "refused", 0),
        ):
            labels = f'listener="proxy",type="{kind}",result="{result}"'
            self.assertIn(f"relay_tunnel_peeks_total{{{labels}}} {count}", metrics)
        errors = [line["error_text"] for line in self.logged()]
        port = self.outside.secure
        self.assertCountEqual(  # a tunnel has its line when both sides have ended: the next one may be quicker
            errors,
            [
                None,
                None,
                "the TLS hello asks for pypi.office.test, CONNECT for www.office.test",
                "the TLS hello asks for no name",
                "the TLS hello asks for npm.office.test, CONNECT for www.office.test",
                "what is spoken in the tunnel is not TLS",
                "a record of the hello is empty",
            ],
            port,
        )
        self.assertEqual(b"".join(seen), b"")

    def test_other_protocols(self) -> None:
        """Without the option they pass, also those in which the server speaks first."""

        def greet(connection: socket.socket) -> None:
            connection.sendall(b"220 hello\r\n")
            connection.sendall(connection.recv(100))

        server = ScriptedServer(self, greet)
        self.start("allow", server.place)
        client = self.tunnel(f"127.0.0.1:{server.place}")
        self.assertEqual(read_until(client, b"\r\n"), b"220 hello\r\n")
        client.sendall(b"EHLO\r\n")
        self.assertEqual(read_to_end(client), b"EHLO\r\n")

    def test_socks(self) -> None:
        """Tunnels of SOCKS5 are looked into in the same way."""
        self.start("allow")
        proxy = f"socks5h://127.0.0.1:{self.socks}"
        self.assertEqual(self.curl("www.office.test", proxy=proxy).content, b"<p>the page</p>\n")
        refused = self.curl("x.blocked.test", *self.to_www("x.blocked.test"), proxy=proxy)
        self.assertEqual(refused.status, 35)
        self.assertIn(ALERT, refused.errors)
        logged = [(line["sni"], line["error"]) for line in self.logged()]
        self.assertEqual(logged, [("www.office.test", None), ("x.blocked.test", "rule")])

    def test_large(self) -> None:
        """A tunnel that was looked into carries much, both ways, and fast: nothing of the look is left."""
        self.start("refuse")
        content = bytes(range(256)) * 40_000
        self.outside.file("www", "large").write_bytes(content)
        fetched = self.curl("www.office.test", "--url", self.outside.url("www", "large"))
        self.assertEqual(fetched.content, content + b"<p>the page</p>\n")

    def test_chromium(self) -> None:
        """A browser gets pages, and of a refused name an error of its own instead of waiting."""
        self.start("refuse")
        options = (
            f"--proxy-server=http://127.0.0.1:{self.proxy}",
            "--proxy-bypass-list=<-loopback>",
            "--ignore-certificate-errors",
        )
        self.assertIn("the page", page_in_chromium(self.outside.folder, self.outside.url("www"), *options))
        own = ("--enable-logging=stderr", f"--user-data-dir={self.outside.folder / 'other'}")
        # of an address it asks for no name
        command = [*CHROMIUM, *options, *own, f"https://127.0.0.1:{self.outside.secure}/"]
        refused = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
        self.assertIn("ERR_SSL_UNRECOGNIZED_NAME_ALERT", refused.stderr)
        errors = {line["error_text"] for line in self.logged() if line["host"] == f"127.0.0.1:{self.outside.secure}"}
        self.assertEqual(errors, {"the TLS hello asks for no name"})
