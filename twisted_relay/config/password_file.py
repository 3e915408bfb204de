"""A file of users and their hashed passwords, as Apache's `htpasswd -B` writes it: `USER:HASH` on each line.

Blank lines and lines that begin with `#` do not count; what follows a second colon is a remark. Taken are bcrypt and
argon2id (RFC 9106), whose cost is for the operator to set. All others are refused: a stolen file with MD5, SHA or
crypt hashes is a file of passwords. What stands behind the name is never repeated in an error.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from twisted_relay.config.certificates import read_bounded
from twisted_relay.config.server_file import fault_lines
from twisted_relay.config.user_names import name_problem, normal_name, parse_group
from twisted_relay.config.values import GroupSpec
from twisted_relay.config.words import BadValue, Fault, Span, Text, parse_lines, quoted

LARGEST_FILE = 8 * 1024 * 1024
"""A hundred thousand users take about as much."""
MOST_BCRYPT = 16
"""Each step doubles the time; 16 takes some seconds."""
MOST_MEMORY = 262_144
"""KiB that one argon2id hash may take: 256 MiB."""
MOST_PASSES, MOST_LANES = 64, 16
CHEAP_BCRYPT = 10
"""Below that a hash is guessed quickly; `htpasswd` has 5 unless it is told otherwise."""

AGAIN = "set the password anew: relay hash-password USER prints the line"

_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_ARGON2 = re.compile(
    r"\$argon2id\$v=19\$m=([1-9][0-9]{0,7}),t=([1-9][0-9]{0,4}),p=([1-9][0-9]{0,3})"
    r"\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})"
)
_REFUSED = (
    (re.compile(r"\$(?:apr1|1)\$.*"), "an MD5 hash"),
    (re.compile(r"\$2[a-z]?\$.*"), "a bcrypt hash that is cut off or has an unknown version"),
    (re.compile(r"\$argon2id\$.*"), "an argon2id hash that is cut off or not of version 19"),
    (re.compile(r"\$argon2.*"), "a hash of another argon2 than argon2id"),
    (re.compile(r"\$(?:5|6|7|y|gy|md5|sha1|pbkdf2.*?)\$.*"), "a hash that is neither bcrypt nor argon2id"),
    (re.compile(r"\{[A-Za-z0-9-]+\}.*"), "a SHA or other LDAP hash"),
    (re.compile(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}"), "a plain MD5 or SHA hash"),
    (re.compile(r"[./A-Za-z0-9]{13}"), "a crypt hash, or a password in clear text"),
)


@dataclass(frozen=True, slots=True)
class PasswordFile:
    """The hash of each user's password, by name in normal form C."""

    hashes: Mapping[str, str] = field(repr=False)


def read_password_file(path: str) -> PasswordFile:
    """The users in a file, at least one; raises `BadValue` with the place of each fault."""
    return PasswordFile(dict(_once(_entries(path, _lines(path)), path)))


def read_group_file(path: str) -> tuple[GroupSpec, ...]:
    """The groups in a file, `GROUP: USER USER` on each line; raises `BadValue` with the place of each fault."""
    return parse_lines([line for _, line in _lines(path)], parse_group)


def cheap_hashes(file: PasswordFile) -> int:
    """How many hashes of a file are too cheap to resist whoever has stolen it."""
    costs = (_BCRYPT.fullmatch(each) for each in file.hashes.values())
    return sum(1 for match in costs if match is not None and int(match[1]) < CHEAP_BCRYPT)


def hash_problem(text: str) -> str:
    """Why a hash is not taken, in words that do not repeat it; empty if it is."""
    if match := _BCRYPT.fullmatch(text):
        is_right = 4 <= int(match[1]) <= MOST_BCRYPT
        return "" if is_right else f"the cost of its bcrypt hash is not from 4 to {MOST_BCRYPT}"
    if match := _ARGON2.fullmatch(text):
        memory, passes, lanes = int(match[1]), int(match[2]), int(match[3])
        if memory > MOST_MEMORY or passes > MOST_PASSES or lanes > MOST_LANES or memory < 8 * lanes:
            limits = f"m={MOST_MEMORY} (KiB), t={MOST_PASSES} and p={MOST_LANES}"
            return f"the cost of its argon2id hash is out of bounds; they are {limits}"
        return ""
    kind = next((kind for pattern, kind in _REFUSED if pattern.fullmatch(text)), "a password in clear text")
    return f"it has {kind}"


def file_problem(bad: BadValue) -> str:
    """The faults of a file in one line, each with its place."""
    return "; ".join(fault_lines(bad))


def _lines(path: str) -> Iterator[tuple[int, Text]]:
    """The lines that count, with their numbers."""
    try:
        content = read_bounded(path, LARGEST_FILE)
    except BadValue as bad:
        raise BadValue(*bad.at(Span(path, 0, 0))) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadValue(Fault("is not UTF-8 text", span=Span(path, line, 1))) from None
    for number, whole in enumerate(text.split("\n"), 1):
        stripped = whole.strip(" \t\r")
        if stripped and not stripped.startswith("#"):
            yield number, Text.plain(stripped, Span(path, number, 1))


def _entries(path: str, lines: Iterator[tuple[int, Text]]) -> Iterator[tuple[int, str, str]]:
    """Line, name and hash of each user; raises `BadValue` with all faults when the last line has been seen."""
    faults = []
    for number, line in lines:
        title, colon, rest = line.text.partition(":")
        name, hashed = normal_name(title), rest.split(":", 1)[0].strip(" \t")
        span = Span(path, number, 1)
        if not colon:
            faults.append(Fault("there is no colon", "write USER:HASH, as relay hash-password prints it", span))
        elif problem := name_problem(name):
            faults.append(Fault(problem, "write USER:HASH, as relay hash-password prints it", span))
        elif problem := hash_problem(hashed):
            faults.append(Fault(f"user {quoted(name)}: {problem}", f"taken are bcrypt and argon2id; {AGAIN}", span))
        else:
            yield number, name, hashed
    if faults:
        raise BadValue(*faults)


def _once(entries: Iterator[tuple[int, str, str]], path: str) -> Iterator[tuple[str, str]]:
    """Name and hash, each name once: of two passwords only one can be meant."""
    first: dict[str, int] = {}
    faults = []
    for number, name, hashed in entries:
        if name in first:
            message = f"user {quoted(name)} stands a second time, first in line {first[name]}"
            faults.append(Fault(message, "keep one of the lines", Span(path, number, 1)))
        first.setdefault(name, number)
        yield name, hashed
    if not first and not faults:
        raise BadValue(Fault("has no user in it", f"relay hash-password USER >> {path}", Span(path, 0, 0)))
    if faults:
        raise BadValue(*faults)
