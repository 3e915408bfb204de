"""A user who has proved who it is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """A name, in Unicode's normal form C, and the groups that it is in."""

    name: str
    groups: frozenset[str] = frozenset()
