"""Asks a proxy at a steady rate. `python benchmarks/steady.py PORT URL RATE CONNECTIONS`, until its input ends.

Then it prints JSON: for each request when it was due, on the clock of `time.monotonic()`, and how long after that its
answer was complete, in seconds. What is late makes the next ones late, and that counts as well; only how late this
program itself was woken does not.
"""

import asyncio
import json
import sys
import time


async def connection(port: int, url: str, pause: float, first: float, seen: list[tuple[float, float]]) -> None:
    """One request after the other on one connection, each when it is due."""
    request = f"GET {url} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    due = first
    while True:
        own = 0.0
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
            own = time.monotonic() - due
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200 "):
            sys.exit(f"not served: {head[:200]!r}")
        await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
        seen.append((due, time.monotonic() - due - own))
        due += pause


async def main(port: int, url: str, rate: float, connections: int) -> None:
    """All connections, taking turns."""
    seen: list[tuple[float, float]] = []
    start = time.monotonic() + 0.2
    pause = connections / rate
    tasks = [
        asyncio.create_task(connection(port, url, pause, start + number / rate, seen)) for number in range(connections)
    ]
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await asyncio.wait((ended, *tasks), return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()
        task.cancel()
    print(json.dumps(seen))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])))
