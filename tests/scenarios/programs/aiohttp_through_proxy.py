"""What a program on aiohttp does through a proxy. Usage: aiohttp_through_proxy.py PROXY CA HTTPS HTTP; prints JSON.

From each site at once: twenty small answers, an upload from a generator, a download, and a WebSocket conversation.
aiohttp opens that of http without CONNECT, with the whole URI.
"""

import asyncio
import hashlib
import json
import ssl
import sys
from collections.abc import AsyncIterator

import aiohttp

PIECE = bytes(range(256)) * 100
PIECES = 100


async def upload() -> AsyncIterator[bytes]:
    """2.6 MB in pieces: aiohttp sends them as chunks."""
    for _ in range(PIECES):
        yield PIECE


async def converse(session: aiohttp.ClientSession, url: str) -> list[str]:
    """Send three messages over a WebSocket, each after the answer to the one before."""
    answers = []
    async with session.ws_connect(url) as socket:
        for message in ("one", "two", "drei: ü"):
            await socket.send_str(message)
            answers.append(await socket.receive_str())
    return answers


async def visit(session: aiohttp.ClientSession, url: str, live: str) -> dict[str, object]:
    """What one site gives."""

    async def name(_number: int) -> str:
        async with session.get(f"{url}/name") as response:
            return await response.text()

    names = await asyncio.gather(*map(name, range(20)))
    async with session.put(f"{url}/echo", data=upload()) as response:
        echo = await response.json()
    async with session.get(f"{url}/chunks/3000000") as response:
        content = await response.read()
    return {
        "names": names,
        "arrived": echo["sha256"] == hashlib.sha256(PIECE * PIECES).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "live": await converse(session, live),
    }


async def main(proxy: str, authority: str, secure: str, plain: str) -> None:
    """Visit both at once, and print it."""
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=authority))
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(connector=connector, proxy=proxy, timeout=timeout) as session:
        https, http = await asyncio.gather(
            *(visit(session, f"{url}/node", f"{url}/live") for url in (secure, plain)),
        )
    print(json.dumps({"https": https, "http": http}))


asyncio.run(main(*sys.argv[1:]))
