"""The content of a request from one of Twisted's body producers, with back-pressure."""

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.web.client import RequestGenerationFailed
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer

from twisted_relay.errors import ClientAbort
from twisted_relay.http.message import Request
from twisted_relay.http.stream import Flow, Sink, Stream

MAX_AT_ONCE = 65536
"""Octets that a producer may write as it is started before it is asked to pause."""


class Upload:
    """A body producer as the source of a request's content. `failed` hears a `RequestGenerationFailed`, at most once.

    A producer that writes all it has when it is started leaves a request that is complete and can be tried again.
    """

    def __init__(self, producer: IBodyProducer, failed: Callable[[Failure], None]) -> None:
        self._producer = producer
        self._failed = failed
        self._left: int | None = None if producer.length is UNKNOWN_LENGTH else int(producer.length)
        self._stream: Stream | None = None
        self._at_once: list[bytes] = []
        self._written = 0
        self._is_paused = False
        self._is_over = False

    def start(self, request: Request) -> None:
        """Begin to produce the content of this request."""
        request.length = self._left
        consumer = cast(IConsumer, self)
        done = maybeDeferred(self._producer.startProducing, consumer)
        done.addCallbacks(self._complete, self._fail)
        content, self._at_once = b"".join(self._at_once), []
        if self._is_over:
            request.content = content
            request.length = len(content)
            return
        self._stream = request.stream = Stream(self)
        if content:
            self._stream.write(content)

    # -- what the producer writes to ------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """More content; ends the producer if it is more than was announced."""
        if self._is_over or not data:
            return
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                self._producer.stopProducing()
                self._fail(_wrong_length("more"))
                return
        if self._stream is not None:
            self._stream.write(data)
            return
        self._at_once.append(data)
        self._written += len(data)
        if self._written >= MAX_AT_ONCE:
            self.pause()

    def _complete(self, result: object) -> None:
        if self._is_over:
            return
        if self._left:
            self._fail(_wrong_length("less"))
            return
        self._is_over = True
        if self._stream is not None:
            self._stream.end()

    def _fail(self, failure: Failure) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._stream is not None:
            self._stream.fail(ClientAbort("the producer of the content failed"))
        self._failed(Failure(RequestGenerationFailed([failure])))

    # -- the source of a stream -----------------------------------------------------------------------------------

    def pause(self) -> None:
        """See `Source`."""
        if not self._is_over and not self._is_paused:
            self._is_paused = True
            self._producer.pauseProducing()

    def resume(self) -> None:
        """See `Source`."""
        if not self._is_over and self._is_paused:
            self._is_paused = False
            self._producer.resumeProducing()

    def cancel(self) -> None:
        """See `Source`; may be called at any time."""
        if not self._is_over:
            self._is_over = True
            self._producer.stopProducing()

    def splice(self, sink: Sink) -> Flow | None:
        """See `Source`."""
        return None


def _wrong_length(how: str) -> Failure:
    return Failure(ValueError(f"the producer wrote {how} than its length"))
