"""The content of a request that may have to be sent again: kept while it flows, up to a limit.

Stands between the stream that brings the content and the streams that each try takes it from. Nothing is held back: a
try gets what comes as it comes, and its back-pressure goes through. What comes between two tries is one read at most.
"""

from twisted_relay.errors import RelayError
from twisted_relay.http.fields import Fields
from twisted_relay.http.stream import Flow, Sink, Stream


class Replay:
    """The sink of the client's content and the source of each try's. `room` is the octets that are kept at most."""

    __slots__ = ("_ended", "_is_attached", "_kept", "_room", "_stream", "_trailers", "_view")

    def __init__(self, stream: Stream, room: int) -> None:
        self._stream = stream
        self._room = room
        self._kept: list[bytes] | None = []
        self._view: Stream | None = None
        self._is_attached = False
        self._ended = False
        self._trailers: Fields | None = None

    @property
    def can_repeat(self) -> bool:
        """Whether all that has come is still here."""
        return self._kept is not None

    def open(self) -> Stream:
        """The content from its beginning, for one more try; the stream before it must have ended or been cancelled."""
        kept = self._kept
        assert kept is not None
        view = Stream(self)
        for data in kept:
            view.write(data)
        if self._room < 0:
            self._kept = None  # more came between two tries than is kept: this try is the last
        if self._ended:
            view.end(b"", self._trailers)
            return view
        self._view = view
        if not self._is_attached:
            self._is_attached = True
            self._stream.attach(self)
        return view

    def release(self) -> None:
        """There will be no further try: keep nothing from now on. A try that is under way goes on."""
        self._kept = None
        if self._view is None and not self._ended:
            self._ended = True
            self._stream.cancel()

    # -- the sink of what comes -----------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """See `Sink`."""
        self._keep(data)
        if self._view is not None:
            self._view.write(data)
        elif self._kept is not None:
            self._stream.pause()

    def end(self, data: bytes, trailers: Fields | None) -> None:
        """See `Sink`."""
        if data:
            self._keep(data)
        self._ended = True
        self._trailers = trailers
        view, self._view = self._view, None
        if view is not None:
            view.end(data, trailers)

    def fail(self, error: RelayError) -> None:
        """See `Sink`: a request that is never complete is not sent again either."""
        self._kept = None
        self._ended = True
        view, self._view = self._view, None
        if view is not None:
            view.fail(error)

    def spliceable(self) -> None:
        """See `Sink`: what is kept has to be seen."""

    def _keep(self, data: bytes) -> None:
        kept = self._kept
        if kept is None:
            return
        self._room -= len(data)
        if self._room < 0 and self._view is not None:
            self._kept = None
        else:
            kept.append(data)

    # -- the source of a try's content ----------------------------------------------------------------------------

    def pause(self) -> None:
        """See `Source`."""
        self._stream.pause()

    def resume(self) -> None:
        """See `Source`."""
        self._stream.resume()

    def cancel(self) -> None:
        """See `Source`: this try wants no more, but there may be another."""
        self._view = None
        if self._kept is None:
            self._ended = True
            self._stream.cancel()
        else:
            self._stream.resume()  # until it brings more, so that a client that leaves is noticed

    def splice(self, sink: Sink) -> Flow | None:
        """See `Source`."""
        return None
