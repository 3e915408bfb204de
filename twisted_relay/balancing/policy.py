"""What a balancing policy is: it chooses, and does nothing else.

Health, limits, drain, queueing and retries are applied once, by the backend: a policy only ever chooses among the
servers that may be used. Policies import nothing of Twisted; clock and randomness are passed in.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from twisted_relay.exchange import Exchange

FULL_SHARE = 100
"""The `share` of a server of weight 1 that is not being started slowly."""

Random = Callable[[], float]
"""Gives numbers from 0.0 up to, not including, 1.0."""

Now = Callable[[], float]
"""Reads a monotonic clock, in seconds."""


class Candidate(Protocol):
    """What a policy may know of a server. Two are equal only if they are the same object."""

    @property
    def name(self) -> str:
        """Its name in the configuration; unique in its backend."""

    @property
    def weight(self) -> int:
        """Its share of the traffic against the others': 0 (none) to 256."""

    @property
    def share(self) -> int:
        """The same in hundredths, and less while the server is started slowly: `FULL_SHARE` for a weight of 1.

        At least 1 for a weight above 0. Policies that map keys to servers look at `weight`: a key must not move
        because a server is young.
        """

    @property
    def active_requests(self) -> int:
        """Requests that it has not answered yet, tunnels among them."""

    @property
    def has_room(self) -> bool:
        """Whether it may be given one more request now. The backend asks this of every candidate anyway."""


class Policy(Protocol):
    """Chooses among the usable servers of one tier of a backend."""

    on_load: Callable[[Candidate, int], None] | None
    """Called after the `active_requests` of a server has changed, with the change, +1 or -1; None if it does not care.
    A server that has left is still told of until its last request has ended."""

    on_answer: Callable[[Candidate, float], None] | None
    """Called with the seconds that a server took until the head of its response; after a failure with the time after
    which it would have been given up (a broken server must not look fast). None if it does not care."""

    def update(self, members: Sequence[Candidate], usable: Sequence[Candidate]) -> None:
        """The usable set, a weight or a share has changed.

        `usable` are those to choose from; `members` are all that have a weight above 0, whatever their state, so that
        a map of keys can be made once and survive outages. Both are in file order; all of `usable` are in `members`.
        """

    def candidates(self, exchange: Exchange) -> Iterator[Candidate]:
        """The servers for this exchange, best first, each at most once; a retry takes the next. Empty if none.

        All of the usable set must come in the end: who asks stops when one has room.
        """
