"""The check `http`: a request of our own, over a connection made as those of the traffic are.

The strict reader is that of the traffic too. Usually the connection is kept for the next check; when a kept one
turns out to be closed the request is sent once more over a fresh one, so that a server may close what is idle.
"""

from twisted.internet.defer import Deferred

from twisted_relay import __version__
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import CheckSpec
from twisted_relay.errors import ConnectionReset, RelayError
from twisted_relay.health.check import CheckFailed
from twisted_relay.health.connections import CheckConnections, explain, waiting_for
from twisted_relay.health.expectations import Expectations
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Request, Response
from twisted_relay.http.stream import Stream
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.question import ask, connect
from twisted_relay.upstream.server import Server

MAX_CONTENT = 65536
"""Octets of an answer that are read for the sake of a good end; with more to come the connection is just closed."""
MAX_EXPECTED = 262144
"""Octets of an answer in which `check_expect_body` may match (nginx's limit)."""

_USER_AGENT = b"User-Agent: twisted_relay/" + __version__.encode("ascii") + b" (check)"


class HTTPCheck:
    """Asks with the `check` of a backend; healthy is who answers as expected, in full."""

    def __init__(self, backend: Backend) -> None:
        options = backend.options
        assert options.check is not None
        self._what = f"{options.check.method} {options.check.path}"
        self._request = _request(options.check, options)
        self._host = options.check_host.encode("ascii")
        self._expectations = Expectations(options.check, options)
        self._limit = MAX_EXPECTED if self._expectations.wants_content else MAX_CONTENT
        self._connections = CheckConnections(backend, kept=int(options.check_reuse))

    def forget(self, server: Server) -> None:
        """See `NetworkCheck`."""
        self._connections.forget(server)

    async def probe(self, server: Server) -> None:
        """See `Check`."""
        try:
            await self._judge(await self._answer_of(server))
        except RelayError as error:
            raise CheckFailed(f"{self._what}: {explain(error)}") from error

    async def _answer_of(self, server: Server) -> Response:
        pool = self._connections.pool(server)
        kept = pool.take()
        if kept is not None:
            try:
                return await self._ask(kept, server)
            except ConnectionReset:
                pass  # it was closed while it was idle, which every server may do
        with waiting_for(f"{self._what}: no connection"):
            connection = await connect(pool)
        return await self._ask(connection, server)

    async def _ask(self, connection: UpstreamConnection, server: Server) -> Response:
        with waiting_for(f"{self._what}: no response"):
            return await ask(connection, self._request, self._host or server.authority)

    async def _judge(self, response: Response) -> None:
        problem = self._expectations.problem_of_head(response)
        if problem and response.stream is not None:
            response.stream.cancel()
        if not problem:
            content = response.content
            if response.stream is not None:
                with waiting_for(f"{self._what}: no end of the response"):
                    content = await Beginning(response.stream, content, self._limit).done
            problem = self._expectations.problem_of_content(content)
        if problem:
            raise CheckFailed(f"{self._what} {problem}")


def _request(spec: CheckSpec, options: BackendOptions) -> Request:
    lines = [f"{field.name}: {field.value}".encode("ascii") for field in options.check_header]
    if not any(field.name.lower() == "user-agent" for field in options.check_header):
        lines.insert(0, _USER_AGENT)
    if not options.check_reuse:
        lines.append(b"Connection: close")
    return Request(spec.method.encode("ascii"), spec.path.encode("ascii"), Fields(lines))


class Beginning:
    """The sink of content of which no more than `limit` octets are needed. `done` fires with them."""

    def __init__(self, stream: Stream, content: bytes, limit: int) -> None:
        self.done: Deferred[bytes] = Deferred(lambda _: stream.cancel())
        self._stream = stream
        self._parts = [content]
        self._left = limit - len(content)
        stream.attach(self)

    def write(self, data: bytes) -> None:
        """See `Sink`."""
        self._parts.append(data[: max(0, self._left)])
        self._left -= len(data)
        if self._left < 0:
            self._stream.cancel()
            self._finish()

    def end(self, data: bytes, trailers: Fields | None) -> None:
        """See `Sink`."""
        self._parts.append(data[: max(0, self._left)])
        self._finish()

    def fail(self, error: RelayError) -> None:
        """See `Sink`."""
        if not self.done.called:
            self.done.errback(error)

    def spliceable(self) -> None:
        """See `Sink`."""

    def _finish(self) -> None:
        if not self.done.called:
            self.done.callback(b"".join(self._parts))
