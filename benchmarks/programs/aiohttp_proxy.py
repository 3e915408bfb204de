"""A streaming reverse proxy on aiohttp, as its documentation would have one written; uvloop when it is installed.

Run by `compare.py` as `aiohttp_proxy.py PORT ORIGIN_PORT`.
"""

import asyncio
import importlib
import importlib.util
import sys

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web
from multidict import CIMultiDict

HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
PIECE_BYTES = 65536


class Proxy:
    """Forwards every request to one origin over a pool of kept connections."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.session: ClientSession | None = None

    async def open(self, _app: web.Application) -> None:
        """Open the pool, inside the running loop."""
        self.session = ClientSession(
            connector=TCPConnector(limit=256), timeout=ClientTimeout(total=None), auto_decompress=False
        )

    async def close(self, _app: web.Application) -> None:
        """Close the pool."""
        if self.session is not None:
            await self.session.close()

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Send the request on and stream the answer back."""
        assert self.session is not None
        fields = CIMultiDict((name, value) for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP)
        fields["X-Forwarded-For"] = request.remote or ""
        fields["X-Forwarded-Proto"] = request.scheme
        fields["X-Forwarded-Host"] = request.host
        body = request.content if request.can_read_body else None
        url = self.origin + request.raw_path
        async with self.session.request(
            request.method, url, headers=fields, data=body, allow_redirects=False
        ) as answer:
            response = web.StreamResponse(status=answer.status, reason=answer.reason)
            for name, value in answer.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    response.headers.add(name, value)
            await response.prepare(request)
            async for piece in answer.content.iter_chunked(PIECE_BYTES):
                await response.write(piece)
            await response.write_eof()
            return response


def main() -> None:
    """Serve until the process is ended."""
    port, origin_port = int(sys.argv[1]), int(sys.argv[2])
    proxy = Proxy(f"http://127.0.0.1:{origin_port}")
    app = web.Application(client_max_size=2**40)
    app.on_startup.append(proxy.open)
    app.on_cleanup.append(proxy.close)
    app.router.add_route("*", "/{path:.*}", proxy.forward)
    loop = asyncio.new_event_loop()
    if importlib.util.find_spec("uvloop") is not None:
        loop = importlib.import_module("uvloop").new_event_loop()
    web.run_app(
        app, host="127.0.0.1", port=port, access_log=None, print=None, keepalive_timeout=300, backlog=1024, loop=loop
    )


if __name__ == "__main__":
    main()
