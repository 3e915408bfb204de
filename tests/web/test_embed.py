"""Runs the programs of docs/howto/embed.md, as a reader would, against servers on loopback."""

import re
import sys
from base64 import b64encode
from pathlib import Path

from twisted.internet import reactor as the_reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.support.child import LIFETIME, ROOT
from tests.web.origins import Origin, connect, free_port

PROGRAMS = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/howto/embed.md").read_text(), re.MULTILINE | re.DOTALL)
START = f"import runpy, signal, sys; signal.alarm({LIFETIME}); runpy.run_path(sys.argv[1], run_name='__main__')"


class Program(ProcessProtocol):
    """A program that runs beside the test; what it prints can be waited for."""

    def __init__(self) -> None:
        self.output = b""
        self.errors = b""
        self.printed: Deferred[None] = Deferred()
        """Fires with the first line."""
        self.ended: Deferred[None] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self.output += data
        if b"\n" in self.output and not self.printed.called:
            self.printed.callback(None)

    def errReceived(self, data: bytes) -> None:
        self.errors += data

    def processEnded(self, reason: Failure) -> None:
        if not self.printed.called:
            self.printed.callback(None)
        self.ended.callback(None)


class EmbedTests(TestCase):
    """The how-to keeps its word."""

    timeout = LIFETIME

    def start(self, number: int, **ports: int) -> Program:
        """Start a program of the page with other ports than it has there; it ends with the test."""
        text = PROGRAMS[number]
        for was, port in ports.items():
            text = text.replace(was.removeprefix("p"), str(port))
        path = Path(self.mktemp()).absolute()
        path.write_text(text)
        program = Program()
        command = [sys.executable, "-c", START, str(path)]
        process = IReactorProcess(the_reactor).spawnProcess(
            program,
            sys.executable,
            command,
            {"PYTHONPATH": str(ROOT)},
        )

        async def end() -> None:
            if not program.ended.called:
                process.signalProcess("KILL")
                await program.ended

        self.addCleanup(end)
        return program

    def test_every_program_is_run(self) -> None:
        """Each program on the page has a test below."""
        self.assertEqual(len(PROGRAMS), 4)

    async def test_agent(self) -> None:
        """The first program checks both servers, and asks who is up."""
        one = Origin(self, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none")
        two = Origin(self, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo")
        program = self.start(0, p8001=one.port, p8002=two.port)
        await program.ended
        self.assertEqual(program.errors, b"")
        said = program.output.split()
        self.assertEqual((said[::2], set(said[1::2]) - {b"one", b"two"}), ([b"200"] * 4, set()))
        self.assertEqual([origin.requests[0].split(b" ")[:2] for origin in (one, two)], [[b"GET", b"/"]] * 2)

    async def test_site(self) -> None:
        """The second program forwards to both servers."""
        one, two, port = Origin(self), Origin(self), free_port()
        program = self.start(1, p8001=one.port, p8002=two.port, p8080=port)
        await program.printed
        for _ in range(2):
            client = await connect(self, port)
            client.send(b"GET /a HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
            self.assertTrue((await client.closed).endswith(b"hello"))
        asked = [head for head in (*one.requests, *two.requests) if head.startswith(b"GET /a ")]
        self.assertEqual((len(asked), program.errors), (2, b""))

    async def test_proxy(self) -> None:
        """The third program goes where it may, and nowhere else."""
        origin, other, port = Origin(self), Origin(self), free_port()
        program = self.start(2, p8001=origin.port, p8080=port)
        await program.printed
        for server, status in ((origin, b"200"), (other, b"403")):
            client = await connect(self, port)
            client.send(b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % server.port)
            self.assertEqual((await client.closed).split(b" ")[1], status)
        self.assertEqual((len(origin.requests), other.connected, program.errors), (1, 0, b""))

    async def test_passwords(self) -> None:
        """The fourth program answers those whom its checker knows."""
        port = free_port()
        program = self.start(3, p8080=port)
        await program.printed
        for password, status in ((b"open sesame", b"200"), (b"sesame", b"401")):
            client = await connect(self, port)
            token = b64encode(b"alice:" + password)
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic %b\r\nConnection: close\r\n\r\n" % token)
            self.assertEqual((await client.closed).split(b" ")[1], status)
        self.assertEqual(program.errors, b"")
