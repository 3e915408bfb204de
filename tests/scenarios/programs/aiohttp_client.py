"""What a program on aiohttp does with a site. Usage: aiohttp_client.py URL; prints what it got, as JSON.

Forty requests at once, an upload from a generator, a download, and a WebSocket conversation.
"""

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator

import aiohttp

PIECES = 300
PIECE = bytes(range(256)) * 100


async def upload() -> AsyncIterator[bytes]:
    """7.7 MB in pieces: aiohttp sends them as chunks."""
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


async def main(url: str) -> None:
    """Do everything and print it."""
    async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=30)) as session:

        async def name(_number: int) -> str:
            async with session.get("/name") as response:
                return await response.text()

        names = await asyncio.gather(*map(name, range(40)))
        async with session.put("/echo", data=upload()) as response:
            echo = await response.json()
        async with session.get("/chunks/5000000") as response:
            content = await response.read()
        answers = await converse(session, "/live")
    expected = hashlib.sha256(PIECE * PIECES).hexdigest()
    downloaded = hashlib.sha256(content).hexdigest()
    print(json.dumps({"names": names, "arrived": echo["sha256"] == expected, "sha256": downloaded, "live": answers}))


asyncio.run(main(sys.argv[1]))
