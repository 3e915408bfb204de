"""nginx, Node and Python's http.server as the servers, over TCP, TLS and UNIX sockets."""

import hashlib
import json
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import CURL, connect, curl, fields_of, read_until
from tests.scenarios.origins import content, start_http_server, start_nginx, start_node
from tests.scenarios.relays import new_folder, relay, write_certificate
from tests.support.child import Child, free_ports

PIECE = 1 << 20


class NginxTests(SynchronousTestCase):
    """nginx behind the relay, one server in three ways: TCP, TLS and a UNIX socket."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = plain

[route:verified]
path = /verified/*
strip_prefix = /verified
backend = verified

[route:wrong-name]
path = /wrong-name/*
strip_prefix = /wrong-name
backend = wrong-name

[route:unknown-authority]
path = /unknown-authority/*
backend = unknown-authority

[route:unverified]
path = /unverified/*
strip_prefix = /unverified
backend = unverified

[route:socket]
path = /socket/*
strip_prefix = /socket
backend = socket

[backend:plain]
servers = http://127.0.0.1:${PLAIN}

[backend:verified]
servers = https://127.0.0.1:${SECURE}
tls_ca = ${FOLDER}/ca.pem
tls_name = origin.example

[backend:wrong-name]
servers = https://127.0.0.1:${SECURE}
tls_ca = ${FOLDER}/ca.pem
tls_name = other.example

[backend:unknown-authority]
servers = https://127.0.0.1:${SECURE}
tls_name = origin.example

[backend:unverified]
servers = https://127.0.0.1:${SECURE}
tls_verify = off

[backend:socket]
servers = unix:${FOLDER}/nginx.sock
"""
    NGINX = """
    server {
        listen 127.0.0.1:%s;
        listen 127.0.0.1:%s ssl;
        listen unix:nginx.sock;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        root files;
        client_max_body_size 0;
        location /came-by { return 200 "$scheme $ssl_server_name $request_method $http_host\\n"; }
    }
"""

    def setUp(self) -> None:
        self.folder = new_folder(self)
        (self.folder / "files").mkdir()
        write_certificate(self.folder, "origin.example")
        web, plain, secure = map(str, free_ports(3))
        start_nginx(self, self.folder, self.NGINX.replace("unix:", f"unix:{self.folder}/") % (plain, secure))
        self.relay = relay(self, self.RELAY, FOLDER=self.folder, WEB=web, PLAIN=plain, SECURE=secure)
        self.url = f"http://127.0.0.1:{web}"

    def test_each_way(self) -> None:
        """Each kind of server answers; the name in TLS is the one to be verified, if there is one."""
        host = self.url.removeprefix("http://")
        for prefix, expected in (
            ("", f"http  GET {host}\n"),
            ("/verified", f"https origin.example GET {host}\n"),
            ("/unverified", f"https  GET {host}\n"),
            ("/socket", f"http  GET {host}\n"),
        ):
            self.assertEqual(curl(f"{self.url}{prefix}/came-by").content.decode(), expected, prefix)

    def test_certificates_that_do_not_convince(self) -> None:
        """A certificate for another name, or of an authority that nobody named, is a 502 without our insides."""
        for prefix in ("/wrong-name", "/unknown-authority"):
            fetched = curl("--include", f"{self.url}{prefix}/came-by")
            self.assertTrue(fetched.content.startswith(b"HTTP/1.1 502 Bad Gateway\r\n"), fetched.content)
            self.assertNotIn(b"example", fetched.content)
            self.assertNotIn(b"SSL", fetched.content)

    def test_large_downloads(self) -> None:
        """200 MB come whole over TCP, and fewer over TLS and from a UNIX socket."""
        for prefix, pieces in (("", 200), ("/verified", 20), ("/socket", 50)):
            sha256 = self.write_file(self.folder / "files" / "large", pieces)
            fetched = curl(f"{self.url}{prefix}/large")
            self.assertEqual(len(fetched.content), pieces * PIECE, fetched.errors)
            self.assertEqual(hashlib.sha256(fetched.content).hexdigest(), sha256, prefix)

    def write_file(self, path: Path, pieces: int) -> str:
        """A file of so many MB, no two alike; its SHA-256."""
        piece, sha256 = os.urandom(PIECE - 8), hashlib.sha256()
        with path.open("wb") as file:
            for number in range(pieces):
                octets = number.to_bytes(8, "big") + piece
                sha256.update(octets)
                file.write(octets)
        return sha256.hexdigest()


class NodeTests(SynchronousTestCase):
    """Node behind the relay, on TCP and on a UNIX socket."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = node

[route:socket]
path = /socket/*
strip_prefix = /socket
backend = socket

[backend:node]
servers = http://127.0.0.1:${NODE}

[backend:socket]
servers = unix:${FOLDER}/node.sock
"""

    def setUp(self) -> None:
        folder = new_folder(self)
        self.node = start_node(self)
        start_node(self, "at a socket", f"{folder}/node.sock")
        [self.web] = map(str, free_ports(1))
        relay(self, self.RELAY, FOLDER=folder, WEB=self.web, NODE=self.node.place)
        self.url = f"http://127.0.0.1:{self.web}"

    def test_unix_socket(self) -> None:
        """A program may listen at a socket in place of a port; what goes to it and comes back is the same."""
        self.assertEqual(curl(f"{self.url}/socket/name").content, b"at a socket\n")
        self.assertEqual(curl(f"{self.url}/socket/chunks/1000000").content, content(1000000))
        posted = curl("--data-binary", "@-", f"{self.url}/socket/echo", content=content(1000000)).echo
        self.assertEqual(posted["sha256"], hashlib.sha256(content(1000000)).hexdigest())

    def test_trailers_of_a_response(self) -> None:
        """A client that said it takes trailers gets them after the last chunk; another one gets the content alone."""
        sha256 = hashlib.sha256(b"one two").hexdigest()
        fetched = curl("--raw", "-HTE: trailers", "-HConnection: TE", f"{self.url}/trailers")
        self.assertTrue(fetched.content.endswith(f"0\r\nX-SHA256: {sha256}\r\n\r\n".encode()), fetched.content)
        fetched = curl("--raw", "--include", f"{self.url}/trailers")
        self.assertNotIn(sha256.encode(), fetched.content)
        self.assertEqual(curl(f"{self.url}/trailers").content, b"one two")

    def test_trailers_of_a_request(self) -> None:
        """The trailer section of an upload arrives behind its content."""
        with connect(self.web) as connection:
            connection.sendall(
                b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
            )
            connection.sendall(b"5;ext=1\r\nHello\r\n0\r\nX-Sum: 500\r\n\r\n")
            answer = read_until(connection, b'"}')
        echo = json.loads(answer.partition(b"\r\n\r\n")[2])
        self.assertEqual((echo["length"], echo["trailers"]), (5, {"x-sum": "500"}))

    def test_server_sent_events(self) -> None:
        """The first event is there while the response goes on, and its end when the server ends it."""
        events = Child(self, *CURL, "--no-buffer", f"{self.url}/events")
        self.assertEqual(events.read_until("first"), "data: first\n")
        self.assertEqual(curl(f"{self.url}/release").content, b"1\n")
        self.assertEqual(events.read_until("second"), "\ndata: second\n")
        self.assertEqual(events.finish()[0], 0)


class HTTPServerTests(SynchronousTestCase):
    """Python's http.server: another style of fields, files, and errors with a page."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = python

[backend:python]
servers = http://127.0.0.1:${PYTHON}
"""

    def test_files(self) -> None:
        """Files, a listing of the folder and an error page come as http.server makes them."""
        folder = new_folder(self)
        (folder / "a.bin").write_bytes(content(300000))
        [web] = map(str, free_ports(1))
        relay(self, self.RELAY, WEB=web, PYTHON=start_http_server(self, folder).place)
        url = f"http://127.0.0.1:{web}"
        self.assertEqual(curl(f"{url}/a.bin").content, content(300000))
        self.assertIn(b'<a href="a.bin">', curl(f"{url}/").content)
        head = curl("--head", f"{url}/a.bin").content
        self.assertEqual(fields_of(head)["content-length"], "300000")
        self.assertIn(b"HTTP/1.1 404 File not found\r\n", curl("--include", f"{url}/b").content)
