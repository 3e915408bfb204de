"""What a balancing policy is: it chooses, and does nothing else.

Health, limits, drain, queueing and retries are applied once, by the backend: a policy only ever sees the servers
that may be used. Policies import nothing of Twisted; randomness is passed in.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from twisted_relay.exchange import Exchange


class Candidate(Protocol):
    """What a policy may know of a server."""

    @property
    def name(self) -> str:
        """Its name in the configuration; unique in its backend."""

    @property
    def weight(self) -> int:
        """Its share of the traffic against the others': 0 (none) to 256."""

    @property
    def active_requests(self) -> int:
        """Requests that it has not answered yet."""


class Policy(Protocol):
    """Chooses among the usable servers of one backend."""

    def update(self, servers: Sequence[Candidate]) -> None:
        """The usable set or a weight has changed. `servers` are in file order and all have a weight above 0."""

    def candidates(self, exchange: Exchange) -> Iterator[Candidate]:
        """The servers for this exchange, best first, each at most once; a retry takes the next. Empty if none."""
