"""A request to a `twisted.web.server.Site` on its way to a backend, and the answer back out through the site.

twisted.web has read the request, with its content, and frames the response. What it has read is read again by our
own strict reader, so that nothing ambiguous reaches a server.
"""

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from twisted.web import server
from twisted.web.client import FileBodyProducer
from zope.interface import implementer

from twisted_relay.downstream.answers import answer_in_exchange
from twisted_relay.downstream.forward_answers import Answers
from twisted_relay.errors import ClientAbort, RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.http1 import read_request
from twisted_relay.http.message import Answer, Request, Response
from twisted_relay.http.stream import Stream
from twisted_relay.web.traffic import Traffic
from twisted_relay.web.upload import Upload

MAX_CONTENT_AT_ONCE = 65536
"""Octets of request content that are read into memory; more is read from the site's file as it is sent."""


def read_site_request(site: server.Request) -> Request:
    """The request, without content, with the target as it came. Raises a `ClientError`."""
    version = b"HTTP/1.0" if site.clientproto == b"HTTP/1.0" else b"HTTP/1.1"
    lines = [b"%b %b %b" % (site.method, site.uri, version)]
    for name, values in site.requestHeaders.getAllRawHeaders():
        lines += [b"%b: %b" % (name, value) for value in values]
    request = read_request(b"\r\n".join(lines))
    request.upgrade = b""  # neither upgrades nor trailers pass through a site
    request.wants_trailers = False
    if request.expects_continue:
        request.expects_continue = False
        request.drop = sorted({*request.drop, *_lines_of(request, b"expect")})  # the site has said 100 Continue
    return request


def _lines_of(request: Request, name: bytes) -> list[int]:
    return [index for index, line in enumerate(request.fields.lines) if line.partition(b":")[0].lower() == name]


def origin_of(site: server.Request, via: bytes, *, hidden: bool = False) -> Origin:
    """Who the request comes from; `hidden`: nobody is told."""
    address = site.getClientAddress()
    client = address.host if isinstance(address, IPv4Address | IPv6Address) else ""
    proto = b"https" if site.isSecure() else b"http"
    return Origin(client, proto, getattr(site.getHost(), "port", 0), via, hidden=hidden)


@implementer(IPushProducer)
class SiteExchange:
    """One exchange of a resource: reads the content of the site's request and writes its response."""

    def __init__(self, site: server.Request, origin: Origin, now: float, answers: Answers = answer_in_exchange) -> None:
        """`answers` puts errors into words."""
        self._site = site
        self._answers = answers
        self._exchange = Exchange(Request(b"", b"", Fields()), origin, now)
        self._now = now
        self._traffic: Traffic | None = None
        self._upload: Upload | None = None
        self._stream: Stream | None = None
        self._is_answered = False
        self._is_over = False
        self._is_blocked = False
        self._is_producing = False
        site.notifyFinish().addErrback(self._client_left)

    @property
    def exchange(self) -> Exchange:
        """What is known of it."""
        return self._exchange

    def forward(self, request: Request, traffic: Traffic) -> None:
        """Send the request, whose fields are those that a server shall see."""
        exchange, site = self._exchange, self._site
        exchange.request = request
        exchange.request_line = (site.method, site.uri)
        self._traffic = traffic
        content: Any = site.content
        producer = FileBodyProducer(content)
        exchange.bytes_received = request.length = int(producer.length)
        if request.length > MAX_CONTENT_AT_ONCE:
            self._upload = Upload(producer, self._upload_failed)
            self._upload.start(request)
        else:
            request.content = content.read()
        traffic.forward(exchange, self)

    # -- who waits for the answer ---------------------------------------------------------------------------------

    def answered(self, answer: Answer) -> None:
        """See `Caller`; also for requests that were never forwarded."""
        if self._is_over or self._is_answered:
            return
        exchange, site = self._exchange, self._site
        self._is_answered = True
        if isinstance(answer, RelayError):
            exchange.error = answer
            answer = self._answers(answer, exchange)
        exchange.response = answer
        exchange.code = answer.status
        stream = answer.stream
        if stream is not None and (site.method == b"HEAD" or answer.status in (204, 304)):
            stream.cancel()
            stream = None
        self._write_head(answer, is_complete=stream is None)
        self._write(answer.content)
        if stream is None:
            self._finish()
            return
        self._stream = stream
        self._is_producing = True
        site.registerProducer(self, True)
        stream.attach(self)
        if self._is_blocked and self._stream is not None:
            self._stream.pause()

    def cut(self, error: RelayError) -> None:
        """See `Caller`."""
        stream, self._stream = self._stream, None
        if self._is_answered:
            if stream is not None:
                stream.cancel()
            self.fail(error)
        else:
            self._exchange.abandon()
            self.answered(error)

    def _client_left(self, failure: Failure) -> None:
        if self._is_over:
            return
        self._exchange.error = ClientAbort("the client left")
        if not self._is_answered:
            self._exchange.code = ClientAbort.status
        stream, self._stream = self._stream, None
        self._exchange.abandon()
        if stream is not None:
            stream.cancel()
        self._end()

    def _upload_failed(self, failure: Failure) -> None:
        self.cut(RelayError(f"the content could not be read: {failure.getErrorMessage()}"))

    # -- the response ---------------------------------------------------------------------------------------------

    def _write_head(self, response: Response, *, is_complete: bool) -> None:
        site = self._site
        site.setResponseCode(response.status, response.reason)
        site.defaultContentType = None
        site.responseHeaders.removeHeader(b"Server")
        values: dict[bytes, list[bytes]] = {}
        for name, value in response.fields:
            values.setdefault(name.lower(), []).append(value)
        for name, each in values.items():
            site.responseHeaders.setRawHeaders(name, each)
        length = response.length
        if is_complete and site.method != b"HEAD" and response.status != 304:
            length = len(response.content)
        if length is not None and response.status != 204:
            site.responseHeaders.setRawHeaders(b"Content-Length", [b"%d" % length])
        site.write(b"")

    def _write(self, data: bytes) -> None:
        if data:
            self._exchange.bytes_sent += len(data)
            self._site.write(data)

    def write(self, data: bytes) -> None:
        """See `Sink`."""
        if not self._is_over:
            self._write(data)

    def end(self, data: bytes, trailers: Fields | None) -> None:
        """See `Sink`."""
        if not self._is_over:
            self._stream = None
            self._write(data)
            self._finish()

    def fail(self, error: RelayError) -> None:
        """See `Sink`: the client must not take the response for a whole one (RFC 9112 §8)."""
        if self._is_over:
            return
        self._stream = None
        self._exchange.error = error
        self._end()
        channel: Any = self._site.channel
        abort = getattr(channel, "abortConnection", None)  # of one stream of HTTP/2
        if abort is None:
            transport: Any = self._site.transport
            abort = getattr(transport, "abortConnection", transport.loseConnection)
        abort()

    def spliceable(self) -> None:
        """See `Sink`: the site frames what it sends."""

    def _finish(self) -> None:
        self._end()
        self._site.finish()

    def _end(self) -> None:
        self._is_over = True
        if self._is_producing:
            self._is_producing = False
            if self._site.channel is not None:
                self._site.unregisterProducer()
        if self._upload is not None:
            self._upload.cancel()
        now = self._now if self._traffic is None else self._traffic.backend.now()
        self._exchange.finish(now)

    # -- the producer of the response -----------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """The client reads slower than the server writes."""
        self._is_blocked = True
        if self._stream is not None:
            self._stream.pause()

    def resumeProducing(self) -> None:
        """The client takes more."""
        self._is_blocked = False
        if self._stream is not None:
            self._stream.resume()

    def stopProducing(self) -> None:
        """The client's connection is gone; `notifyFinish` says so too."""
