"""A response as `IResponse`, and its body on the way to a protocol, with back-pressure."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from twisted.internet.defer import AlreadyCalledError
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IProtocol, IPushProducer, IReactorTime, ITransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IClientRequest, IResponse
from zope.interface import implementer

from twisted_relay.errors import RelayError
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Response
from twisted_relay.web.failures import incomplete_response


@implementer(IClientRequest)
@dataclass(frozen=True, slots=True)
class SentRequest:
    """What was asked for."""

    method: bytes
    absoluteURI: bytes
    headers: Headers


@implementer(IResponse)
class AgentResponse:
    """A response; `finished` is called once, when its body has ended in whatever way."""

    def __init__(
        self, response: Response, request: SentRequest, reactor: IReactorTime, finished: Callable[[], None]
    ) -> None:
        self.version = (b"HTTP", 1, response.minor)
        self.code = response.status
        self.phrase = response.reason
        self.request = request
        self.previousResponse: IResponse | None = None
        self.headers = Headers()
        for name, value in response.fields:
            self.headers.addRawHeader(name, value)
        has_body = response.stream is not None or bool(response.content)
        self.length: int | str = 0
        if has_body:
            self.length = UNKNOWN_LENGTH if response.length is None else response.length
        elif response.length is not None and request.method == b"HEAD":
            self.headers.setRawHeaders(b"Content-Length", [b"%d" % response.length])
        self._body = Body(response, self, reactor, finished)

    def setPreviousResponse(self, response: IResponse) -> None:
        """See `IResponse`."""
        self.previousResponse = response

    def deliverBody(self, protocol: IProtocol) -> None:
        """See `IResponse`. Until then the server is kept waiting: a response that nobody reads holds a connection."""
        self._body.deliver_to(protocol)

    def fail(self, error: RelayError) -> None:
        """The body will not be complete, for a reason that lies with us."""
        self._body.cut(error)


@implementer(IPushProducer)
class Body:
    """The body of a response: the sink of its stream, and the transport of the protocol that reads it."""

    def __init__(
        self, response: Response, owner: AgentResponse, reactor: IReactorTime, finished: Callable[[], None]
    ) -> None:
        self._owner = owner
        self._reactor = reactor
        self._finished = finished
        self._stream = response.stream
        self._held = [response.content] if response.content else []
        self._ending: Failure | None = None  # how it ends, once that is known
        self._ends_with_connection = response.length is None and not response.chunked
        self._protocol: IProtocol | None = None
        self._is_delivered = False
        self._is_paused = False
        if self._stream is None:
            self._conclude(Failure(ResponseDone()))

    def deliver_to(self, protocol: IProtocol) -> None:
        """Deliver everything so far and from now on; raises `RuntimeError` the second time."""
        if self._is_delivered:
            raise RuntimeError("the body has been delivered, or is on its way")
        self._is_delivered = True
        self._protocol = protocol
        protocol.makeConnection(cast(ITransport, self))
        self._flush()
        stream = self._stream
        if stream is not None:
            stream.attach(self)
            if self._is_paused and self._stream is not None:
                stream.pause()

    # -- the sink of the stream -----------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """See `Sink`."""
        if self._is_paused or self._held:
            self._held.append(data)
        elif self._protocol is not None:
            self._protocol.dataReceived(data)

    def end(self, data: bytes, trailers: Fields | None) -> None:
        """See `Sink`."""
        if data:
            self.write(data)
        self._conclude(Failure(PotentialDataLoss() if self._ends_with_connection else ResponseDone()))

    def fail(self, error: RelayError) -> None:
        """See `Sink`."""
        self._conclude(incomplete_response(error, self._owner))

    def spliceable(self) -> None:
        """See `Sink`."""

    def cut(self, error: RelayError) -> None:
        """End it now, without the rest."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()
            self._held = []
            self.fail(error)

    # -- the protocol's transport ---------------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """Deliver no more until `resumeProducing`."""
        self._is_paused = True
        if self._stream is not None:
            self._stream.pause()

    def resumeProducing(self) -> None:
        """Deliver on."""
        self._is_paused = False
        self._flush()
        if self._stream is not None and not self._is_paused:
            self._stream.resume()

    def stopProducing(self) -> None:
        """The rest is not wanted: the connection to the server is closed, and the protocol told so in a moment."""
        protocol, self._protocol = self._protocol, None
        stream, self._stream = self._stream, None
        self._held = []
        if stream is not None:
            stream.cancel()
            self._finished()
        if protocol is not None:
            reason = Failure(ResponseFailed([Failure(ConnectionAborted())], self._owner))
            self._reactor.callLater(0, _tell, protocol, reason)

    loseConnection = stopProducing
    abortConnection = stopProducing

    # -- the end --------------------------------------------------------------------------------------------------

    def _conclude(self, ending: Failure) -> None:
        self._stream = None
        self._ending = ending
        self._finished()
        self._flush()

    def _flush(self) -> None:
        """Hand on what is held, then the end, as far as the protocol takes it."""
        while self._held and not self._is_paused and self._protocol is not None:
            self._protocol.dataReceived(self._held.pop(0))
        if self._ending is not None and not self._held and not self._is_paused and self._protocol is not None:
            protocol, self._protocol = self._protocol, None
            protocol.connectionLost(self._ending)


def _tell(protocol: IProtocol, reason: Failure) -> None:
    """Tell a protocol that it has stopped its body."""
    with suppress(AlreadyCalledError):  # of `readBody`, which has failed by itself when it was cancelled
        protocol.connectionLost(reason)
