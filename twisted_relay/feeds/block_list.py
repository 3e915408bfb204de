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
        """Look-ups that found something."""
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

    def find(self, host: str) -> str | None:
        """The entry that takes a host, or None; an exception wins, however much shorter it is."""
        found = self._listed.find(host)
        if found is None or self._is_excepted(host):
            return None
        self.counters.hits += 1
        return found

    def entry(self, host: str) -> Entry | None:
        """As `find`, with the place where the entry was written; for people, and not counted."""
        found = self._listed.entry(host)
        return None if found is None or self._is_excepted(host) else found

    def _is_excepted(self, host: str) -> bool:
        if not self._has_exceptions:
            return False
        if self._excepted.find(host) is not None or self._own.find(host) is not None:
            return True
        return any(other.entry(host) is not None for other in self.others)
