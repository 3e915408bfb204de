"""The queue in front of the servers of a backend: who waits, and whose turn it is.

Fair between clients: each client address (of IPv6: each /64) has a line of its own, and the lines are served in turn,
so that one client with a thousand requests does not keep the others waiting behind all of them. When the queue is full,
the longest line loses its last one if the newcomer's is shorter (longest queue drop). With `fifo` everybody stands in
one line.

Who sticks to a server waits for that one only, in lines of their own; whoever waits longer goes first when it has
room. Knows nothing of servers but their names.
"""

from collections.abc import Container, Iterator
from typing import Protocol

from twisted_relay.errors import RelayError


class Waiting(Protocol):
    """Who waits for a server with room."""

    wanted: str
    """The name of the only server that it waits for; empty if any will do."""

    @property
    def client(self) -> str:
        """Whose request it is: an address."""

    @property
    def queued_at(self) -> float:
        """Since when it waits."""

    def called(self) -> None:
        """It is its turn; it is not in the queue any more."""

    def refuse(self, error: RelayError) -> None:
        """It waited in vain; it is not in the queue any more."""


class Lines:
    """Lines of clients, served in turn. All operations are O(1), but for who is to go when it is full."""

    def __init__(self, *, fair: bool) -> None:
        self._fair = fair
        self._lines: dict[str, dict[Waiting, None]] = {}

    def __iter__(self) -> Iterator[Waiting]:
        for line in self._lines.values():
            yield from line

    def _line_of(self, waiting: Waiting) -> str:
        return waiting.client if self._fair else ""

    def push(self, waiting: Waiting) -> None:
        """Stand at the end of one's client's line."""
        self._lines.setdefault(self._line_of(waiting), {})[waiting] = None

    def remove(self, waiting: Waiting) -> bool:
        """Leave, from wherever it stands; False if it does not."""
        key = self._line_of(waiting)
        line = self._lines.get(key)
        if line is None or waiting not in line:
            return False
        del line[waiting]
        if not line:
            del self._lines[key]
        return True

    def first(self) -> Waiting | None:
        """Whose turn it is."""
        return next(iter(next(iter(self._lines.values())))) if self._lines else None

    def take(self) -> Waiting:
        """Who is first leaves; its client's next one comes after all other clients. There must be somebody."""
        key, line = next(iter(self._lines.items()))
        waiting = next(iter(line))
        del self._lines[key]
        del line[waiting]
        if line:
            self._lines[key] = line
        return waiting

    def overtaken_by(self, newcomer: Waiting) -> Waiting | None:
        """Who has to go for a newcomer when nobody more may wait; None if it is the newcomer itself."""
        longest: dict[Waiting, None] = max(self._lines.values(), key=len, default={})
        mine = self._lines.get(self._line_of(newcomer), {})
        return next(reversed(longest)) if len(longest) > len(mine) + 1 else None


class Queue:
    """Everybody who waits at one backend, at most `length`."""

    def __init__(self, length: int, *, fair: bool) -> None:
        self._length = length
        self._fair = fair
        self._any = Lines(fair=fair)
        self._stuck: dict[str, Lines] = {}
        self.count = 0
        """How many wait: an attribute, because every request asks."""

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Waiting]:
        yield from self._any
        for lines in self._stuck.values():
            yield from lines

    def _lines_of(self, waiting: Waiting) -> Lines:
        if not waiting.wanted:
            return self._any
        return self._stuck.setdefault(waiting.wanted, Lines(fair=self._fair))

    def join(self, waiting: Waiting) -> Waiting | None:
        """Wait. Who must not wait any more for it is given back, out of the queue: another one, or the newcomer."""
        lines = self._lines_of(waiting)
        overtaken: Waiting | None = None
        if self.count >= self._length:
            overtaken = lines.overtaken_by(waiting)
            if overtaken is None:
                self._forget_empty(waiting.wanted)
                return waiting
            self.leave(overtaken)
        lines.push(waiting)
        self.count += 1
        return overtaken

    def leave(self, waiting: Waiting) -> bool:
        """Wait no more; False if it did not."""
        lines = self._stuck.get(waiting.wanted) if waiting.wanted else self._any
        if lines is None or not lines.remove(waiting):
            return False
        self.count -= 1
        self._forget_empty(waiting.wanted)
        return True

    def take_for(self, server: str, *, any_will_do: bool) -> Waiting | None:
        """Whose turn it is now that this server has room: who waits for it, or, with `any_will_do`, for any server.

        It is out of the queue. An empty name is for those only who wait for any.
        """
        stuck = self._stuck.get(server)
        first = stuck.first() if stuck is not None else None
        other = self._any.first() if any_will_do else None
        if first is None and other is None:
            return None
        self.count -= 1
        if stuck is None or first is None or (other is not None and other.queued_at < first.queued_at):
            return self._any.take()
        waiting = stuck.take()
        self._forget_empty(server)
        return waiting

    def release(self, keeping: Container[str]) -> None:
        """Those who wait for a server that is not among `keeping` wait for any from now on."""
        for name in [name for name in self._stuck if name not in keeping]:
            for waiting in self._stuck.pop(name):
                waiting.wanted = ""
                self._any.push(waiting)

    @property
    def wanted(self) -> list[str]:
        """The names of the servers that somebody waits for."""
        return list(self._stuck)

    def _forget_empty(self, server: str) -> None:
        lines = self._stuck.get(server)
        if lines is not None and lines.first() is None:
            del self._stuck[server]
