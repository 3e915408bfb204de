"""Which way a request of a forward proxy goes: straight, or through a parent; and why.

What a rule says comes first, then the names that a parent is `for`, then the listener's own parent.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from twisted_relay.config.parents import DIRECT
from twisted_relay.config.tree import ParentOptions


@dataclass(frozen=True, slots=True)
class Way:
    """The parent through which a request goes; empty: straight to its destination. `why` is for people."""

    parent: str
    why: str


class Ways:
    """All parents of a configuration, by the names that they are for."""

    def __init__(self, parents: Iterable[ParentOptions]) -> None:
        self._alone: dict[str, str] = {}
        self._below: dict[str, str] = {}
        for options in parents:
            for domain in options.for_:
                (self._below if domain.below else self._alone)[domain.name] = options.name

    def choose(self, ruled: str, host: str, usual: str) -> Way:
        """The way to a host, as `read_host` returns it. `ruled` is what the rule said, `usual` the
        listener's parent."""
        if ruled == DIRECT:
            return Way("", "the rule says parent direct")
        if ruled:
            return Way(ruled, f"the rule says parent {ruled}")
        if host in self._alone:
            return Way(self._alone[host], f"it is for {host}")
        if self._below:
            name = host
            while name:
                if name in self._below:
                    return Way(self._below[name], f"it is for .{name}")
                name = name.partition(".")[2]
        return Way(usual, "it is the parent of the listener" if usual else "no parent is for it")


NO_PARENTS = Ways(())
"""Everything goes straight."""
