"""Names of users and groups, wherever they are written: in requests, in password files, in `groups`.

A name is compared in Unicode's normal form C (RFC 7617 §2.1, RFC 8265 §3.4), so that it does not matter how a keyboard
composes its letters. Upper and lower case differ.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unicodedata import category, normalize

from twisted_relay.config.option import Parser, line_list
from twisted_relay.config.values import GroupSpec
from twisted_relay.config.words import BadValue, Fault, Text, not_valid, parse_words, quoted

LONGEST_NAME = 255
"""Octets of UTF-8."""
GROUP_HELP = "write a group, a colon and its users: ops: alice bob"

_WORD = re.compile(r"[^ \t]+")
_GROUP = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def normal_name(text: str) -> str:
    """A user's name as it is compared."""
    return text if text.isascii() else normalize("NFC", text)


def name_problem(name: str) -> str:
    """Why nobody can have this name, in words; empty if somebody can. A colon ends it on the wire (RFC 7617 §2)."""
    if not name:
        return "the name is empty"
    if len(name.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
        return f"the name is longer than {LONGEST_NAME} bytes"
    if ":" in name:
        return "a name has no colon"
    if not name.isprintable() and any(category(char) in ("Cc", "Cs", "Zl", "Zp") for char in name):
        return "a name has no control characters"
    return ""


def parse_group(line: Text) -> GroupSpec:
    """A group with its users, which may be none, from `NAME: USER USER`. Raises `BadValue`."""
    title, colon, _ = line.text.partition(":")
    name = title.strip(" \t")
    if not colon:
        raise not_valid(line.text, GROUP_HELP)
    if not _GROUP.fullmatch(name):
        raise BadValue(
            Fault(
                f"{quoted(name)} is not the name of a group",
                "it has letters, digits, dots, dashes and underscores",
                line.part(0, max(1, len(title))).span,
            )
        )
    words = [line.part(*match.span()) for match in _WORD.finditer(line.text, len(title) + 1)]
    return GroupSpec(name, parse_words(words, _parse_user))


def _parse_user(text: str) -> str:
    name = normal_name(text)
    if problem := name_problem(name):
        raise BadValue(Fault(f"{quoted(text)} is not the name of a user: {problem}"))
    return name


GROUPS: Parser[tuple[GroupSpec, ...]] = line_list(
    "lines of a group, a colon and users", parse_group, lambda group: f"{group.name}: {' '.join(group.users)}"
)


@dataclass(frozen=True, slots=True)
class Membership:
    """Which user is in which groups."""

    groups: Mapping[str, frozenset[str]]
    """The groups of a user by the user's name; who is in none is missing."""

    def of(self, user: str) -> frozenset[str]:
        """The groups of a user."""
        return self.groups.get(user, frozenset())


def membership(groups: Sequence[GroupSpec]) -> Membership:
    """Who is where; a group that stands several times has the users of all its lines."""
    found: dict[str, set[str]] = {}
    for group in groups:
        for user in group.users:
            found.setdefault(user, set()).add(group.name)
    return Membership({user: frozenset(names) for user, names in found.items()})
