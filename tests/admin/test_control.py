"""The control API over a real UNIX socket."""

import json
import os
import socket
import stat
from pathlib import Path
from tempfile import mkdtemp
from typing import cast

from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.python.filepath import FilePath
from twisted.trial.unittest import TestCase

from tests.admin.asking import ask_raw
from tests.admin.controlled import make_shop
from twisted_relay.admin.control import Control
from twisted_relay.admin.json_input import JSON
from twisted_relay.admin.ports import CONTROL_MODE, AdminPorts
from twisted_relay.admin.servers import Servers
from twisted_relay.admin.site import MAX_CONTENT, AdminSite, ControlRequest
from twisted_relay.config.values import UnixAddress

GET_ONE = "GET /api/servers/shop/one"
POST_ONE = "POST /api/servers/shop/one"
#: (request line, fields, content, status, part of the error)
REFUSED: tuple[tuple[str, tuple[str, ...], bytes, int, str], ...] = (
    (POST_ONE, ("Content-Type: application/json",), b"{", 400, "not JSON"),
    (POST_ONE, ("Content-Type: text/plain",), b'{"weight": 3}', 415, "not said to be JSON"),
    (POST_ONE, (), b'{"weight": 3}', 415, "not said to be JSON"),
    (POST_ONE, ("Content-Type: application/json; charset=latin-1",), b'{"weight": 3}', 415, "not said to be JSON"),
    (POST_ONE, ("Content-Type: application/json", "Origin: http://a"), b'{"weight": 3}', 403, "web pages"),
    (POST_ONE, ("Content-Type: application/json", "Origin:"), b'{"weight": 3}', 403, "web pages"),
    (GET_ONE, ("Origin: null",), b"", 403, "web pages"),
    (f"{POST_ONE}?weight=3", ("Content-Type: application/json",), b"{}", 400, "no query"),
    ("POST /api/servers/shop/won", ("Content-Type: application/json",), b"{}", 404, "no server"),
    ("GET /", (), b"", 404, "nothing here"),
    ("GET /metrics", (), b"", 404, "nothing here"),
    ("GET /api/servers/", (), b"", 404, "nothing here"),
    ("GET /api/broken", (), b"", 500, "its log says more"),
    ("GET /api/asked?a=1&a=2", (), b"", 400, "twice"),
    ("GET /api/asked?a", (), b"", 400, "the query is not understood"),
    ("GET /api/asked?" + "&".join(f"k{number}=1" for number in range(20)), (), b"", 400, "the query is not understood"),
)


class ControlTests(TestCase):
    """`Control` in a site for it."""

    def setUp(self) -> None:
        folder = FilePath(mkdtemp())  # a path in the test's own folder may be too long for a socket
        self.addCleanup(folder.remove)
        self.path = folder.child("admin.sock").path
        backend = make_shop(Clock())
        self.one = backend.servers[0]
        servers = Servers({"shop": backend}, lambda: 0.0)
        gets = {"/api/servers": lambda _: servers.all(), "/api/servers/": servers.one, "/api/broken": self.broken}
        queries = {"/api/asked": dict}
        control = Control(gets, {"/api/servers/": servers.change}, queries)
        site = AdminSite(control, reactor, ControlRequest)
        self.ports = AdminPorts((UnixAddress(self.path),), site, reactor, CONTROL_MODE)
        self.addCleanup(self.ports.close)
        self.ports.open()

    def broken(self, rest: str) -> JSON:
        """A fault of ours."""
        raise ZeroDivisionError

    async def ask(self, line: str, *fields: str, content: bytes = b"") -> tuple[int, dict[str, str], JSON]:
        """Status, fields and content of the answer."""
        head = [f"{line} HTTP/1.1", "Host: relay", "Connection: close", *fields, f"Content-Length: {len(content)}"]
        received = await ask_raw(self.path, "\r\n".join([*head, "", ""]).encode() + content)
        start, _, rest = received.partition(b"\r\n\r\n")
        lines = start.decode().split("\r\n")
        found = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        return int(lines[0].split()[1]), found, cast(JSON, json.loads(rest))

    async def test_seen(self) -> None:
        """All servers, and each by itself, as JSON that nobody stores."""
        status, fields, answer = await self.ask("GET /api/servers")
        self.assertEqual((status, len(cast("list[JSON]", answer["backends"]))), (200, 1))
        self.assertEqual((fields["content-type"], fields["cache-control"]), ("application/json", "no-store"))
        self.assertEqual((await self.ask(GET_ONE))[2]["name"], "one")

    async def test_changed(self) -> None:
        """What is posted holds at once, and the answer is the server after it."""
        for media_type in ("application/json", 'Application/JSON; charset="UTF-8"'):
            content = b'{"mode": "drain", "reason": "d\\u00e9ploiement"}'
            status, _, answer = await self.ask(POST_ONE, f"Content-Type: {media_type}", content=content)
            self.assertEqual((status, answer["state"], answer["reason"]), (200, "drain", "by operator: déploiement"))
        self.assertEqual(self.one.state, "drain")

    async def test_refused(self) -> None:
        """What is not understood, or comes from a web page, gets an error as JSON and changes nothing."""
        for line, fields, content, expected, part in REFUSED:
            status, said, answer = await self.ask(line, *fields, content=content)
            self.assertEqual((status, said["content-type"]), (expected, "application/json"), line)
            self.assertIn(part, str(answer["error"]))
        self.assertEqual((self.one.state, self.one.weight), ("up", 2))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_methods(self) -> None:
        """Other methods are refused, and those that are not are named."""
        for line, allow in (
            ("PUT /api/servers/shop/one", "GET, POST"),
            ("DELETE /api/servers/shop/one", "GET, POST"),
            ("OPTIONS /api/servers/shop/one", "GET, POST"),
            ("POST /api/servers", "GET"),
            ("POST /api/asked", "GET"),
        ):
            status, fields, _ = await self.ask(line)
            self.assertEqual((status, fields["allow"]), (405, allow), line)

    async def test_queries(self) -> None:
        """Keys and values of a query reach the path that takes one, decoded; none is a query, too."""
        for query, seen in (("", {}), ("?a=b%20c&d=", {"a": "b c", "d": ""}), ("?name=%C3%A9", {"name": "é"})):
            status, _, answer = await self.ask(f"GET /api/asked{query}")
            self.assertEqual((status, answer), (200, seen))

    async def test_large_content(self) -> None:
        """More than 64 KiB is refused; who goes on sending is cut off."""
        status, _, answer = await self.ask(POST_ONE, "Content-Type: application/json", content=b" " * (MAX_CONTENT + 1))
        self.assertEqual((status, answer["error"]), (413, "the content is larger than 64 KiB"))
        head = f"{POST_ONE} HTTP/1.1\r\nHost: relay\r\nContent-Length: 10000000\r\n\r\n".encode()
        self.assertEqual(await ask_raw(self.path, head + b" " * (4 * MAX_CONTENT)), b"")

    def test_only_the_owner(self) -> None:
        """The socket is for its owner alone."""
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    async def test_a_socket_that_was_left(self) -> None:
        """A socket of a daemon that was killed is replaced."""
        await self.ports.close()
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(self.path)
        self.assertTrue(Path(self.path).is_socket())
        self.ports.open()
        self.assertEqual((await self.ask(GET_ONE))[0], 200)
