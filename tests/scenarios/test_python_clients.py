"""Python's own client, aiohttp and treq, in front of a Node server; content is compared by its hash, both ways."""

import hashlib
import json
import sys
from http.client import HTTPConnection
from io import BytesIO

import treq
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.client import Agent, HTTPConnectionPool

from tests.scenarios.origins import PROGRAMS, content, start_node
from tests.scenarios.relays import relay
from tests.support.child import Child, free_ports

RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = node

[route:live]
path = /live
upgrade = websocket
backend = node

[backend:node]
servers = http://127.0.0.1:${NODE}
"""
LARGE = bytes(range(256)) * 20000
LARGE_SHA256 = hashlib.sha256(LARGE).hexdigest()


def start(case: SynchronousTestCase) -> str:
    """Start Node and relay; return relay's port."""
    [web] = map(str, free_ports(1))
    relay(case, RELAY, WEB=web, NODE=start_node(case).place)
    return web


class HTTPClientTests(SynchronousTestCase):
    """`http.client` of the standard library."""

    def setUp(self) -> None:
        self.connection = HTTPConnection("127.0.0.1", int(start(self)), timeout=30)
        self.addCleanup(self.connection.close)

    def ask(self, method: str, target: str, **arguments: object) -> bytes:
        """The content of a successful answer, on the one connection."""
        self.connection.request(method, target, **arguments)  # type: ignore[arg-type]
        with self.connection.getresponse() as response:
            self.assertEqual(response.status, 200)
            return response.read()

    def test_uploads(self) -> None:
        """Content of known length and in chunks arrives whole, one request after the other on one connection."""
        for arguments in ({"body": LARGE}, {"body": iter([LARGE[:70000], LARGE[70000:]]), "encode_chunked": True}):
            echo = json.loads(self.ask("POST", "/echo", **arguments))
            self.assertEqual((echo["length"], echo["sha256"]), (len(LARGE), LARGE_SHA256))
        self.assertEqual(self.ask("GET", "/name"), b"node\n")

    def test_downloads(self) -> None:
        """Content of known length and in chunks comes whole."""
        for size in (0, 1, 65536, 5000000):
            for kind in ("content", "chunks"):
                self.assertEqual(self.ask("GET", f"/{kind}/{size}"), content(size))

    def test_methods(self) -> None:
        """Extension methods pass as they are, and HEAD has no content."""
        self.assertEqual(json.loads(self.ask("REPORT", "/echo", body=b"<a/>"))["method"], "REPORT")
        self.assertEqual(self.ask("HEAD", "/content/1000"), b"")
        self.assertEqual(self.ask("GET", "/name"), b"node\n")


class AiohttpTests(SynchronousTestCase):
    """A program on aiohttp."""

    def test_everything(self) -> None:
        """Forty requests at once, an upload from a generator, a download and a WebSocket do what they should."""
        url = f"http://127.0.0.1:{start(self)}"
        status, output, errors = Child(self, sys.executable, PROGRAMS / "aiohttp_client.py", url).finish()
        self.assertEqual(status, 0, errors)
        expected = {
            "names": ["node\n"] * 40,
            "arrived": True,
            "sha256": hashlib.sha256(content(5000000)).hexdigest(),
            "live": ["one", "two", "drei: ü"],
        }
        self.assertEqual(json.loads(output), expected)


class TreqTests(TestCase):
    """treq, on Twisted's own agent and a pool of connections."""

    timeout = 30

    def setUp(self) -> None:
        self.url = f"http://127.0.0.1:{start(self)}"
        pool = HTTPConnectionPool(reactor)
        self.addCleanup(pool.closeCachedConnections)
        self.client = treq.client.HTTPClient(Agent(reactor, pool=pool))

    async def test_both_ways(self) -> None:
        """A large upload and a large download are what they were, and small requests go on."""
        answer = await self.client.post(f"{self.url}/echo", data=BytesIO(LARGE))
        self.assertEqual((await answer.json())["sha256"], LARGE_SHA256)
        answer = await self.client.get(f"{self.url}/content/5000000")
        self.assertEqual(await answer.content(), content(5000000))
        for _ in range(3):
            answer = await self.client.get(f"{self.url}/name")
            self.assertEqual((answer.code, await answer.text()), (200, "node\n"))
