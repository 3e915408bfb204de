"""HTTP/1.1 towards one server (RFC 9112): a try of an exchange on a connection.

A `Try` writes the request, reads the response strictly and hands it over as soon as its head is there; it is the
sink of the request's content and the source of the response's. It gives the connection back to its pool only when
nothing is left over on either side.
"""

import sys
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from twisted_relay.errors import (
    BadResponse,
    ConnectionReset,
    EmptyResponse,
    IncompleteResponse,
    RelayError,
    ResponseTimeout,
    ServerError,
)
from twisted_relay.exchange import Exchange
from twisted_relay.http.body import BodyReader, BrokenContent, CloseReader, LengthReader, chunk, last_chunk
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import prepare_response
from twisted_relay.http.http1 import find_response_head, read_response, response_reader, write_request
from twisted_relay.http.message import Answered, Response
from twisted_relay.http.stream import Flow, Sink, Stream
from twisted_relay.net import splice
from twisted_relay.net.deadlines import NEVER
from twisted_relay.net.transport import Eager, in_flight, plain_socket
from twisted_relay.upstream.connection import UpstreamConnection

MAX_INFORMATIONAL = 32
"""Informational responses that one final response may be preceded by."""
CLIENT_IS_SLOW = 5.0
"""Seconds without anything from or to the client after which it is not the server's fault that it closes."""
SPLICE_FROM = 131072
"""Octets that must still come for a splice to be worth its pipe."""


@implementer(IPushProducer)
class Try:
    """One try of an exchange on one connection. Answers once: a response, or the error that stopped it.

    After the answer the stream of the response's content tells how it goes on.
    """

    __slots__ = (
        "_answered",
        "_blocked",
        "_buffer",
        "_client_moved",
        "_connection",
        "_exchange",
        "_excused_until",
        "_heard",
        "_informational",
        "_method",
        "_paused",
        "_producing",
        "_pump",
        "_reader",
        "_request_stream",
        "_response",
        "_stream",
        "_taken",
        "broke",
        "patience",
        "released",
        "reused",
        "server",
        "stream",
    )

    def __init__(self, exchange: Exchange, connection: UpstreamConnection, answered: Answered) -> None:
        self.server = connection.owner.server
        self.reused = connection.uses > 0
        self.stream = exchange.request.stream
        """What brings the rest of the request's content, if there is any."""
        self.patience = self.server.options.response_timeout
        """Seconds from the request sent to the head of the response."""
        self.released: Callable[[], None] | None = None
        """Called once, when the server has nothing more to do for this try."""
        self.broke: Callable[[ServerError], None] | None = None
        """Called when the server fails after its answer has begun."""
        self._exchange = exchange
        self._connection: UpstreamConnection | None = connection
        self._answered: Answered | None = answered
        self._method = exchange.request.method
        self._buffer = b""
        self._heard = False
        self._taken = -sys.maxsize  # octets of content that the server had taken when we last looked
        self._informational = 0
        self._response: Response | None = None
        self._reader: BodyReader | None = None
        self._stream: Stream | None = None
        self._request_stream: Stream | None = None
        self._producing = False
        self._blocked = False
        self._paused = False
        self._pump: splice.Pump | None = None
        self._client_moved = 0.0  # since when it is the client who is waited for, if it is
        self._excused_until = 0.0  # the server may close, because the client let it wait before

    def start(self, authority: bytes) -> None:
        """Write the request, as much as there is of it."""
        connection, exchange = self._connection, self._exchange
        assert connection is not None
        request = exchange.request
        connection.current = self
        connection.uses += 1
        now = connection.now()
        exchange.sent = self._client_moved = now
        connection.deadline = now + self.patience
        data = self._head(authority)
        stream = self.stream
        if request.length is None:
            data += chunk(request.content)
            if stream is None:
                data += last_chunk(request.trailers)
        elif request.content:
            data += request.content
        if stream is None:
            connection.write(data)
            return
        self._request_stream = stream
        self._producing = True
        cast(Any, connection.transport).registerProducer(self, True)
        connection.write(data)
        if self._connection is not None:
            stream.attach(self)
            if self._blocked and self._request_stream is not None:
                self._request_stream.pause()

    def _head(self, authority: bytes) -> bytes:
        request = self._exchange.request
        return write_request(request, authority, request.upgrade)

    # -- the sink of the request's content ------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """More of the request's content."""
        connection = self._connection
        if connection is None:
            return
        self._client_moved = connection.now()
        if self._response is None:
            connection.deadline = connection.now() + self.patience
        connection.write(chunk(data) if self._exchange.request.length is None else data)

    def end(self, data: bytes, trailers: Fields | None) -> None:
        """The request is complete."""
        self._request_stream = None
        connection = self._connection
        if connection is None:
            return
        self._stop_producing(connection)
        if self._exchange.request.length is None:
            data = chunk(data) + last_chunk(trailers)
        if data:
            connection.write(data)
        if self._response is None:
            now = connection.now()
            self._exchange.sent = now
            connection.deadline = now + self.patience

    def fail(self, error: RelayError) -> None:
        """The request will never be complete; whoever read it answers the client."""
        self._request_stream = None
        self._answered = None
        self._drop()

    def spliceable(self) -> Eager | None:
        """Uploads are not spliced: the client's side counts and limits them."""
        return None

    def pauseProducing(self) -> None:
        """The server reads slower than the client writes."""
        self._blocked = True
        if self._request_stream is not None:
            self._request_stream.pause()

    def resumeProducing(self) -> None:
        """The server has taken what was queued."""
        self._blocked = False
        connection = self._connection
        if connection is not None:
            self._client_moved = connection.now()
        if connection is not None and self._response is None:
            connection.deadline = connection.now() + self.patience
        if self._request_stream is not None:
            self._request_stream.resume()

    def stopProducing(self) -> None:
        """The transport is gone; `lost` follows."""

    # -- the response ---------------------------------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """Octets from the server."""
        if self._reader is not None:
            self._take_content(self._reader, data)
            return
        self._heard = True
        seen = len(self._buffer)
        buffer = self._buffer + data if seen else data
        try:
            while self._response is None and self._connection is not None and buffer:
                end = find_response_head(buffer, seen)
                if end < 0:
                    self._buffer = buffer
                    return
                response = read_response(buffer[:end], self._method)
                buffer = buffer[end + 4 :]
                seen = 0
                if response.status >= 200 or response.status == 101:
                    self._buffer = b""
                    self._take_response(response, buffer)
                    return
                self._take_informational(response)
        except ServerError as error:
            self._fail(error)
            return
        self._buffer = buffer

    def _take_informational(self, response: Response) -> None:
        self._informational += 1
        if self._informational > MAX_INFORMATIONAL:
            raise BadResponse("too many informational responses")
        prepare_response(response, trailers_pass=False)
        if response.status == 100 and self._exchange.tries > 1 and self._exchange.bytes_received:
            return  # it is for a try before this one that the client has waited
        if self._exchange.informational is not None:
            self._exchange.informational(response)

    def _take_response(self, response: Response, rest: bytes) -> None:
        exchange, connection = self._exchange, self._connection
        assert connection is not None
        now = connection.now()
        exchange.first_byte = now
        codes = self.server.counters.codes
        codes[response.status] = codes.get(response.status, 0) + 1
        if response.status == 101:
            self._upgrade(response, rest)
            return
        self._response = response
        reader = response_reader(response, self._method)
        content, left = b"", rest
        complete = reader is None
        if reader is not None:
            content, maybe_left = self._feed(reader, rest)
            complete = maybe_left is not None
            left = maybe_left or b""
        prepare_response(response, trailers_pass=exchange.request.wants_trailers)
        if exchange.origin.via:
            response.fields.lines.append(exchange.origin.via_line)
        response.content = content
        if complete:
            if reader is not None:
                response.trailers = reader.trailers
                response.length = len(content)
            self._finish_connection(left, reader)
            self._answer(response)
            return
        self._reader = reader
        self._stream = response.stream = Stream(self)
        connection.deadline = now + self.server.options.idle_timeout
        self._answer(response)

    def _feed(self, reader: BodyReader, data: bytes) -> tuple[bytes, bytes | None]:
        if not data:
            return b"", None
        try:
            return reader.feed(data)
        except BrokenContent as error:
            raise BadResponse(str(error)) from error

    def _take_content(self, reader: BodyReader, data: bytes) -> None:
        connection, stream = self._connection, self._stream
        assert connection is not None
        try:
            content, left = self._feed(reader, data)
        except BadResponse as error:
            self._fail(error)
            return
        if left is None:
            if not self._paused:
                connection.deadline = connection.now() + self.server.options.idle_timeout
            if content and stream is not None:
                stream.write(content)
            return
        self._stream = None
        self._finish_connection(left, reader)
        if stream is not None:
            stream.end(content, reader.trailers)

    def _upgrade(self, response: Response, rest: bytes) -> None:
        if not self._exchange.request.upgrade:
            raise BadResponse("101 without a request to upgrade")
        connection = self._connection
        assert connection is not None
        upgrade = response.fields.get(b"upgrade")
        prepare_response(response, trailers_pass=False)
        if upgrade:
            response.fields.set(b"Upgrade", upgrade)
        released, self.released = self.released, None
        connection.current = None
        self._connection = None
        connection.owner.lost(connection)
        response.upgraded = Upgraded(connection.transport, rest, self.server.options.tunnel_timeout, released)
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(response)

    def _answer(self, response: Response) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(response)
        elif response.stream is not None:
            response.stream.cancel()

    # -- the source of the response's content ---------------------------------------------------------------------

    def pause(self) -> None:
        """The client reads slower than the server writes: from now on time is the client's."""
        connection = self._connection
        if connection is not None and not self._paused:
            self._paused = True
            self._client_moved = connection.now()
            connection.deadline = NEVER
            cast(Any, connection.transport).pauseProducing()

    def resume(self) -> None:
        """The client takes more."""
        connection = self._connection
        if connection is not None and self._paused:
            self._paused = False
            now = connection.now()
            if now - self._client_moved >= CLIENT_IS_SLOW:
                self._excused_until = now + CLIENT_IS_SLOW
            connection.deadline = now + self.server.options.idle_timeout
            cast(Any, connection.transport).resumeProducing()

    def cancel(self) -> None:
        """Nobody wants the response, or the rest of it."""
        self._answered = None
        self._stream = None
        self._drop()

    def splice(self, sink: Sink) -> Flow | None:
        """Move the rest inside the kernel, if it is long enough and both sides are plain sockets."""
        reader, connection = self._reader, self._connection
        if not isinstance(reader, LengthReader) or reader.remaining < SPLICE_FROM or connection is None:
            return None
        if self._paused or self._request_stream is not None or not splice.AVAILABLE:
            return None
        source = plain_socket(connection.transport)
        target = sink.spliceable()
        if source is None or not isinstance(target, Eager):
            return None
        try:
            self._pump = splice.Pump(source, target, reader.remaining, self._spliced)
        except OSError:
            return None  # no descriptors left for a pipe: go on by copying
        return self._pump

    def _spliced(self, moved: int) -> None:
        """All of the content has gone through the pipe."""
        self.server.counters.bytes_received += moved
        stream, self._stream = self._stream, None
        self._pump = None
        self._finish_connection(b"", self._reader)
        if stream is not None:
            stream.end()

    # -- the end --------------------------------------------------------------------------------------------------

    def lost(self, *, in_order: bool) -> None:
        """The connection is gone; a reset is never the end of a response."""
        reader, stream = self._reader, self._stream
        if in_order and reader is not None and reader.end_of_input():
            self._stream = None
            self._detach()
            self._release()
            if stream is not None:
                stream.end()
            return
        error: ServerError
        if self._heard:
            error = IncompleteResponse("the server closed the connection in the middle of its response")
        else:
            closed = "the server closed the connection without a response"
            error = EmptyResponse(closed) if in_order else ConnectionReset(closed)
        error.is_held_against_servers = not self._waited_for_client()
        self._fail(error)

    def _waited_for_client(self) -> bool:
        """Whether the server had to wait so long for the client that it may have given it up."""
        connection = self._connection
        assert connection is not None
        now = connection.now()
        if now < self._excused_until or (self._pump is not None and self._pump.waits):
            return True
        return (self.waits_for_client or self._paused) and now - self._client_moved >= CLIENT_IS_SLOW

    def expired(self, now: float) -> None:
        """No response, or no more of it, in time."""
        connection = self._connection
        assert connection is not None
        if self._pump is not None and (self._pump.has_moved() or self._pump.waits):
            connection.deadline = now + self.server.options.idle_timeout
        elif self.waits_for_client or self._upload_moves(connection):
            connection.deadline = now + self.patience
        else:
            self._fail(ResponseTimeout("no response in time" if self._response is None else "the response stalled"))

    @property
    def waits_for_client(self) -> bool:
        """Whether it is the client's turn: the server takes more of the content than there is."""
        return self._request_stream is not None and not self._blocked and not self._owes_continue()

    def _owes_continue(self) -> bool:
        """Whether the client waits for the server to say 100, and the server says nothing."""
        exchange = self._exchange
        return exchange.request.expects_continue and not self._informational and not exchange.bytes_received

    def _upload_moves(self, connection: UpstreamConnection) -> bool:
        """Whether the server has taken something of the request since the last look."""
        if self._request_stream is None and not connection.has_unsent:
            return False
        before, self._taken = self._taken, self._exchange.bytes_received - sum(in_flight(connection.transport))
        return self._taken > before

    def _finish_connection(self, left: bytes, reader: BodyReader | None) -> None:
        """The response is complete: keep the connection if nothing is left over, on either side."""
        response = self._response
        assert response is not None
        clean = not left and self._request_stream is None and not (self._connection and self._connection.has_unsent)
        reusable = clean and response.keep_alive and response.minor == 1 and not isinstance(reader, CloseReader)
        reusable = reusable and not self._exchange.request.claims_connection
        connection = self._detach()
        if connection is not None and not connection.gone:
            if self._paused:
                self._paused = False
                cast(Any, connection.transport).resumeProducing()
            if reusable:
                connection.owner.give_back(connection)
            else:
                connection.owner.lost(connection)
                if clean:
                    connection.close()
                else:
                    connection.abort()
        self._release()  # only now, so that whoever waits for the server finds the connection

    def _fail(self, error: ServerError) -> None:
        """The server failed: say so, before the answer or in the middle of the content."""
        answered, self._answered = self._answered, None
        stream, self._stream = self._stream, None
        self._cut()
        try:
            if answered is not None:
                answered(error)
            elif stream is not None:
                if self.broke is not None and error.is_held_against_servers:
                    self.broke(error)
                stream.fail(error)
        finally:
            self._release()  # only now: another try at the same server keeps the place

    def _drop(self) -> None:
        """Let go of everything: nobody wants the rest."""
        self._cut()
        self._release()

    def _cut(self) -> None:
        """End the connection: its state is unknown."""
        connection = self._detach()
        if connection is not None and not connection.gone:
            connection.owner.lost(connection)
            connection.abort()

    def _release(self) -> None:
        released, self.released = self.released, None
        if released is not None:
            released()

    def _detach(self) -> UpstreamConnection | None:
        connection, self._connection = self._connection, None
        self._reader = None
        if connection is None:
            return None
        pump, self._pump = self._pump, None
        if pump is not None:
            self.server.counters.bytes_received += pump.moved
            pump.stop()
        self._stop_producing(connection)
        connection.current = None
        connection.deadline = NEVER
        stream, self._request_stream = self._request_stream, None
        if stream is not None:
            stream.cancel()
        return connection

    def _stop_producing(self, connection: UpstreamConnection) -> None:
        if self._producing:
            self._producing = False
            cast(Any, connection.transport).unregisterProducer()


class Upgraded:
    """The server's side of a tunnel."""

    __slots__ = ("_released", "early", "ends_at", "idle_timeout", "transport")

    def __init__(
        self, transport: object, early: bytes, idle_timeout: float, released: Callable[[], None] | None
    ) -> None:
        self.transport = transport
        self.early = early
        self.idle_timeout = idle_timeout
        self.ends_at = NEVER
        self._released = released

    def closed(self) -> None:
        """The tunnel has ended: until now the server was busy with it."""
        released, self._released = self._released, None
        if released is not None:
            released()
