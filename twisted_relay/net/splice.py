"""Content of a known length moved from one socket to another inside the kernel, with `splice` (Linux).

Source → pipe → sink, without a copy into Python: about a third of the CPU time of `recv` and `send`. The pump
borrows the source's read events and the sink's write events and gives both back when it is done; a slow sink stops the
reading, so no more than one pipe is held; so does a toll that is not paid. It knows nothing of HTTP.
"""

import fcntl
import os
from collections.abc import Callable
from typing import Any, cast

from twisted.internet import main

from twisted_relay.http.stream import Toll
from twisted_relay.net.transport import Eager, in_flight

AVAILABLE = hasattr(os, "splice")
PIPE_SIZE = 1 << 20
"""Octets asked for; the kernel may give less to an unprivileged user (`fs.pipe-user-pages-soft`)."""
ENDLESS = 1 << 62
"""A length for what goes on until its source ends."""
_FLAGS = getattr(os, "SPLICE_F_MOVE", 0) | getattr(os, "SPLICE_F_NONBLOCK", 0)
_MAX_IDLE_PIPES = 16
_idle_pipes: list[tuple[int, int]] = []


def _take_pipe() -> tuple[int, int]:
    if _idle_pipes:
        return _idle_pipes.pop()
    pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    except OSError:
        pass  # the default of 64 KiB works too, with more calls
    return pipe


def _give_back(pipe: tuple[int, int], *, empty: bool) -> None:
    if empty and len(_idle_pipes) < _MAX_IDLE_PIPES:
        _idle_pipes.append(pipe)
        return
    for descriptor in pipe:
        os.close(descriptor)


class Pump:
    """Moves `length` octets from `source` to `sink`; then, or when the source ends, calls `done(octets moved)`.

    Raises OSError when no pipe can be had; nothing was changed then. When the sink's connection is lost its
    protocol hears of it as always and has to call `stop`.
    """

    __slots__ = ("_done", "_in_pipe", "_pipe", "_remaining", "_seen", "_sink", "_source", "moved", "toll")

    def __init__(self, source: Eager, sink: Eager, length: int, done: Callable[[int], None]) -> None:
        self._pipe: tuple[int, int] | None = _take_pipe()
        self._source = source
        self._sink = sink
        self._remaining = length
        self._in_pipe = 0
        self._done = done
        self._seen = 0
        self.moved = 0
        self.toll: Toll | None = None
        """What it has to pay for what it takes from the source."""
        source.on_readable = self._readable
        sink.on_writable = self._writable

    def salvage(self) -> bytes:
        """Take out what is in the pipe, at most `PIPE_SIZE` octets: the sink has not got it."""
        data = b""
        while self._pipe is not None and self._in_pipe:
            piece = os.read(self._pipe[0], self._in_pipe)
            self._in_pipe -= len(piece)
            data += piece
        self.moved += len(data)
        return data

    def stop(self) -> None:
        """Give everything back; what is in the pipe is lost. Later calls do nothing."""
        pipe, self._pipe = self._pipe, None
        if pipe is None:
            return
        self._source.on_readable = None
        self._sink.on_writable = None
        cast(Any, self._sink).stopWriting()
        _give_back(pipe, empty=not self._in_pipe)

    def has_moved(self) -> bool:
        """Whether the peer of the sink has taken anything since the last call."""
        seen, self._seen = self._seen, self.moved - in_flight(self._sink)[1]
        return self._seen != seen

    @property
    def waits(self) -> bool:
        """Whether it is not the source that is waited for, but the sink, which has not taken all yet, or the toll."""
        return self._in_pipe > 0 or self._is_held()

    def go_on(self) -> None:
        """The toll lets more come."""
        if self._pipe is not None and not self._in_pipe and self._remaining:
            cast(Any, self._source).startReading()

    def _is_held(self) -> bool:
        return self.toll is not None and self.toll.held

    def _readable(self) -> object:
        if self._pipe is None:
            return None
        most = min(self._remaining, PIPE_SIZE) if self.toll is None else min(self._remaining, self.toll.room)
        try:
            count = os.splice(self._source.socket.fileno(), self._pipe[1], most, flags=_FLAGS)
        except BlockingIOError:
            return None
        except OSError:
            return main.CONNECTION_LOST
        if not count:
            return main.CONNECTION_DONE
        self._remaining -= count
        self._in_pipe += count
        if self.toll is not None and not self.toll.spend(count):
            cast(Any, self._source).stopReading()
        problem = self._drain()
        if problem is not None:
            # The sink is broken, not the source whose event this is: let the sink find out by itself.
            self._wait_for_sink()
        elif self._in_pipe:
            self._wait_for_sink()
        elif not self._remaining:
            self._finish()
        return None

    def _writable(self) -> object:
        problem = self._drain()
        if problem is not None:
            return problem
        if not self._in_pipe:
            cast(Any, self._sink).stopWriting()
            if not self._remaining:
                self._finish()
            elif not self._is_held():
                cast(Any, self._source).startReading()
        return None

    def _drain(self) -> object:
        """Move from the pipe to the sink what it takes; returns why the sink's connection ends, or None."""
        while self._in_pipe and self._pipe is not None:
            try:
                count = os.splice(self._pipe[0], self._sink.socket.fileno(), self._in_pipe, flags=_FLAGS)
            except BlockingIOError:
                return None
            except OSError:
                return main.CONNECTION_LOST
            self._in_pipe -= count
            self.moved += count
        return None

    def _wait_for_sink(self) -> None:
        cast(Any, self._source).stopReading()
        cast(Any, self._sink).startWriting()

    def _finish(self) -> None:
        self.stop()
        cast(Any, self._source).startReading()
        self._done(self.moved)
