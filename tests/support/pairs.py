"""Connections over a pair of real sockets, for what only the kernel can do; driven as those in memory are.

Nothing is waited for: what one end of a pair sends is at the other end when `send` returns.
"""

import select
import socket

from tests.support.transports import MemorySocket

PIECE = 65536


class PairSocket(MemorySocket):
    """As `MemorySocket`, but what lies between the ends is a socket pair, which can be spliced."""

    def __init__(self) -> None:
        super().__init__()
        self._near, self._far = socket.socketpair()
        for end in (self._near, self._far):
            end.setblocking(False)
        self._outbox = bytearray()
        self._far_gone = False

    def fileno(self) -> int:
        """The near end's descriptor."""
        return self._near.fileno()

    def send(self, data: bytes) -> int:
        """Send into the pair."""
        size = self._near.send(data)
        self.written += size
        return size

    def recv(self, size: int) -> bytes:
        """Read from the pair."""
        data = self._near.recv(size)
        self.read += len(data)
        return data

    def shutdown(self, how: int) -> None:
        """Stop sending."""
        super().shutdown(how)
        self._near.shutdown(how)

    def close(self) -> None:
        """Close the near end."""
        self.reset = self.reset or self.is_readable
        self.closed = self.ended = True
        self._near.close()

    @property
    def is_readable(self) -> bool:
        """Whether the kernel says so."""
        return bool(select.select([self._near], [], [], 0)[0])

    @property
    def is_writable(self) -> bool:
        """Whether the kernel says so."""
        return self.accepted and bool(select.select([], [self._near], [], 0)[1])

    def far_sends(self, data: bytes) -> None:
        """Octets that go into the pair as there is room."""
        self._outbox += data
        self.pass_on()

    def far_ends(self) -> None:
        """No more is sent after what waits."""
        self._far_ended = True
        self.pass_on()

    def far_closes(self) -> None:
        """The far end is closed after what waits."""
        self._far_ended = self._far_closed = True
        self.pass_on()

    def far_resets(self) -> None:
        """The far end is closed at once."""
        self._outbox.clear()
        self.far_closes()

    @property
    def waiting(self) -> int:
        """Octets that the far end wants to send and for which the pair has no room."""
        return len(self._outbox)

    def pass_on(self) -> bool:
        """What the far end does by itself: send what waits and read what it wants; whether anything moved."""
        if self._far_gone:
            return False
        moved = self._read_far() + self._write_far()
        if self._far_ended and not self._outbox:
            if self._far_closed:
                self._far_gone = True
                self._far.close()
            elif not self.closed:
                self._far.shutdown(socket.SHUT_WR)
        return bool(moved)

    def _read_far(self) -> int:
        wanted = PIECE if self.room is None else min(self.room, PIECE)
        if not wanted or not select.select([self._far], [], [], 0)[0]:
            return 0
        try:
            data = self._far.recv(wanted)
        except ConnectionResetError:
            data = b""
        self.delivered += data
        if self.room is not None:
            self.room -= len(data)
        return len(data)

    def _write_far(self) -> int:
        if not self._outbox:
            return 0
        try:
            size = self._far.send(self._outbox[:PIECE])
        except BlockingIOError:
            return 0
        except OSError:
            size = len(self._outbox)
        del self._outbox[:size]
        return size
