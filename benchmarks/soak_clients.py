"""What the clients of `soak.py` do, one action after the other, and what they saw of it.

Actions are methods of `Client`, named after the listener that they go to; `LISTENERS` says what must add up for it.
"""

import asyncio
import base64
import contextlib
import random
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from soak_origins import content, reset

LISTENERS = {
    "clean": "everything is done by the book: requests by code, and bytes both ways",
    "six": "the same, over IPv6",
    "secure": "the same, over TLS",
    "limited": "the same, with limits of bandwidth",
    "peeked": "the same, with a look into tunnels",
    "fair": "the origins are bad: requests by code",
    "staff": "passwords, right and wrong: requests by code",
    "socks": "SOCKS5: tunnels by code, and bytes both ways",
    "rough": "the clients are bad: not fewer than were answered, not more than were begun",
    "rough_tls": "the same, over TLS",
}
HAVE_BYTES = ("clean", "six", "secure", "limited", "peeked", "socks")
HAVE_CODES = (*HAVE_BYTES, "fair", "staff")
USER = b"ann:open sesame"


class Wrong(Exception):
    """A client did not get what it should have."""


@dataclass
class Tally:
    """What the clients of one listener know."""

    opened: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    """Answers by status code."""
    unsure: int = 0
    """Requests that were begun and may have been seen, or not."""
    sent: int = 0
    received: int = 0


@dataclass(frozen=True)
class Places:
    """Where everything is."""

    ports: dict[str, int]
    web: int
    tunnel: int
    nobody: int
    trust: ssl.SSLContext


class Wire:
    """One connection of a client, whose octets are counted."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tally: Tally) -> None:
        self.reader, self.writer, self.tally = reader, writer, tally
        self.unsure = False

    def begins(self) -> None:
        """A request that may be seen or not; if an answer begins, it was."""
        self.unsure = True
        self.tally.unsure += 1

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        self.tally.sent += len(data)
        self.writer.write(data)
        await self.writer.drain()

    async def read(self, most: int = 65536) -> bytes:
        """What comes next; nothing at the end."""
        data = await self.reader.read(most)
        self.tally.received += len(data)
        if self.unsure and data.startswith(b"HTTP/1.1 "):
            self.unsure = False
            self.tally.unsure -= 1
            self.tally.codes[int(data[9:12])] += 1
        return data

    async def exactly(self, size: int) -> bytes:
        """So much."""
        try:
            data = await self.reader.readexactly(size)
        except asyncio.IncompleteReadError as error:
            self.tally.received += len(error.partial)
            raise Wrong(f"{len(error.partial)} octets instead of {size}") from None
        self.tally.received += size
        return data

    async def until(self, word: bytes) -> bytes:
        """Up to this."""
        try:
            data = await self.reader.readuntil(word)
        except asyncio.IncompleteReadError as error:
            self.tally.received += len(error.partial)
            raise Wrong(f"the end instead of {word!r}, after {error.partial[:80]!r}") from None
        self.tally.received += len(data)
        return data

    async def rest(self) -> bytes:
        """All that still comes."""
        found = bytearray()
        while data := await self.read():
            found += data
        return bytes(found)

    async def head(self) -> tuple[int, bytes]:
        """The status code and the fields of a final answer, which is counted."""
        while True:
            head = await self.until(b"\r\n\r\n")
            code = int(head[9:12])
            if code >= 200 or code == 101:
                self.tally.codes[code] += 1
                return code, head.lower()

    async def body(self, head: bytes) -> bytes:
        """The content behind a head."""
        if b"\r\ntransfer-encoding: chunked" in head:
            found = b""
            while size := int(await self.until(b"\r\n"), 16):
                found += (await self.exactly(size + 2))[:-2]
            await self.until(b"\r\n")
            return found
        _, has, after = head.partition(b"\r\ncontent-length:")
        return await (self.exactly(int(after.partition(b"\r\n")[0])) if has else self.rest())

    async def sees_end(self) -> None:
        """Nothing more comes."""
        if data := await self.read():
            raise Wrong(f"{data[:80]!r} instead of the end")


def expect(found: object, wanted: object) -> None:
    """They are the same."""
    if found != wanted:
        raise Wrong(f"{str(found)[:80]} instead of {str(wanted)[:80]}")


class Client:
    """Does one action after the other, each with chances of its own."""

    def __init__(self, places: Places, tallies: dict[str, Tally]) -> None:
        self._places, self._tallies = places, tallies

    @asynccontextmanager
    async def _wire(self, listener: str) -> AsyncIterator[Wire]:
        """A connection to a listener, closed behind the block."""
        host = "::1" if listener == "six" else "127.0.0.1"
        context = self._places.trust if listener in ("secure", "rough_tls") else None
        tally = self._tallies[listener]
        tally.opened += 1
        reader, writer = await asyncio.open_connection(
            host,
            self._places.ports[listener],
            ssl=context,
            server_hostname="localhost" if context else None,
            limit=1 << 17,
        )
        try:
            yield Wire(reader, writer, tally)
        finally:
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.wait_closed()

    def _get(self, path: str, host: str = "web.test", fields: str = "", method: str = "GET") -> bytes:
        url = f"http://{host}:{self._places.web}/{path}"
        return f"{method} {url} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode()

    def _connect(self, port: int, host: str = "web.test", fields: str = "") -> bytes:
        return f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{fields}\r\n".encode()

    # -- by the book ----------------------------------------------------------------------------------------------

    async def clean_gets(self, chance: random.Random, listener: str = "clean") -> None:
        """A few requests on one connection."""
        host = chance.choice(("web.test", "six.test", "127.0.0.1"))
        async with self._wire(listener) as wire:
            for _ in range(chance.randint(1, 5)):
                word, size = chance.choice(("ok", "chunks", "close", "hints", "trickle")), chance.randint(0, 90_000)
                await wire.send(self._get(f"{word}/{size}", host))
                code, head = await wire.head()
                expect((code, await wire.body(head)), (200, content(size)))

    async def clean_uploads(self, chance: random.Random, listener: str = "clean") -> None:
        """Content of known length and in chunks."""
        size = chance.randint(0, 300_000)
        async with self._wire(listener) as wire:
            await wire.send(self._get("ok/9", fields=f"Content-Length: {size}\r\n", method="PUT"))
            await wire.send(content(size))
            for chunked in (False, True):
                code, head = await wire.head()
                expect((code, b"\r\nx-received: %d\r\n" % size in head), (200, True))
                expect(await wire.body(head), content(9))
                if not chunked:
                    await wire.send(self._get("ok/9", fields="Transfer-Encoding: chunked\r\n", method="POST"))
                    chunk = b"%x\r\n%b\r\n" % (size, content(size)) if size else b""
                    await wire.send(chunk + b"0\r\n\r\n")

    async def clean_pipeline(self, chance: random.Random, listener: str = "clean") -> None:
        """All at once, answered in order."""
        sizes = [chance.randint(0, 9000) for _ in range(chance.randint(2, 8))]
        async with self._wire(listener) as wire:
            await wire.send(b"".join(self._get(f"ok/{size}") for size in sizes))
            for size in sizes:
                code, head = await wire.head()
                expect((code, await wire.body(head)), (200, content(size)))

    async def clean_echo(self, chance: random.Random, listener: str = "clean", upgrade: bool = False) -> None:
        """A tunnel that brings everything back, some of it early."""
        data = content(chance.choice((1, 5000, 200_000, 900_000)))
        early = b"" if upgrade else b"echo 0\n" + data[: chance.choice((0, 100))]
        asked = self._connect(self._places.tunnel)
        if upgrade:
            asked = self._get("upgrade/0", fields="Connection: Upgrade\r\nUpgrade: websocket\r\n")
        async with self._wire(listener) as wire:
            await wire.send(asked + early)
            expect((await wire.head())[0], 101 if upgrade else 200)
            sending = asyncio.ensure_future(wire.send(data[max(0, len(early) - 7) :]))
            expect(await wire.exactly(len(data)), data)
            await sending
            if listener != "secure":
                wire.writer.write_eof()
                await wire.sees_end()

    async def clean_websocket(self, chance: random.Random) -> None:
        """A tunnel without CONNECT."""
        await self.clean_echo(chance, upgrade=True)

    async def clean_pour(self, chance: random.Random, listener: str = "clean") -> None:
        """A tunnel through which much comes, and then its end."""
        size = chance.choice((10, 100_000, 3_000_000))
        async with self._wire(listener) as wire:
            await wire.send(self._connect(self._places.tunnel))
            expect((await wire.head())[0], 200)
            await wire.send(b"pour %d\n" % size)
            expect(await wire.exactly(size), content(size))

    async def clean_drain(self, chance: random.Random) -> None:
        """A tunnel into which much goes, and which answers behind its end."""
        size = chance.choice((0, 100_000, 2_000_000))
        async with self._wire("clean") as wire:
            await wire.send(self._connect(self._places.tunnel))
            expect((await wire.head())[0], 200)
            await wire.send(b"drain 0\n" + content(size))
            wire.writer.write_eof()
            expect(await wire.rest(), b"%d\n" % size)

    async def clean_end(self, chance: random.Random) -> None:
        """The origin ends first, the client still sends."""
        async with self._wire("clean") as wire:
            await wire.send(self._connect(self._places.tunnel) + b"end 0\n")
            expect((await wire.head())[0], 200)
            await wire.sees_end()
            await wire.send(content(chance.randint(1, 300_000)))
            wire.writer.write_eof()

    async def six_gets(self, chance: random.Random) -> None:
        """Over IPv6."""
        await self.clean_gets(chance, "six")

    async def six_echo(self, chance: random.Random) -> None:
        """Over IPv6."""
        await self.clean_echo(chance, "six")

    async def secure_gets(self, chance: random.Random) -> None:
        """Over TLS."""
        await self.clean_gets(chance, "secure")

    async def secure_uploads(self, chance: random.Random) -> None:
        """Over TLS."""
        await self.clean_uploads(chance, "secure")

    async def secure_echo(self, chance: random.Random) -> None:
        """Over TLS."""
        await self.clean_echo(chance, "secure")

    async def secure_pour(self, chance: random.Random) -> None:
        """Over TLS."""
        await self.clean_pour(chance, "secure")

    async def limited_mixed(self, chance: random.Random) -> None:
        """With limits of bandwidth."""
        some = (self.clean_gets, self.clean_uploads, self.clean_echo, self.clean_pour)
        await chance.choice(some)(chance, "limited")

    async def peeked_mixed(self, chance: random.Random) -> None:
        """With a look into tunnels, in which there is no TLS."""
        await chance.choice((self.clean_echo, self.clean_pour))(chance, "peeked")

    # -- with origins that are not ----------------------------------------------------------------------------------

    async def fair_origins(self, chance: random.Random) -> None:
        """Whatever the origin does, there is one status, and then what there is of the content."""
        words = ("half", "cut", "reset", "empty", "junk", "huge", "extra", "close", "early")
        word = "stall" if chance.random() < 0.05 else chance.choice(words)
        size = chance.randint(1, 200_000)
        codes = {"reset": 502, "empty": 502, "junk": 502, "huge": 502, "stall": 504, "early": 413}
        async with self._wire("fair") as wire:
            await wire.send(self._get(f"{word}/{size}", fields="Connection: close\r\n"))
            code, head = await wire.head()
            expect(code, codes.get(word, 200))
            if word in ("extra", "close"):
                expect(await wire.body(head), content(size))
            with contextlib.suppress(ConnectionError):
                await wire.rest()

    async def fair_refused(self, chance: random.Random) -> None:
        """Where nobody may go, or nobody is; the connection serves on."""
        nobody = self._places.nobody
        some = chance.randint(1, 999_999)
        asked = (
            (403, self._get("ok/1", f"name{some % 1000}.blocked.test")),
            (403, self._connect(self._places.tunnel, f"x.name{some % 1000}.blocked.test")),
            (403, self._get("ok/1", "denied.test")),
            (403, self._get("ok/1", "10.1.2.3")),
            (403, self._connect(self._places.tunnel, "192.168.0.1")),
            (403, self._connect(22)),
            (502, self._connect(nobody)),
            (502, self._get("ok/1", f"unknown{some}.test")),
            (502, self._connect(nobody, f"unknown{some}.test")),
        )
        async with self._wire("fair") as wire:
            for code, request in chance.sample(asked, 4):
                await wire.send(request)
                found, head = await wire.head()
                expect(found, code)
                await wire.body(head)

    async def many_origins(self, count: int) -> None:
        """So many different ones: relay remembers as many as it ever will."""
        async with self._wire("fair") as wire:
            for number in range(count):
                await wire.send(self._get("ok/1", f"first{number}.test"))
                code, head = await wire.head()
                await wire.body(head)
                expect(code, 502)

    async def fair_silent_name(self, chance: random.Random) -> None:
        """A name for which no name server answers."""
        async with self._wire("fair") as wire:
            await wire.send(self._get("ok/1", f"xsilent{chance.randint(1, 99)}.test"))
            code, head = await wire.head()
            await wire.body(head)
            expect(code in (502, 504), True)

    async def fair_junk(self, chance: random.Random) -> None:
        """What is no request, or none for a proxy."""
        junk = (
            b"\x16\x03\x01\x02\x00 this is TLS\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET http://web.test/ HTTP/2.7\r\n\r\n",
            b"GET http://web.test/ HTTP/1.1\r\nBad Field: 1\r\nHost: a\r\n\r\n",
            b"CONNECT web.test HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST http://web.test/ HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
            b"GET http://web.test/%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 9000),
        )
        async with self._wire("fair") as wire:
            if chance.random() < 0.5:
                await wire.send(self._get("ok/7"))
                code, head = await wire.head()
                expect((code, await wire.body(head)), (200, content(7)))
            await wire.send(chance.choice(junk))
            code, _ = await wire.head()
            expect(code in (400, 414, 505), True)
            with contextlib.suppress(ConnectionError):
                await wire.rest()

    async def fair_tunnels(self, chance: random.Random) -> None:
        """Origins that cut tunnels."""
        async with self._wire("fair") as wire:
            await wire.send(self._connect(self._places.tunnel))
            expect((await wire.head())[0], 200)
            await wire.send(b"reset %d\n" % chance.choice((0, 100, 400_000)))
            with contextlib.suppress(ConnectionError):
                await wire.rest()

    async def staff_passwords(self, chance: random.Random) -> None:
        """None, a wrong one, the right one."""
        async with self._wire("staff") as wire:
            for code, words in ((407, b""), (407, b"ann:%d" % chance.randint(1, 50)), (200, USER)):
                secret = base64.b64encode(words).decode()
                fields = f"Proxy-Authorization: Basic {secret}\r\n" if words else ""
                await wire.send(self._get("ok/500", fields=fields))
                found, head = await wire.head()
                expect(found, code)
                await wire.body(head)
            await wire.send(self._connect(self._places.tunnel, fields=fields))
            expect((await wire.head())[0], 200)

    # -- SOCKS5 ---------------------------------------------------------------------------------------------------

    async def socks_echo(self, chance: random.Random) -> None:
        """A tunnel by SOCKS5."""
        data = content(chance.choice((1, 5000, 400_000)))
        async with self._wire("socks") as wire:
            await wire.send(b"\x05\x01\x00")
            expect(await wire.exactly(2), b"\x05\x00")
            await wire.send(b"\x05\x01\x00\x03\x08web.test" + self._places.tunnel.to_bytes(2))
            reply = await wire.exactly(4)
            expect(reply, b"\x05\x00\x00\x01")
            await wire.exactly(6)
            wire.tally.codes[200] += 1
            await wire.send(b"echo 0\n")
            sending = asyncio.ensure_future(wire.send(data))
            expect(await wire.exactly(len(data)), data)
            await sending
            wire.writer.write_eof()
            await wire.sees_end()

    # -- clients that are not by the book -----------------------------------------------------------------------------

    async def rough_silence(self, chance: random.Random, listener: str = "rough") -> None:
        """Connects, says nothing or half a request, and leaves or waits until it is thrown out."""
        async with self._wire(listener) as wire:
            whole = self._get("ok/9")
            half = whole[: chance.randint(0, len(whole) - 1)]
            if half:
                await wire.send(half)
                wire.begins()
            await self._leave(wire, chance)

    async def rough_download(self, chance: random.Random, listener: str = "rough") -> None:
        """Takes only some of an answer, or of a tunnel."""
        tunnel = chance.random() < 0.5
        async with self._wire(listener) as wire:
            wire.begins()
            if tunnel:
                await wire.send(self._connect(self._places.tunnel) + b"pour 3000000\n")
            else:
                word = chance.choice(("ok", "chunks", "trickle", "pause", "close"))
                await wire.send(self._get(f"{word}/3000000"))
            for _ in range(chance.randint(0, 3)):
                await wire.read(chance.choice((12, 1000, 100_000)))
            await self._leave(wire, chance)

    async def rough_slow_reader(self, chance: random.Random, listener: str = "rough") -> None:
        """Takes everything, but slowly."""
        async with self._wire(listener) as wire:
            wire.begins()
            await wire.send(self._get("ok/400000", fields="Connection: close\r\n"))
            while await wire.read(20_000):
                await asyncio.sleep(0.01)

    async def rough_slow_writer(self, chance: random.Random, listener: str = "rough") -> None:
        """Sends its request in small pieces, and junk behind it."""
        request = self._get("ok/1000", fields="Content-Length: 300\r\n", method="POST") + content(300)
        async with self._wire(listener) as wire:
            wire.begins()
            wire.tally.unsure += 1  # the junk
            for start in range(0, len(request), 40):
                await wire.send(request[start : start + 40])
                await asyncio.sleep(0.005)
            await wire.send(content(chance.randint(0, 2000)))
            await self._leave(wire, chance)

    async def rough_upload(self, chance: random.Random, listener: str = "rough") -> None:
        """Promises content, sends some of it, and leaves; the origin may not even read."""
        word = chance.choice(("ok", "ok", "early", "deaf", "reset"))
        async with self._wire(listener) as wire:
            wire.begins()
            fields = chance.choice(("Content-Length: 4000000\r\n", "Transfer-Encoding: chunked\r\n"))
            await wire.send(self._get(f"{word}/9", fields=fields, method="PUT"))
            with contextlib.suppress(ConnectionError, TimeoutError):
                size = chance.choice((0, 1000, 900_000))
                data = b"%x\r\n" % 4_000_000 if fields[0] == "T" else b""
                await asyncio.wait_for(wire.send(data + content(size)), 0.5)
            await self._leave(wire, chance)

    async def rough_tunnels(self, chance: random.Random, listener: str = "rough") -> None:
        """Opens a tunnel, and may leave before it stands."""
        word = chance.choice(("echo", "pour", "drain", "stall", "deaf", "end", "reset"))
        async with self._wire(listener) as wire:
            wire.begins()
            await wire.send(self._connect(self._places.tunnel) + b"%b 100000\n" % word.encode())
            with contextlib.suppress(ConnectionError, TimeoutError):
                if chance.random() < 0.7:
                    await wire.read(100)
                    await asyncio.wait_for(wire.send(content(chance.choice((10, 1000, 700_000)))), 0.5)
            await self._leave(wire, chance)

    async def rough_waiting(self, chance: random.Random) -> None:
        """Leaves while the origin still thinks, or a name is looked up."""
        request = chance.choice((self._get("stall/1"), self._get("ok/1", "xsilent.test"), self._connect(9, "web.test")))
        async with self._wire("rough") as wire:
            wire.begins()
            await wire.send(request)
            await asyncio.sleep(chance.choice((0, 0.01, 0.2)))
            await self._leave(wire, chance)

    async def rough_tls_mixed(self, chance: random.Random) -> None:
        """The same over TLS."""
        some = (self.rough_silence, self.rough_download, self.rough_slow_reader, self.rough_upload, self.rough_tunnels)
        await chance.choice(some)(chance, "rough_tls")

    async def rough_tls_handshake(self, chance: random.Random) -> None:
        """No handshake, or half of one."""
        tally = self._tallies["rough_tls"]
        tally.opened += 1
        reader, writer = await asyncio.open_connection("127.0.0.1", self._places.ports["rough_tls"])
        wire = Wire(reader, writer, tally)
        try:
            writer.write(chance.choice((b"", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n", content(900))))
            await self._leave(wire, chance)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _leave(self, wire: Wire, chance: random.Random) -> None:
        """Go: in order, with RST, by half-closing, or not at all."""
        way = chance.choices(("close", "reset", "end", "stay", "deaf"), (5, 5, 4, 1, 1))[0]
        with contextlib.suppress(OSError, ssl.SSLError, RuntimeError):
            if way == "reset":
                reset(wire.writer)
            elif way == "end" and wire.writer.can_write_eof():
                wire.writer.write_eof()
                await wire.rest()
            elif way == "stay":
                with contextlib.suppress(TimeoutError):  # an origin that pauses is waited for longer than this
                    await asyncio.wait_for(wire.rest(), 10)
            elif way == "deaf":
                wire.writer.transport.pause_reading()
                await asyncio.sleep(4)
                reset(wire.writer)


ACTIONS = tuple(name for name in vars(Client) if name.split("_")[0] in LISTENERS)
WEIGHTS = {"rough_waiting": 0.5, "fair_silent_name": 0.2}
"""How often an action is chosen, where it is not 1: these take long."""
