"""What rules look at: who wants to reach what, and lists of names that others keep."""

from dataclasses import dataclass
from typing import Protocol

NO_GROUPS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """A client's wish."""

    client: str
    """Its address; "" for the peer of a UNIX socket."""
    host: str
    """What it wants to reach, as `read_host` returns it: a name in lower case without a dot at its end, or an
    address without brackets."""
    port: int
    method: str
    url: str = ""
    """The whole URL, its path in normal form; "" for a tunnel."""
    user: str = ""
    """"" if it has not said who it is."""
    groups: frozenset[str] = NO_GROUPS
    is_trial: bool = False
    """Whether somebody only wants to know what would be: nothing is counted."""


class Listed(Protocol):
    """A list of names and networks, as rules need it."""

    @property
    def has_networks(self) -> bool:
        """Whether addresses may be in it although the names that lead to them are not."""

    def takes(self, host: str, name: str) -> bool:
        """Whether a host or an address is in it; `name` is the host that has led to the address."""

    def hit(self) -> None:
        """It has taken a request: count it."""

    def entry(self, host: str, name: str) -> object | None:
        """What takes a host or an address, for people: as text it also says where the entry was written."""
