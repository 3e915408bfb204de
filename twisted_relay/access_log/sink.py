"""Where lines go: collected, written in batches, and never waited for.

A file takes what it is given. A pipe or terminal is asked first, and only given what it takes at once: who reads our
standard error must not stop the proxy. What waits is bounded; what is too much, or cannot be written, is counted and
complained of once.
"""

import os
import select
import stat
from typing import Protocol

from twisted_relay.errors import ConfigurationError

BATCH = 65536
"""Octets that are written at once without waiting for the next second."""
MAX_WAITING = 1 << 20
"""Octets that wait for a slow reader before lines are dropped."""
PIPE_BUF = select.PIPE_BUF
STANDARD = {"stdout": 1, "stderr": 2}


class Complain(Protocol):
    """Tells whoever runs the daemon."""

    def __call__(self, format: str, **values: object) -> None: ...


class LineSink:
    """A file, standard output or standard error. `target` is a path, `stdout` or `stderr`."""

    def __init__(self, name: str, target: str, complain: Complain) -> None:
        self.name = name
        self.target = target
        self.dropped = 0
        """Lines that could not be written."""
        self._complain = complain
        self._descriptor = -1
        self._is_file = False
        self._lines: list[bytes] = []
        self._pending = b""  # what the last batch could not place
        self._size = 0  # octets in both
        self._mid_line = False  # the last octet written was not the end of a line
        self._failing = False

    def open(self) -> None:
        """Open the target; raises `ConfigurationError`."""
        try:
            self._use(self._open())
        except OSError as error:
            raise ConfigurationError(f"[log:{self.name}] cannot write to {self.target}: {error.strerror}") from error

    def reopen(self) -> None:
        """Open the target again, because its file was renamed; keeps to the old one if that fails."""
        self.flush()
        try:
            descriptor = self._open()
        except OSError as error:
            self._complain(
                "[log:{name}] cannot open {target} again, goes on with the old file: {reason}",
                name=self.name,
                target=self.target,
                reason=error.strerror,
            )
            return
        old = self._descriptor
        self._use(descriptor)
        self._mid_line = False
        if old >= 0:
            os.close(old)

    def write(self, line: bytes) -> None:
        """Take a line, which ends with a line feed."""
        if self._size >= MAX_WAITING:
            self._drop(1, "it takes no more")
            return
        self._lines.append(line)
        self._size += len(line)
        if self._size >= BATCH and not self._pending:
            self.flush()

    def flush(self) -> None:
        """Write what has been collected, as far as the target takes it."""
        if not self._size:
            return
        data = self._pending + b"".join(self._lines)
        if self._mid_line and not self._pending:
            data = b"\n" + data  # the rest of the line before was lost
        self._lines.clear()
        written = 0
        try:
            while written < len(data) and (self._is_file or self._takes_more()):
                end = len(data) if self._is_file else written + PIPE_BUF
                written += os.write(self._descriptor, data[written:end])
        except BlockingIOError:
            pass
        except OSError as error:
            self._placed(data, written)
            self._wait_with(b"")
            self._drop(data.count(b"\n", written), error.strerror or str(error))
            return
        self._placed(data, written)
        self._wait_with(data[written:])
        if self._failing and not self._pending:
            self._failing = False
            self._complain("[log:{name}] works again; {lost} lines were lost", name=self.name, lost=self.dropped)

    def close(self) -> None:
        """Write what is left, as far as the target takes it now, and close it."""
        self.flush()
        if self._pending:
            self._drop(self._pending.count(b"\n"), "it takes no more")
            self._wait_with(b"")
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _open(self) -> int:
        if self.target in STANDARD:
            return os.dup(STANDARD[self.target])
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(self.target, flags, 0o640)

    def _use(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)

    def _takes_more(self) -> bool:
        """Whether `PIPE_BUF` octets can be written without waiting."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(0))

    def _placed(self, data: bytes, written: int) -> None:
        if written:
            self._mid_line = data[written - 1] != 10

    def _wait_with(self, data: bytes) -> None:
        self._pending = data
        self._size = len(data)

    def _drop(self, lines: int, reason: str) -> None:
        self.dropped += lines
        if not self._failing:
            self._failing = True
            self._complain(
                "[log:{name}] cannot write to {target}: {reason}; lines are dropped until it works again",
                name=self.name,
                target=self.target,
                reason=reason,
            )
