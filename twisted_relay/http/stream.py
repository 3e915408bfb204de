"""Content on its way from one connection to another, with back-pressure, without I/O.

The source writes into the stream, the sink takes from it. Until a sink is attached the stream keeps what comes
and tells its source to pause, so it never holds more than what one read brings. After `end`, `fail` or `cancel`
the stream has let go of both sides: a late call from either does nothing.
"""

from collections.abc import Callable
from typing import Protocol

from twisted_relay.errors import RelayError
from twisted_relay.http.fields import Fields


class Source(Protocol):
    """Where content comes from."""

    def pause(self) -> None:
        """Write no more until `resume`."""

    def resume(self) -> None:
        """Write on."""

    def cancel(self) -> None:
        """Nobody wants the rest."""

    def splice(self, sink: "Sink") -> "Flow | None":
        """Begin to move the rest inside the kernel, if it is worth it and both sides can; else change nothing."""


class Toll(Protocol):
    """What limits how fast content may come; see `net.limit`."""

    resume: Callable[[], None]

    @property
    def held(self) -> bool:
        """Whether nothing more may come until `resume` is called."""

    @property
    def room(self) -> int:
        """Octets that should come next at most, above 0."""

    def spend(self, octets: int) -> bool:
        """These have come; False if nothing more may come until `resume` is called."""

    def close(self) -> None:
        """Nothing more comes."""


class Flow(Protocol):
    """Content that moves without us."""

    moved: int
    """Octets so far."""
    toll: Toll | None
    """What it has to pay."""

    def go_on(self) -> None:
        """The toll lets more come."""


class Sink(Protocol):
    """Where content goes."""

    def write(self, data: bytes) -> None:
        """Take the next octets; never empty."""

    def end(self, data: bytes, trailers: Fields | None) -> None:
        """The content is complete with these last octets, which may be none."""

    def fail(self, error: RelayError) -> None:
        """The content will never be complete."""

    def spliceable(self) -> object | None:
        """The plain socket transport behind the sink, if octets may go straight into it now."""


class Stream:
    """One message's content from its source to its sink."""

    __slots__ = ("_blocked", "_ended", "_error", "_flow", "_pending", "_sink", "_source", "_toll", "_trailers")

    def __init__(self, source: Source) -> None:
        self._source: Source | None = source
        self._sink: Sink | None = None
        self._pending: list[bytes] = []
        self._ended = False
        self._trailers: Fields | None = None
        self._error: RelayError | None = None
        self._toll: Toll | None = None
        self._flow: Flow | None = None
        self._blocked = False  # the sink is full; only known where there is a toll

    # -- for the source --

    def write(self, data: bytes) -> None:
        """More content."""
        if self._toll is not None:
            self._pay(self._toll, len(data))
        if self._sink is not None:
            self._sink.write(data)
        elif self._source is not None:
            self._pending.append(data)
            self._source.pause()

    def end(self, data: bytes = b"", trailers: Fields | None = None) -> None:
        """The last octets, if any; the content is complete."""
        if self._source is None:
            return
        sink, self._source = self._sink, None
        if self._toll is not None:
            self._toll.spend(len(data))
            self._end_toll()
        if sink is not None:
            self._sink = None
            sink.end(data, trailers)
            return
        if data:
            self._pending.append(data)
        self._ended, self._trailers = True, trailers

    def fail(self, error: RelayError) -> None:
        """No more content; it is not complete."""
        if self._source is None:
            return
        sink, self._source = self._sink, None
        self._end_toll()
        if sink is not None:
            self._sink = None
            sink.fail(error)
        else:
            self._error = error

    # -- for the sink --

    def attach(self, sink: Sink) -> None:
        """Hand everything so far, and from now on, to this sink."""
        pending, self._pending = self._pending, []
        for data in pending:
            sink.write(data)
        if self._error is not None:
            sink.fail(self._error)
        elif self._ended:
            sink.end(b"", self._trailers)
        elif self._source is not None:
            self._sink = sink
            if pending and not self._held():
                self._source.resume()

    def splice(self) -> Flow | None:
        """Let the rest flow without us, if that is possible and worth it."""
        if self._source is None or self._sink is None:
            return None
        flow = self._source.splice(self._sink)
        if flow is not None and self._toll is not None:
            self._flow, flow.toll = flow, self._toll
        return flow

    def pause(self) -> None:
        """The sink is full."""
        self._blocked = True
        if self._source is not None:
            self._source.pause()

    def resume(self) -> None:
        """The sink has room again."""
        self._blocked = False
        if self._source is not None and not self._held():
            self._source.resume()

    def cancel(self) -> None:
        """The sink is gone or does not want the rest."""
        source, self._source, self._sink = self._source, None, None
        self._pending = []
        self._end_toll()
        if source is not None:
            source.cancel()

    # -- for who limits it --

    def limit(self, toll: Toll) -> None:
        """From now on content pays this toll: where it is not paid the source is paused. Closes the toll at the end."""
        if self._source is None:
            toll.close()  # it has ended
            return
        self._toll = toll
        toll.resume = self._go_on
        for data in self._pending:
            self._pay(toll, len(data))

    def _pay(self, toll: Toll, octets: int) -> None:
        if not toll.spend(octets) and self._source is not None:
            self._source.pause()

    def _held(self) -> bool:
        return self._toll is not None and self._toll.held

    def _go_on(self) -> None:
        """The toll lets more come."""
        if self._flow is not None:
            self._flow.go_on()
        if self._source is not None and self._sink is not None and not self._blocked:
            self._source.resume()

    def _end_toll(self) -> None:
        toll, self._toll = self._toll, None
        self._flow = None
        if toll is not None:
            toll.close()
