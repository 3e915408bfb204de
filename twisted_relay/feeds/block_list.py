"""A list as it is now: what is in it, what is not although its files say so, and what is counted."""

from collections.abc import Sequence

from twisted_relay.lists.formats import key_of
from twisted_relay.lists.name_set import Entry, NameSet, set_of

RESULTS = (
    "success",
    "unchanged",
    "unreadable",
    "binary",
    "empty",
    "too_large",
    "shrunk",
    "crowded",
    "refused",
    "reset",
    "timeout",
    "dns",
    "tls",
    "protocol",
    "status",
    "redirect",
    "guard",
    "state",
    "internal",
)
"""How an update may end, for metrics."""

NOTHING = set_of({})


class ListCounters:
    """What is counted for one list."""

    __slots__ = ("hits", "last_success", "updates")

    def __init__(self) -> None:
        self.updates = dict.fromkeys(RESULTS, 0)
        """Updates by how they ended."""
        self.hits = 0
        """Look-ups for traffic that found something."""
        self.last_success = 0.0
        """When the list was last read, or found to be unchanged, in seconds since 1970; 0 before the first time."""


class BlockList:
    """A list by its name. `exceptions` are names and networks that are never in it, `others` lists of such."""

    def __init__(self, name: str, exceptions: Sequence[str] = ()) -> None:
        self.name = name
        self.counters = ListCounters()
        self.others: Sequence[BlockList] = ()
        """Lists whose entries are exceptions."""
        self._own = set_of({key_of(word.encode("utf-8", "surrogateescape")): b"0:0" for word in exceptions})
        self._listed = NOTHING
        self._excepted = NOTHING
        self._has_exceptions = False

    def __len__(self) -> int:
        return len(self._listed)

    @property
    def has_networks(self) -> bool:
        """Whether addresses may be in it."""
        return self._listed.has_networks

    def swap(self, listed: NameSet, excepted: NameSet) -> None:
        """From now on the list is this."""
        self._listed, self._excepted = listed, excepted
        self._has_exceptions = bool(excepted or self._own or self.others)

    def takes(self, host: str, name: str = "") -> bool:
        """Whether a host is in it; an exception wins, however much shorter it is.

        `name` is what led to the host, if that is an address: with the name its addresses are excepted.
        """
        return self._listed.takes(host) and not (self._has_exceptions and self._is_excepted(host, name))

    def entry(self, host: str, name: str = "") -> Entry | None:
        """The entry that takes a host, and where it was written; for people."""
        return self._listed.entry(host) if self.takes(host, name) else None

    def hit(self) -> None:
        """Traffic has met it: count that."""
        self.counters.hits += 1

    def _is_excepted(self, host: str, name: str) -> bool:
        hosts = (host, name) if name and name != host else (host,)
        return any(
            self._excepted.takes(each) or self._own.takes(each) or any(other.takes(each) for other in self.others)
            for each in hosts
        )
