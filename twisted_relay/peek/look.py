"""A look at the first octets of a tunnel: what the tunnel asks, and what it is told. It decides nothing here."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Let:
    """The tunnel goes on. `held` is all that the client has sent so far; it goes to the server unchanged."""

    held: bytes


@dataclass(frozen=True, slots=True)
class Refuse:
    """The tunnel ends. `answer` goes to the client before it does; the server gets nothing."""

    answer: bytes


Told = Let | Refuse
"""What becomes of a tunnel."""


class Look(Protocol):
    """Looks at what a client sends first. It is asked no more once it has told what becomes of the tunnel."""

    patience: float
    """Seconds from the client's first octet until it must have told."""

    served: bytes
    """What the server has sent before the tunnel stood; it goes to the client unless the tunnel is refused."""

    def received(self, data: bytes) -> Told | None:
        """The client sent this; None: more is needed, and `data` is held."""

    def spoken_to(self) -> Told:
        """The server speaks, and the client has not said anything yet."""

    def ended(self) -> Told:
        """The client sends no more."""

    def late(self) -> Told:
        """The client has begun, and `patience` is over."""

    def left(self) -> None:
        """The tunnel has ended before anything was told."""
