"""The origins of `soak.py`: servers of HTTP and of tunnels that behave well or badly, as their clients ask, and a name
server that knows nothing. All run on the event loop of whoever starts them.
"""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Awaitable, Callable

PIECE = 16384
BLOCK = random.Random(7).randbytes(1 << 16)
"""What all content is made of, from its beginning on, again and again."""
RESET = struct.pack("ii", 1, 0)


def content(size: int) -> bytes:
    """So many octets, always the same."""
    return (BLOCK * (size // len(BLOCK) + 1))[:size]


def reset(writer: asyncio.StreamWriter) -> None:
    """Cut a connection with RST."""
    sock = writer.get_extra_info("socket")
    if sock is not None and not writer.transport.is_closing():
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


async def read_content(reader: asyncio.StreamReader, head: bytes) -> int:
    """Read the content of a message to its end; how long it was."""
    lower = head.lower()
    if b"\r\ntransfer-encoding: chunked" in lower:
        total = 0
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            await reader.readexactly(size + 2)
            total += size
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass
        return total
    _, found, rest = lower.partition(b"\r\ncontent-length:")
    left = length = int(rest.partition(b"\r\n")[0]) if found else 0
    while left:
        data = await reader.read(min(left, 65536))
        if not data:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(data)
    return length


class Origins:
    """All of them, and how many connections they have had."""

    def __init__(self) -> None:
        self.opened = self.closed = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._servers: list[asyncio.Server] = []
        self._names: asyncio.DatagramTransport | None = None
        self._reserved = socket.socket()
        self.web = self.tunnel = self.names = self.nobody = 0

    async def start(self) -> None:
        """Listen: `web` and `tunnel` on both families, `names` with UDP. At `nobody` nobody ever listens."""
        self._reserved.bind(("127.0.0.1", 0))
        self.nobody = self._reserved.getsockname()[1]
        self.web = await self._listen(self._serve_web)
        self.tunnel = await self._listen(self._serve_tunnel)
        loop = asyncio.get_running_loop()
        self._names, _ = await loop.create_datagram_endpoint(Ignorant, local_addr=("127.0.0.1", 0))
        self.names = self._names.get_extra_info("sockname")[1]

    async def _listen(self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> int:
        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.opened += 1
            self._open.add(writer)
            try:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
                    await serve(reader, writer)
            except asyncio.CancelledError:
                pass  # at the end of the run some are asleep; Python 3.11 would complain of their tasks
            finally:
                self._open.discard(writer)
                writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()
                self.closed += 1

        port = 0
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            server = await asyncio.start_server(accepted, host, port, family=family, backlog=1024, limit=1 << 17)
            self._servers.append(server)
            port = server.sockets[0].getsockname()[1]
        return port

    def cut_idle(self) -> None:
        """Close every connection that is still there: those that the proxy keeps."""
        for writer in list(self._open):
            writer.transport.abort()

    async def stop(self) -> None:
        """Listen no more."""
        self._reserved.close()
        for server in self._servers:
            server.close()
        self.cut_idle()
        if self._names is not None:
            self._names.close()

    # -- http -----------------------------------------------------------------------------------------------------

    async def _serve_web(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        going_on = True
        while going_on:
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b" ", 2)
            _, word, size, *_ = target.decode().split("/")
            going_on = await getattr(self, f"_web_{word}")(reader, writer, (method, head, int(size)))
            await writer.drain()

    async def _web_ok(self, reader, writer, asked) -> bool:
        """Content of known length; says how much it was sent."""
        method, head, size = asked
        received = await read_content(reader, head)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Received: %d\r\n\r\n" % (size, received))
        if method != b"HEAD":
            writer.write(content(size))
        return True

    async def _web_chunks(self, reader, writer, asked) -> bool:
        _, head, size = asked
        await read_content(reader, head)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        whole = content(size)
        for start in range(0, size, PIECE):
            piece = whole[start : start + PIECE]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        writer.write(b"0\r\n\r\n")
        return True

    async def _web_close(self, reader, writer, asked) -> bool:
        """Content until the end of the connection."""
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + content(asked[2]))
        return False

    async def _web_hints(self, reader, writer, asked) -> bool:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        return await self._web_ok(reader, writer, asked)

    async def _web_upgrade(self, reader, writer, asked) -> bool:
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        await self._tunnel_echo(reader, writer, 0)
        return False

    async def _web_trickle(self, reader, writer, asked) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % asked[2])
        whole = content(asked[2])
        for start in range(0, asked[2], asked[2] // 10 + 1):
            writer.write(whole[start : start + asked[2] // 10 + 1])
            await asyncio.sleep(0.01)
        return True

    async def _web_half(self, reader, writer, asked) -> bool:
        """Half of what was promised."""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * asked[2]) + content(asked[2]))
        return False

    async def _web_cut(self, reader, writer, asked) -> bool:
        """The same, with RST."""
        await self._web_half(reader, writer, asked)
        await writer.drain()
        reset(writer)
        return False

    async def _web_reset(self, reader, writer, asked) -> bool:
        """No answer, but RST."""
        reset(writer)
        return False

    async def _web_empty(self, reader, writer, asked) -> bool:
        """No answer."""
        return False

    async def _web_stall(self, reader, writer, asked) -> bool:
        """Never an answer."""
        await reader.read()
        return False

    async def _web_pause(self, reader, writer, asked) -> bool:
        """Half of the content, and then nothing."""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * asked[2]) + content(asked[2]))
        await reader.read()
        return False

    async def _web_junk(self, reader, writer, asked) -> bool:
        writer.write(b"\x00\xff no HTTP\r\n\r\n" + BLOCK[: asked[2]])
        return False

    async def _web_huge(self, reader, writer, asked) -> bool:
        """A head that is too large."""
        writer.write(b"HTTP/1.1 200 OK\r\n" + b"X-Field: %b\r\n" % (b"x" * 4000) * 40 + b"\r\n")
        return False

    async def _web_extra(self, reader, writer, asked) -> bool:
        """More than was promised."""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % asked[2] + content(asked[2]) + b"more")
        return False

    async def _web_early(self, reader, writer, asked) -> bool:
        """An answer before the content has come, and no more."""
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.write_eof()
        await asyncio.sleep(0.05)
        return False

    async def _web_deaf(self, reader, writer, asked) -> bool:
        """Reads nothing of the content, and says nothing."""
        writer.transport.pause_reading()
        await asyncio.sleep(4)
        return False

    # -- tunnels --------------------------------------------------------------------------------------------------

    async def _serve_tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        word, size = (await reader.readuntil(b"\n")).split()
        await getattr(self, f"_tunnel_{word.decode()}")(reader, writer, int(size))

    async def _tunnel_echo(self, reader, writer, size: int) -> None:
        """Send all back, and end when the other side has ended."""
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    async def _tunnel_pour(self, reader, writer, size: int) -> None:
        """So much, then the end; then wait for the other's."""
        writer.write(content(size))
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async def _tunnel_drain(self, reader, writer, size: int) -> None:
        """Take everything, and then say how much it was."""
        total = 0
        while data := await reader.read(65536):
            total += len(data)
        writer.write(b"%d\n" % total)
        await writer.drain()

    async def _tunnel_end(self, reader, writer, size: int) -> None:
        """End at once, and take everything."""
        writer.write_eof()
        await reader.read()

    async def _tunnel_reset(self, reader, writer, size: int) -> None:
        """So much, then RST."""
        writer.write(content(size))
        await asyncio.sleep(0.01)
        reset(writer)

    async def _tunnel_stall(self, reader, writer, size: int) -> None:
        """Nothing, until the other side has ended."""
        await reader.read()

    async def _tunnel_deaf(self, reader, writer, size: int) -> None:
        """Not even read."""
        writer.transport.pause_reading()
        await asyncio.sleep(4)


class Ignorant(asyncio.DatagramProtocol):
    """A name server that knows no name, and is silent about those with an x in front."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It can answer."""
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        """NXDOMAIN, with the question; RFC 1035 §4.1.1."""
        if data[13:14] != b"x":
            question = data[12 : data.index(0, 12) + 5]
            self._transport.sendto(data[:2] + b"\x81\x83\x00\x01" + bytes(6) + question, address)
