"""HTTP/1.1 towards one client (RFC 9112): requests in order, answers in order, content streamed both ways.

One exchange at a time: what a client pipelines waits, up to a limit, until the one before it is finished. The
connection is the source of the request's content and the sink of the response's. It does not know where an
answer comes from.
"""

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_relay.downstream.connection import LINGER_TIME, ClientConnection
from twisted_relay.downstream.framing import framing_of
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.errors import (
    BadRequest,
    ClientAbort,
    ClientError,
    ContentTooLarge,
    NoRoute,
    RelayError,
    RequestTimeout,
    ShuttingDown,
)
from twisted_relay.exchange import Exchange
from twisted_relay.http.body import BodyReader, BrokenContent, LengthReader, chunk, last_chunk
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.http1 import find_request_head, request_reader, write_status_line
from twisted_relay.http.message import Answer, Request, Response
from twisted_relay.http.stream import Flow, Sink, Stream
from twisted_relay.net.deadlines import NEVER
from twisted_relay.net.transport import Eager, plain_socket

MAX_PIPELINED = 65536
"""Octets of further requests that are read while one is being answered."""
MAX_DRAINED = 65536
"""Octets of request content that are read and dropped, after an early answer, to keep the connection."""
MIN_BODY_PROGRESS = 256
"""Octets of a request's content that must come within `body_timeout`: one octet a minute is no progress."""


@implementer(IHalfCloseableProtocol)
class HTTP1Connection(ClientConnection):
    """A client's connection that speaks HTTP/1.1."""

    def __init__(self, listener: Listener, origin: Origin) -> None:
        super().__init__(listener, origin)
        self._buffer = b""
        self._seen = 0  # octets of the buffer that are known not to complete a head
        self._empty_line = False  # one empty line before a request is allowed
        self._started = 0.0  # when the first octet of the next request came
        self._requests = 0
        self._exchange: Exchange | None = None
        self._reader: BodyReader | None = None  # reads what is left of the request's content
        self._max_body = 0
        self._body_seen = 0  # `bytes_received` when the deadline for the body was set
        self._head_written = False
        self._chunked = False
        self._keep_open = True
        self._stream: Stream | None = None  # the response's content, while it comes
        self._serving = False
        self._draining = False  # dropping the rest of a request's content
        self._half_closed = False  # the client sends no more but waits for its answers

    # -- Twisted's side -------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Octets from the client."""
        self._listener.counters.bytes_received += len(data)
        if self._exchange is None:
            if self._ending:
                self._linger(len(data))
            elif self._draining:
                self._drain(data)
            else:
                self._buffer = self._buffer + data if self._buffer else data
                self._serve()
                if self._blocked and len(self._buffer) > MAX_PIPELINED:
                    self._pause_input()
        elif self._reader is not None:
            self._take_content(data)
        else:
            self._buffer += data
            if len(self._buffer) > MAX_PIPELINED:
                self._pause_input()

    def readConnectionLost(self) -> None:
        """The client will send no more. Whether it still wants an answer is for the listener to say."""
        waiting = self._reader is None and (self._exchange is not None or (self._blocked and bool(self._buffer)))
        if waiting and self._listener.options.half_close == "serve":
            self._half_closed = True
            self._keep_open = self._keep_open and bool(self._buffer)
            return
        self._ending = True
        if self._exchange is not None:
            self._out.abortConnection()
        else:
            self._lose()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone, whoever ended it."""
        self._listener.disconnected(self, self._origin.client)
        if self._handshaking:
            self._listener.counters.handshakes["failure"] += 1
        self._ending = True
        self._buffer = b""
        exchange = self._exchange
        if exchange is None:
            return
        self._exchange = None
        error = exchange.error or ClientAbort("the client left")
        exchange.error = error
        if not self._head_written:
            exchange.code = error.status
        self._count_flow(exchange)
        self._let_go(exchange, error)
        exchange.finish(self._listener.now())

    def pauseProducing(self) -> None:
        """The client reads slower than we write."""
        super().pauseProducing()
        if self._stream is not None:
            self._stream.pause()

    def resumeProducing(self) -> None:
        """The client has taken everything that was queued."""
        super().resumeProducing()
        if self._stream is not None:
            self._stream.resume()
        if self._ending:
            return
        if self._exchange is None:
            self.deadline = self._listener.now() + self._listener.options.idle_timeout
            self._resume_input()
            self._serve()
        elif self._reader is not None:
            self._await_content(self._exchange)
        else:
            self.deadline = NEVER

    # -- requests -------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        """Begin as many exchanges as the buffer holds and the answers allow: none while answers wait to be taken."""
        if self._serving or self._blocked:
            return
        self._serving = True
        try:
            while self._buffer and self._exchange is None and not self._ending and not self._draining:
                if self._blocked or not self._begin():
                    break
        finally:
            self._serving = False
        if self._half_closed and self._exchange is None and not self._ending and not self._blocked:
            self._close(self._listener.now())

    def _begin(self) -> bool:
        """Read one head and give its exchange to the route; False if the head is not complete, or bad."""
        listener = self._listener
        buffer = self._buffer
        if not self._started:
            self._started = listener.now()
            if buffer[0] == 13 and not self._empty_line:
                if buffer == b"\r":
                    self._started = 0.0
                    return False
                if buffer[1] == 10:
                    self._empty_line = True
                    self._started = 0.0
                    self._buffer = buffer[2:]
                    return True
        try:
            end = find_request_head(buffer, listener.limits, self._seen)
            if end < 0:
                if not self._seen:
                    self.deadline = self._started + listener.options.header_timeout
                self._seen = len(buffer)
                return False
            request = listener.read_request(buffer[:end], listener.limits.max_fields)
        except ClientError as error:
            self._refuse(error)
            return False
        self._seen = 0
        self._empty_line = False
        self._open_exchange(request, buffer[end + 4 :])
        return True

    def _open_exchange(self, request: Request, rest: bytes) -> None:
        listener = self._listener
        exchange = Exchange(request, self._origin, self._started)
        exchange.listener = listener.name
        exchange.observers = listener.observers
        exchange.informational = self._informational
        self._exchange = exchange
        self._head_written = False
        self._started = 0.0
        self._requests += 1
        listener.counters.active_requests += 1
        self._keep_open = (
            request.keep_alive and not listener.draining and self._requests != listener.options.max_requests
        )
        self.deadline = NEVER
        try:
            if request.length == 0:
                self._buffer = rest
            else:
                self._read_content(exchange, request, rest)
            if self._half_closed and not self._buffer:
                self._keep_open = False
            plan = self._choose(exchange)
            exchange.request_id = listener.prepare_request(request, self._origin)
        except RelayError as error:
            self._keep_open = self._keep_open and not isinstance(error, BadRequest | ContentTooLarge)
            self._answer(error)
            return
        plan.destination(exchange, self._answer)

    def _choose(self, exchange: Exchange) -> Plan:
        """The plan of the route that takes the request, and what it allows."""
        request = exchange.request
        route = self._listener.router.find(request, self._origin.client)
        if route is None:
            raise NoRoute("no route takes the request")
        plan = route.destination
        exchange.route = plan.route
        if request.upgrade and not plan.allows_upgrade(request.upgrade):
            request.upgrade = b""
        self._max_body = plan.max_body
        if plan.max_body and max(request.length or 0, exchange.bytes_received) > plan.max_body:
            raise ContentTooLarge("the content is above max_body")
        return plan

    def _read_content(self, exchange: Exchange, request: Request, rest: bytes) -> None:
        """Take what has come of the request's content; the stream brings the rest."""
        reader = request_reader(request)
        assert reader is not None
        self._buffer = b""
        self._reader = reader
        self._max_body = 0
        request.upgrade = b""
        left: bytes | None = None
        if rest:
            request.content, left = self._feed(exchange, reader, rest)
        if left is None:
            request.stream = Stream(self)
            if not request.expects_continue:
                self._await_content(exchange)
            return
        self._end_of_content(left)
        request.trailers = reader.trailers
        if request.trailers is None:
            request.length = len(request.content)

    def _feed(self, exchange: Exchange, reader: BodyReader, data: bytes) -> tuple[bytes, bytes | None]:
        try:
            content, left = reader.feed(data)
        except BrokenContent as error:
            raise BadRequest(str(error)) from error
        exchange.bytes_received += len(content)
        if self._max_body and exchange.bytes_received > self._max_body:
            raise ContentTooLarge("the content is above max_body")
        return content, left

    def _await_content(self, exchange: Exchange) -> None:
        self._body_seen = exchange.bytes_received
        self.deadline = self._listener.now() + self._listener.options.body_timeout

    def _take_content(self, data: bytes) -> None:
        """More of the request's content."""
        exchange, reader = self._exchange, self._reader
        assert exchange is not None and reader is not None
        stream = exchange.request.stream
        try:
            content, left = self._feed(exchange, reader, data)
        except ClientError as error:
            self._reader = None
            self._keep_open = False
            self._ending = True  # it goes on sending: linger after the answer
            self._fail_request(error)
            return
        if self.deadline is NEVER and not self._blocked:
            self._await_content(exchange)
        if left is not None:
            self._end_of_content(left)
            if stream is not None:
                stream.end(content, reader.trailers)
        elif content and stream is not None:
            stream.write(content)

    def _end_of_content(self, left: bytes) -> None:
        self._reader = None
        self._buffer = left
        if not self._blocked:
            self.deadline = NEVER

    def _fail_request(self, error: ClientError) -> None:
        """The request cannot be completed: answer if that is still possible, else cut the connection."""
        exchange = self._exchange
        assert exchange is not None
        stream, exchange.request.stream = exchange.request.stream, None
        if self._head_written:
            exchange.error = error
            self._out.abortConnection()
            return
        exchange.abandon()
        if stream is not None:
            stream.fail(error)
        if self._exchange is exchange and not self._head_written:
            self._answer(error)

    def _refuse(self, error: ClientError) -> None:
        """Answer something that never became a request."""
        listener = self._listener
        exchange = Exchange(Request(b"", b"", Fields()), self._origin, self._started or listener.now())
        exchange.listener = listener.name
        exchange.observers = listener.observers
        self._exchange = exchange
        self._head_written = False
        self._buffer = b""
        self._started = 0.0
        self._seen = 0
        self._keep_open = False
        self._ending = True
        listener.counters.active_requests += 1
        self._answer(error)

    # -- the source of the request's content ----------------------------------------------------------------------

    def pause(self) -> None:
        """The server takes no more for now."""
        self._pause_input()

    def resume(self) -> None:
        """The server takes more."""
        self._resume_input()
        if self._reader is not None and self._exchange is not None:
            self._await_content(self._exchange)

    def cancel(self) -> None:
        """Nobody wants the rest of the content; what still comes is dropped."""
        self._resume_input()

    def splice(self, sink: Sink) -> Flow | None:
        """Uploads pass through us: their length and progress are watched here."""
        return None

    # -- answers --------------------------------------------------------------------------------------------------

    def _informational(self, response: Response) -> None:
        """Pass a 1xx response on (RFC 9110 §15.2); HTTP/1.0 clients do not know them."""
        exchange = self._exchange
        if exchange is None or self._head_written or not exchange.request.minor:
            return
        if response.status == 100:
            if not exchange.request.expects_continue:
                return
            if self._reader is not None:
                self._await_content(exchange)
        self._write(exchange, self._head(response, b"\r\n"))

    def _answer(self, answer: Answer) -> None:
        """Write the answer of the current exchange, or begin to."""
        exchange = self._exchange
        if exchange is None or self._head_written:
            return
        exchange.cancel = None
        if isinstance(answer, RelayError):
            exchange.error = answer
            answer = self._listener.answer(answer, exchange)
        exchange.response = response = answer
        exchange.code = response.status
        self._head_written = True
        if response.upgraded is not None:
            self._switch(exchange, response)
            return
        request, stream = exchange.request, response.stream
        head_only = request.method == b"HEAD" or response.status in (204, 304)
        if head_only and stream is not None:
            stream.cancel()
            stream = response.stream = None
        keep_open = self._keep_open and (self._reader is None or self._can_drain(request))
        framing, self._chunked, self._keep_open = framing_of(request, response, keep_open=keep_open)
        data = self._head(response, framing)
        if not head_only:
            data += chunk(response.content) if self._chunked else response.content
        if stream is None:
            if self._chunked:
                data += last_chunk(response.trailers)
            self._write(exchange, data)
            self._finish(exchange)
            return
        self._stream = stream
        self._write(exchange, data)
        stream.attach(self)
        if self._blocked and self._stream is not None:
            self._stream.pause()

    def _head(self, response: Response, framing: bytes) -> bytes:
        lines = response.fields.lines
        if not lines:
            return write_status_line(response.status, response.reason) + framing
        return b"%b%b\r\n%b" % (write_status_line(response.status, response.reason), b"\r\n".join(lines), framing)

    def _can_drain(self, request: Request) -> bool:
        """Whether the rest of the request's content will certainly come, and is small enough to be dropped."""
        reader = self._reader
        return isinstance(reader, LengthReader) and reader.remaining <= MAX_DRAINED and not request.expects_continue

    def _write(self, exchange: Exchange, data: bytes) -> None:
        exchange.bytes_sent += len(data)
        self._out.write(data)

    # -- the sink of the response's content -----------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """More of the response's content."""
        exchange = self._exchange
        if exchange is None:
            return
        self._write(exchange, chunk(data) if self._chunked else data)
        if self._stream is not None and not self._blocked:
            self._flow = self._stream.splice()
            if self._flow is not None:
                self._watch_sending()

    def end(self, data: bytes, trailers: Fields | None) -> None:
        """The response is complete."""
        exchange = self._exchange
        if exchange is None:
            return
        self._stream = None
        self._count_flow(exchange)
        if self._chunked:
            data = chunk(data) + last_chunk(trailers if exchange.request.wants_trailers else None)
        if data:
            self._write(exchange, data)
        self._finish(exchange)

    def fail(self, error: RelayError) -> None:
        """The response will never be complete: the client must not take it for one (RFC 9112 §8)."""
        exchange = self._exchange
        if exchange is None:
            return
        self._stream = None
        exchange.error = error
        self._out.abortConnection()

    def spliceable(self) -> Eager | None:
        """Our transport, if content goes into it unchanged and nothing is queued."""
        return None if self._chunked else plain_socket(self.transport)

    # -- the end of an exchange -----------------------------------------------------------------------------------

    def _finish(self, exchange: Exchange) -> None:
        """The answer is written; go on with the next request or close."""
        listener = self._listener
        now = listener.now()
        self._exchange = None
        listener.counters.active_requests -= 1
        stream, exchange.request.stream = exchange.request.stream, None
        if stream is not None:
            stream.cancel()
        exchange.finish(now)
        if not self._keep_open or self._ending or listener.draining:
            self._close(now)
            return
        if self._input_paused:
            self._resume_input()
        if not self._blocked:
            self.deadline = now + listener.options.idle_timeout
        if self._reader is not None:
            self._draining = True
        elif self._buffer or self._half_closed:
            self._serve()

    def _let_go(self, exchange: Exchange, error: RelayError) -> None:
        """The client is gone: whoever worked for it can stop."""
        self._listener.counters.active_requests -= 1
        request_stream, exchange.request.stream = exchange.request.stream, None
        response_stream, self._stream = self._stream, None
        self._reader = None
        exchange.abandon()
        if request_stream is not None:
            request_stream.fail(error)
        if response_stream is not None:
            response_stream.cancel()

    def _count_flow(self, exchange: Exchange) -> None:
        if self._flow is not None:
            exchange.bytes_sent += self._flow.moved
            self._flow = None

    def _drain(self, data: bytes) -> None:
        """Drop the rest of a request's content after an early answer."""
        assert self._reader is not None
        _, left = self._reader.feed(data)
        if left is not None:
            self._draining = False
            self._reader = None
            self._buffer = left
            self._serve()

    def _close(self, now: float) -> None:
        """Nothing more is served here."""
        still_sending = self._reader is not None or bool(self._buffer) or self._ending
        self._reader = None
        self._buffer = b""
        if still_sending:
            self._close_lingering(now)
        else:
            self._close_in_order(now)

    # -- upgrades -------------------------------------------------------------------------------------------------

    def _switch(self, exchange: Exchange, response: Response) -> None:
        """Answer 101, or 200 to CONNECT, and become a tunnel (RFC 9110 §7.8, §9.3.6); the exchange lasts as long."""
        upgraded = response.upgraded
        assert upgraded is not None
        framing = b"\r\n"
        if response.status == 101:
            protocols = response.fields.get(b"upgrade") or exchange.request.upgrade
            response.fields.remove(b"upgrade")
            framing = b"Connection: Upgrade\r\nUpgrade: %b\r\n\r\n" % protocols
        self._write(exchange, self._head(response, framing) + upgraded.early)
        early, self._buffer = self._buffer, b""
        self._exchange = None
        self._tie(exchange, upgraded, early)

    # -- time -----------------------------------------------------------------------------------------------------

    def expired(self, now: float) -> None:
        """The deadline has passed: what it was for depends on where we are."""
        options = self._listener.options
        if self._ending:
            self._check_end(now)
        elif self._blocked or self._flow is not None:
            if self._has_progressed():
                self.deadline = now + options.send_timeout
            else:
                self._abort()
        elif self._exchange is None:
            if self._started:
                self._refuse(RequestTimeout("the head did not arrive in time"))
            else:
                self._close_in_order(now)
        elif self._reader is not None and not self._input_paused:
            self._check_body_progress(self._exchange, now)
        else:
            self.deadline = NEVER

    def _check_body_progress(self, exchange: Exchange, now: float) -> None:
        if exchange.bytes_received - self._body_seen >= MIN_BODY_PROGRESS:
            self._await_content(exchange)
            return
        self._reader = None
        self._keep_open = False
        self._ending = True
        self.deadline = now + LINGER_TIME
        self._fail_request(RequestTimeout("the content did not arrive in time"))

    def _abort(self) -> None:
        if self._exchange is not None and self._exchange.error is None:
            self._exchange.error = RequestTimeout("the client did not take the response in time")
        self._cut()

    # -- shutdown -------------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Take no more requests; close now if none is running."""
        self._keep_open = False
        if self._exchange is None and not self._ending and not self._tunnelled:
            self._say_goodbye()

    def abort(self) -> None:
        """End at once: the grace period is over."""
        if self._exchange is not None and self._exchange.error is None:
            self._exchange.error = ShuttingDown("the daemon stops")
        self._abort()
