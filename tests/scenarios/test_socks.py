"""relay as the SOCKS5 proxy of real clients."""

import contextlib
import json
import signal
import socket
import ssl
import struct
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import Fetched, connect, curl, read_to_end, read_until
from tests.scenarios.origins import PROGRAMS, start_nginx, start_node
from tests.scenarios.relays import new_folder, relay, write_certificate
from tests.scenarios.scripted import ScriptedServer
from tests.scenarios.test_authentication import line
from tests.scenarios.waiting import eventually
from tests.support.child import free_ports

RELAY = """\
[listener:socks]
bind = 127.0.0.1:${SOCKS}
mode = socks5
connect_ports = ${NODE} ${SECURE} ${ECHO} ${SIX} ${NOBODY}
allow_destination = 127.0.0.1 [::1]:${SIX} localhost
rules = egress
access_log = main

[listener:staff]
bind = 127.0.0.1:${STAFF}
mode = socks5
tls = ${TLS}
auth = staff
connect_ports = any
allow_destination = 127.0.0.1 localhost
rules = only-alice
access_log = main

[rules:egress]
rule =
    deny  domain .blocked.example
    deny  list ads
    allow all

[rules:only-alice]
rule =
    allow user alice
    deny  all

[list:ads]
file = ${ADS}

[auth:staff]
users_file = ${USERS}
lockout = 3 failures in 1h

[listener:six]
bind = [::1]:${SIX}

[route:six]
listener = six
respond = 200
respond_body = six

[log:main]
to = ${LOG}
format = json
"""
CERTIFICATE = """
[tls:inside]
cert = ${CERT}
key = ${KEY}
"""
CHAIN = """\
[listener:first]
bind = 127.0.0.1:${FIRST}
mode = socks5
connect_ports = any
peek = sni
peek_ports = ${SECURE}
sni_mismatch = refuse
parent = next
allow_destination = localhost 127.0.0.1
rules = egress
access_log = main

[parent:next]
servers = socks5://127.0.0.1:${STAFF}
username = alice
password_file = ${PASSWORD}

[rules:egress]
rule =
    deny  domain .ads.example
    allow all

[log:main]
to = ${LOG}
format = json
"""
NGINX = """
    server {
        listen 127.0.0.1:%s ssl;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        location / { return 200 "secret\\n"; }
    }
"""
CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--proxy-bypass-list=<-loopback>")


def speaking_first(connection: socket.socket) -> None:
    """A server that greets, as those of ssh and mail do, and then sends back all that comes."""
    connection.sendall(b"SSH-2.0-test\r\n")
    while data := connection.recv(65536):
        connection.sendall(data)
    connection.sendall(b"goodbye")
    connection.shutdown(socket.SHUT_WR)


class SOCKSTests(SynchronousTestCase):
    """Clients, origins of several kinds, and the proxy between them."""

    def start(self, tls: str = "") -> None:
        """Start everything; `tls`: the section that the listener for users names."""
        self.folder = folder = new_folder(self)
        write_certificate(folder, "localhost")
        ports = dict(zip(("SOCKS", "STAFF", "SECURE", "SIX", "NOBODY"), map(str, free_ports(5)), strict=True))
        start_nginx(self, folder, NGINX % ports["SECURE"])
        self.log = folder / "access.log"
        users, ads = folder / "users", folder / "ads.txt"
        users.write_text(line("alice", "open sesame", "--cost", "10") + line("bøb", "päss:wörd", "--cost", "10"))
        users.chmod(0o600)
        ads.write_text("ads.example\n")
        ports["NODE"] = str(start_node(self).place)
        ports["ECHO"] = ScriptedServer(self, speaking_first).place
        self.ports = ports
        configuration = RELAY + CERTIFICATE if tls else RELAY.replace("tls = ${TLS}\n", "")
        paths = {"LOG": self.log, "USERS": users, "ADS": ads}
        self.child = relay(
            self, configuration, **ports, **paths, TLS=tls, CERT=folder / "cert.pem", KEY=folder / "key.pem"
        )

    def curl(self, *arguments: str, listener: str = "SOCKS", names: str = "--socks5-hostname") -> Fetched:
        """What curl does through the proxy; `names` says who resolves them."""
        where = f"127.0.0.1:{self.ports[listener]}"
        return curl("--noproxy", "", names, where, *arguments)

    def lines(self) -> list[tuple[str | None, int, str | None, str]]:
        """(target, status, error, rule without its place) of each line of the log, once relay has stopped."""
        self.child.signal(signal.SIGTERM)
        self.child.finish()
        read = [json.loads(each) for each in self.log.read_text().splitlines()]
        self.assertLessEqual({each["protocol"] for each in read}, {"SOCKS5", None})
        return [(e["target"], e["status"], e["error"], (e["rule"] or "").rpartition(": ")[2]) for e in read]

    def test_curl(self) -> None:
        """http, https and IPv6, by name and by address, whoever resolves the name."""
        self.start()
        node, secure, six = self.ports["NODE"], self.ports["SECURE"], self.ports["SIX"]
        for names in ("--socks5", "--socks5-hostname"):
            self.assertEqual(self.curl(f"http://localhost:{node}/name", names=names).content, b"node\n")
            self.assertEqual(self.curl(f"http://127.0.0.1:{node}/name", names=names).content, b"node\n")
            self.assertEqual(self.curl(f"http://[::1]:{six}/", names=names).content, b"six")
            ca = ("--cacert", str(self.folder / "ca.pem"))
            self.assertEqual(self.curl(*ca, f"https://localhost:{secure}/", names=names).content, b"secret\n")
        seen = self.curl(f"http://localhost:{node}/echo").echo["fields"]
        self.assertEqual(set(seen), {"host", "user-agent", "accept"})

    def test_refused(self) -> None:
        """What curl is told of each refusal, and what the log says."""
        self.start()
        nobody = self.ports["NOBODY"]
        for url, reply in (
            (f"http://www.blocked.example:{self.ports['NODE']}/", 2),
            (f"http://x.ads.example:{self.ports['NODE']}/", 2),
            (f"http://10.0.0.1:{self.ports['NODE']}/", 2),
            (f"http://localhost:{self.ports['STAFF']}/", 2),
            (f"http://127.0.0.1:{nobody}/", 5),
        ):
            fetched = self.curl(url)
            self.assertEqual(fetched.status, 97, url)
            self.assertIn(f"({reply})", fetched.errors, url)
        port = self.ports["NODE"]
        self.assertEqual(
            self.lines(),
            [
                (f"www.blocked.example:{port}", 403, "rule", "deny domain .blocked.example"),
                (f"x.ads.example:{port}", 403, "rule", "deny list ads"),
                (f"10.0.0.1:{port}", 403, "guard", "allow all"),
                (f"localhost:{self.ports['STAFF']}", 403, "port", ""),
                (f"127.0.0.1:{nobody}", 502, "refused", "allow all"),
            ],
        )

    def test_users(self) -> None:
        """The right password lets in, and rules see the user; a wrong one, none, and too many wrong ones do not."""
        self.start()
        url = f"http://127.0.0.1:{self.ports['NODE']}/name"
        right = self.curl("--proxy-user", "alice:open sesame", url, listener="STAFF")
        self.assertEqual((right.content, right.errors), (b"node\n", ""))
        self.assertIn("(2)", self.curl("--proxy-user", "bøb:päss:wörd", url, listener="STAFF").errors)
        for arguments in ((), ("--proxy-user", "alice:mistaken"), ("--proxy-user", "mallory:open sesame")):
            self.assertEqual(self.curl(*arguments, url, listener="STAFF").status, 97, arguments)
        for _ in range(3):
            self.curl("--proxy-user", "alice:no", url, listener="STAFF")
        statuses = [(status, error) for _, status, error, _ in self.lines()]
        self.assertEqual(statuses[:2], [(200, None), (403, "rule")])
        self.assertEqual(set(statuses[2:6]), {(407, "authentication")})
        self.assertEqual(statuses[-1], (429, "locked_out"))
        written = self.log.read_text() + "".join(self.child.finish()[1:])
        for password in ("open sesame", "wörd", "mistaken"):
            self.assertNotIn(password, written)

    def test_pysocks(self) -> None:
        """Python's usual library, with a server that speaks first, as that of ssh does."""
        self.start()
        [nobody] = [self.ports["NOBODY"]]
        echo = f"localhost:{self.ports['ECHO']}"
        program = PROGRAMS / "pysocks_client.py"
        for listener, user, password, places, said in (
            ("SOCKS", "", "", (echo, f"localhost:{nobody}"), ("SSH-2.0-test\r\nhello", "Connection refused")),
            ("STAFF", "alice", "open sesame", (f"127.0.0.1:{self.ports['ECHO']}",), ("SSH-2.0-test\r\nhello",)),
            ("STAFF", "alice", "closed", (f"127.0.0.1:{self.ports['ECHO']}",), ("authentication failed",)),
        ):
            command = [sys.executable, str(program), self.ports[listener], user, password, *places]
            done = subprocess.run(command, capture_output=True, check=True)
            output = done.stdout.decode()
            for each in said:
                self.assertIn(each, output)

    def test_everything_at_once(self) -> None:
        """A client that waits for nothing, sends much, and ends its side first gets everything."""
        self.start()
        with connect(self.ports["SOCKS"]) as client:
            port = int(self.ports["ECHO"]).to_bytes(2, "big")
            client.sendall(b"\x05\x01\x00" + b"\x05\x01\x00\x01\x7f\x00\x00\x01" + port + b"early ")
            read_until(client, b"SSH-2.0-test\r\nearly ")
            client.sendall(bytes(3_000_000))
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(read_to_end(client), bytes(3_000_000) + b"goodbye")

    def test_through_another_one(self) -> None:
        """By SOCKS5 to relay, from there by SOCKS5 with a password to another, and TLS that is looked at on the way."""
        self.start()
        [first] = map(str, free_ports(1))
        password, log = self.folder / "password", self.folder / "chain.log"
        password.write_text("open sesame\n")
        password.chmod(0o600)
        relay(
            self, CHAIN, FIRST=first, PASSWORD=password, LOG=log, STAFF=self.ports["STAFF"], SECURE=self.ports["SECURE"]
        )
        through = ("--noproxy", "", "--socks5-hostname", f"127.0.0.1:{first}", "--cacert", str(self.folder / "ca.pem"))
        secure, node = self.ports["SECURE"], self.ports["NODE"]
        self.assertEqual(curl(*through, f"http://127.0.0.1:{node}/name").content, b"node\n")
        self.assertEqual(curl(*through, f"https://localhost:{secure}/").content, b"secret\n")
        for name in ("www.ads.example", "other.example"):
            moved = ("--connect-to", f"{name}:{secure}:localhost:{secure}")
            self.assertIn("unrecognized name", curl(*through, *moved, f"https://{name}:{secure}/").errors)
        lines = eventually(lambda: self.four(log), "four lines are written")
        self.assertEqual([line["parent"] for line in lines], ["next"] * 4)
        self.assertEqual([line["error"] for line in lines], [None, None, "rule", "sni"])
        self.assertEqual([line["sni"] for line in lines], [None, "localhost", "www.ads.example", "other.example"])
        seen = [(target, status) for target, status, *_ in self.lines()]
        self.assertEqual(seen[:2], [(f"127.0.0.1:{node}", 200), (f"localhost:{secure}", 200)])

    def four(self, log: Path) -> list[dict[str, str]]:
        """The lines of a log, once there are four."""
        written = log.read_text().splitlines()
        return [json.loads(each) for each in written] if len(written) == 4 else []

    def test_leaving_in_every_way(self) -> None:
        """Clients that end or cut the connection at any point, or say nonsense, leave no socket behind."""
        self.start()
        before = self.sockets()
        port = int(self.ports["ECHO"]).to_bytes(2, "big")
        whole = b"\x05\x01\x00" + b"\x05\x01\x00\x01\x7f\x00\x00\x01" + port + bytes(300_000)
        others = (b"GET / HTTP/1.1\r\n\r\n", b"\x04\x01", b"\x05\x00", b"\x05\x01\x00\x05\x02\x00\x01", b"\x16\x03\x01")
        clients = []
        for said in (*(whole[:end] for end in (0, 1, 2, 3, 7, 12, 13, 20, 200_000, len(whole))), *others):
            for how in ("close", "reset", "half", "read"):
                clients.append(client := connect(self.ports["SOCKS"]))
                with contextlib.suppress(ConnectionError):
                    client.sendall(said)
                    if how == "half":
                        client.shutdown(socket.SHUT_WR)
                    elif how == "read" and said:
                        client.settimeout(0.05)
                        with contextlib.suppress(TimeoutError):
                            client.recv(100)
                if how == "reset":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if how != "half":
                    client.close()
        for client in clients:
            client.close()
        eventually(lambda: self.sockets() == before, "every socket is closed")
        self.assertNotIn("Traceback", "".join(self.stopped()))

    def sockets(self) -> int:
        """How many sockets relay has."""
        links = []
        for each in Path(f"/proc/{self.child.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since
                links.append(str(each.readlink()))
        return sum(link.startswith("socket:") for link in links)

    def stopped(self) -> tuple[str, str]:
        """What relay has said, once it has stopped."""
        self.child.signal(signal.SIGTERM)
        return self.child.finish()[1:]

    def test_tls(self) -> None:
        """SOCKS5 inside of TLS, for passwords that nobody shall read on the way."""
        self.start(tls="inside")
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        with context.wrap_socket(connect(self.ports["STAFF"]), server_hostname="localhost") as client:
            client.sendall(b"\x05\x01\x02" + b"\x01\x05alice\x0bopen sesame")
            self.assertEqual(read_until(client, b"\x01\x00"), b"\x05\x02\x01\x00")
            client.sendall(b"\x05\x01\x00\x03\x09127.0.0.1" + int(self.ports["ECHO"]).to_bytes(2, "big"))
            self.assertTrue(read_until(client, b"\r\n").startswith(b"\x05\x00\x00\x01"))
            client.sendall(b"hello")
            self.assertEqual(read_until(client, b"hello"), b"hello")

    def test_chromium(self) -> None:
        """A browser shows a page."""
        self.start()
        proxy = f"--proxy-server=socks5://127.0.0.1:{self.ports['SOCKS']}"
        profile = Path(self.folder, "profile")
        url = f"http://localhost:{self.ports['NODE']}/name"
        command = (*CHROMIUM, proxy, f"--user-data-dir={profile}", "--dump-dom", url)
        shown = subprocess.run(command, capture_output=True, check=True, timeout=50)
        self.assertIn(b"node\n", shown.stdout)
        self.assertIn(
            (f"localhost:{self.ports['NODE']}", 200), [(target, status) for target, status, *_ in self.lines()]
        )
