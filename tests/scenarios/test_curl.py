"""curl as the client, nginx and Node as the servers."""

import hashlib
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import connect, curl, fields_of, read_until
from tests.scenarios.origins import start_nginx, start_node
from tests.scenarios.relays import new_folder, relay, write_certificate
from tests.support.child import free_ports

RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB} unix:${FOLDER}/web.sock
backend = node

[listener:secure]
bind = 127.0.0.1:${SECURE}
tls = site
backend = node

[tls:site]
cert = ${FOLDER}/cert.pem
key = ${FOLDER}/key.pem

[route:files]
path = /files/*
strip_prefix = /files
backend = nginx

[route:old]
path = /old/*
redirect = 301 /new{path}

[route:live]
path = /live
upgrade = websocket
backend = node

[backend:node]
servers = http://127.0.0.1:${NODE}

[backend:nginx]
servers = http://127.0.0.1:${NGINX}
"""
NGINX = """
    server {
        listen 127.0.0.1:%s;
        root files;
        gzip on; gzip_proxied any;
    }
"""
#: A handshake as RFC 6455 §1.3 shows it, and a masked text frame, "Hello", from §5.7 with its echo.
HANDSHAKE = (
    b"GET /live HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
ACCEPTED = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
HELLO = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
HELLO_BACK = b"\x81\x05Hello"
TEXT = b"".join(b"line %d of a text\n" % number for number in range(2000))


class CurlTests(SynchronousTestCase):
    """One relay with a plain, a UNIX-socket and a TLS listener."""

    def setUp(self) -> None:
        self.folder = new_folder(self)
        write_certificate(self.folder, "localhost")
        files = self.folder / "files"
        files.mkdir()
        (files / "text.txt").write_bytes(TEXT)
        nginx, self.port, secure = map(str, free_ports(3))
        start_nginx(self, self.folder, NGINX % nginx)
        node = start_node(self)
        relay(self, RELAY, FOLDER=self.folder, WEB=self.port, SECURE=secure, NODE=node.place, NGINX=nginx)
        self.web, self.secure = f"http://127.0.0.1:{self.port}", f"https://localhost:{secure}"

    def large_file(self) -> tuple[str, str]:
        """A file of 20 MB, and the SHA-256 of its content."""
        content = os.urandom(1 << 20) * 20
        path = self.folder / "large"
        path.write_bytes(content)
        return str(path), hashlib.sha256(content).hexdigest()

    def test_get(self) -> None:
        """The content comes as it is, and the server learns who asked and through whom."""
        fetched = curl("--include", f"{self.web}/content/100000")
        head, _, content = fetched.content.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK\r\n"), head)
        self.assertEqual((fields_of(head)["content-length"], len(content)), ("100000", 100000))
        echo = curl(f"{self.web}/echo?a=%2F&b").echo
        self.assertEqual((echo["method"], echo["target"], echo["length"]), ("GET", "/echo?a=%2F&b", 0))
        self.assertEqual(echo["fields"]["x-forwarded-for"], "127.0.0.1")
        self.assertEqual(echo["fields"]["x-forwarded-proto"], "http")
        self.assertEqual(echo["fields"]["host"], f"127.0.0.1:{self.port}")

    def test_head(self) -> None:
        """HEAD has the fields of GET, no content, and the connection serves the next request."""
        fetched = curl(
            "--head",
            f"{self.web}/files/text.txt",
            "--next",
            *("--write-out", "%{num_connects} %{exitcode} "),
            f"{self.web}/name",
        )
        self.assertIn(f"Content-Length: {len(TEXT)}\r\n".encode(), fetched.content)
        self.assertTrue(fetched.content.endswith(b"\r\n\r\nnode\n0 0 "), fetched.content)

    def test_small_post(self) -> None:
        """A form arrives with its type and its length."""
        echo = curl("--data", "name=value", f"{self.web}/echo").echo
        self.assertEqual((echo["method"], echo["length"]), ("POST", 10))
        self.assertEqual(echo["fields"]["content-type"], "application/x-www-form-urlencoded")
        self.assertEqual(echo["fields"]["content-length"], "10")
        self.assertEqual(echo["sha256"], hashlib.sha256(b"name=value").hexdigest())

    def test_large_upload_of_known_length(self) -> None:
        """20 MB arrive whole; curl asked with `Expect: 100-continue` and was told to go on by the server."""
        path, sha256 = self.large_file()
        fetched = curl("--verbose", "--upload-file", path, f"{self.web}/echo")
        self.assertEqual((fetched.echo["length"], fetched.echo["sha256"]), (20 << 20, sha256))
        self.assertEqual(fetched.echo["fields"]["content-length"], str(20 << 20))
        self.assertIn("> Expect: 100-continue", fetched.errors)
        self.assertIn("< HTTP/1.1 100 Continue", fetched.errors)

    def test_large_upload_in_chunks(self) -> None:
        """20 MB of unknown length arrive whole, in chunks of the relay's own."""
        path, sha256 = self.large_file()
        echo = curl("--upload-file", "-", f"{self.web}/echo", content=Path(path).read_bytes()).echo
        self.assertEqual((echo["length"], echo["sha256"]), (20 << 20, sha256))
        self.assertEqual(echo["fields"]["transfer-encoding"], "chunked")
        self.assertNotIn("content-length", echo["fields"])

    def test_refused_upload(self) -> None:
        """A server that refuses before the content is sent spares the client its sending."""
        path, _ = self.large_file()
        fetched = curl("--include", "--upload-file", path, "--write-out", "%{size_upload}", f"{self.web}/nowhere")
        self.assertEqual(fetched.status, 0, fetched.errors)
        self.assertIn(b" 404 Not Found\r\n", fetched.content)

    def test_ranges(self) -> None:
        """nginx serves part of a file, and refuses what lies beyond its end."""
        fetched = curl("--include", "--range", "18-35", f"{self.web}/files/text.txt")
        head, _, content = fetched.content.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 206 Partial Content\r\n"), head)
        self.assertEqual(content, TEXT[18:36])
        self.assertEqual(fields_of(head)["content-range"], f"bytes 18-35/{len(TEXT)}")
        self.assertIn(b"HTTP/1.1 416 ", curl("--include", "--range", "9999999-", f"{self.web}/files/text.txt").content)

    def test_compressed(self) -> None:
        """What nginx compresses passes as it is: curl unpacks the very file."""
        fetched = curl("--compressed", "--dump-header", "-", f"{self.web}/files/text.txt")
        head, _, content = fetched.content.partition(b"\r\n\r\n")
        self.assertEqual(fields_of(head)["content-encoding"], "gzip")
        self.assertEqual(content, TEXT)

    def test_http_1_0(self) -> None:
        """A client of 1999 gets content without chunks, and the end of the connection as its end."""
        fetched = curl("--http1.0", "--include", f"{self.web}/chunks/50000")
        head, _, content = fetched.content.partition(b"\r\n\r\n")
        self.assertEqual((fetched.status, len(content)), (0, 50000), fetched.errors)
        self.assertNotIn("transfer-encoding", fields_of(head))
        self.assertEqual(curl("--http1.0", f"{self.web}/echo").echo["version"], "1.1")

    def test_one_connection_for_many_requests(self) -> None:
        """curl opens one connection for content of known length, chunks, an error, HEAD and an upload."""
        shown = ("--output", "/dev/null", "--write-out", "%{http_code} %{num_connects}\n")
        fetched = curl(
            *(*shown, f"{self.web}/content/70000", *shown, f"{self.web}/chunks/70000", *shown, f"{self.web}/nowhere"),
            *("--next", *shown, "--head", f"{self.web}/content/70000"),
            *("--next", *shown, "--data", "a", f"{self.web}/echo"),
        )
        self.assertEqual(fetched.content, b"200 1\n200 0\n404 0\n200 0\n200 0\n", fetched.errors)

    def test_unix_socket(self) -> None:
        """A listener may be a UNIX socket."""
        echo = curl("--unix-socket", f"{self.folder}/web.sock", "http://example.org/echo").echo
        self.assertEqual(echo["fields"]["host"], "example.org")

    def test_tls(self) -> None:
        """curl verifies the certificate of the TLS listener, and the server hears that the client came by HTTPS."""
        authority = str(self.folder / "ca.pem")
        echo = curl("--cacert", authority, "--data", "a", f"{self.secure}/echo").echo
        self.assertEqual((echo["fields"]["x-forwarded-proto"], echo["length"]), ("https", 1))
        path, sha256 = self.large_file()
        echo = curl("--cacert", authority, "--upload-file", path, f"{self.secure}/echo").echo
        self.assertEqual(echo["sha256"], sha256)
        fetched = curl("--cacert", authority, f"{self.secure}/content/3000000")
        self.assertEqual(fetched.content, curl(f"{self.web}/content/3000000").content)
        self.assertEqual(curl(f"{self.secure}/name").status, 60, "curl believed an authority that it does not know")

    def test_redirect(self) -> None:
        """curl follows to where the route says."""
        fetched = curl("--location", "--write-out", "%{url_effective} %{num_redirects}", f"{self.web}/old/a?b=c")
        self.assertEqual(fetched.content, f"not found\n{self.web}/new/old/a 1".encode())

    def test_upgrade(self) -> None:
        """A route that allows it becomes a tunnel for WebSocket frames; elsewhere the request is an ordinary one."""
        with connect(self.port) as connection:
            connection.sendall(HANDSHAKE)
            head = read_until(connection, b"\r\n\r\n")
            self.assertTrue(head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n"), head)
            self.assertIn(ACCEPTED, head)
            for _ in range(2):
                connection.sendall(HELLO)
                self.assertEqual(read_until(connection, b"Hello"), HELLO_BACK)
        with connect(self.port) as connection:
            connection.sendall(HANDSHAKE.replace(b"/live", b"/name"))
            self.assertIn(b"HTTP/1.1 200 OK", read_until(connection, b"node\n"))

    def test_parallel(self) -> None:
        """Forty transfers at a time, each whole."""
        sizes = range(10000, 90000, 1000)
        outputs = [("--output", str(self.folder / f"out{size}"), f"{self.web}/content/{size}") for size in sizes]
        fetched = curl("--parallel", "--parallel-max", "40", *(word for words in outputs for word in words))
        self.assertEqual(fetched.status, 0, fetched.errors)
        self.assertEqual([(self.folder / f"out{size}").stat().st_size for size in sizes], list(sizes))
