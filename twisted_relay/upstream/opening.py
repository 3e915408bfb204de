"""A talk with a parent over a connection, after which the connection is one to the destination.

The time limit is that of the dial, whose last part it is.
"""

from collections.abc import Callable

from twisted_relay.errors import BadResponse, ParentFailed, ServerError
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.talks import Talk

Opened = Callable[[ServerError | None], None]
"""Told why the way is not open; None: it is."""


class Opening:
    """What the connection is lent to meanwhile; `opened` is called once, unless the connection is given up before.

    With `is_pure` nothing may follow the parent's last word: on this connection the destination never speaks first.
    """

    def __init__(self, connection: UpstreamConnection, talk: Talk, opened: Opened, *, is_pure: bool) -> None:
        self._connection = connection
        self._talk = talk
        self._opened = opened
        self._is_pure = is_pure

    def start(self) -> None:
        """Say the first words."""
        connection = self._connection
        connection.current = self
        connection.asked = connection.now()
        connection.write(self._talk.begin())

    def received(self, data: bytes) -> None:
        """See `Use`."""
        talk = self._talk
        try:
            answer = talk.hear(data)
        except BadResponse as error:
            self._end(ParentFailed(str(error)))
        except ServerError as error:
            self._end(error)
        else:
            if answer is None:
                self._heard_all(talk.rest)
            elif answer:
                self._connection.write(answer)

    def _heard_all(self, rest: bytes) -> None:
        if rest and self._is_pure:
            self._end(ParentFailed("octets came from the destination before it was asked"))
            return
        self._connection.early = rest
        self._end(None)

    def lost(self, *, in_order: bool) -> None:
        """See `Use`."""
        how = "closed" if in_order else "cut"
        self._end(ParentFailed(f"the parent {how} the connection before the way was open"))

    def expired(self, now: float) -> None:
        """See `Use`: the dial's own time limit holds."""

    def _end(self, error: ServerError | None) -> None:
        self._connection.current = None
        self._opened(error)
