"""A WebSocket client through a proxy. Usage: websockets_client.py PROXY CA WSS WS; prints the answers as JSON.

The package websockets opens a tunnel with CONNECT for either. The conversations go on at the same time.
"""

import asyncio
import json
import ssl
import sys

from websockets.asyncio.client import connect

MESSAGES = tuple(f"message {number}" for number in range(50))


async def converse(url: str, proxy: str, context: ssl.SSLContext | None) -> list[str]:
    """Send all messages, then read as many answers."""
    async with connect(url, proxy=proxy, ssl=context, compression=None) as socket:
        for message in MESSAGES:
            await socket.send(message)
        return [str(await socket.recv()) for _ in MESSAGES]


async def main(proxy: str, authority: str, secure: str, plain: str) -> None:
    """Talk with both, and print it."""
    context = ssl.create_default_context(cafile=authority)
    answers = await asyncio.gather(converse(secure, proxy, context), converse(plain, proxy, None))
    print(json.dumps([answer == list(MESSAGES) for answer in answers]))


asyncio.run(main(*sys.argv[1:]))
