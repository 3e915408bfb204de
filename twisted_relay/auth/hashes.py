"""Hashes of passwords: comparing, making, and one that nobody's password fits. All of it takes long, on purpose.

bcrypt reads 72 octets of a password and no more, so longer ones are never right for it; argon2id is RFC 9106. The C and
Rust code beneath lets other threads run.
"""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable
from os import urandom

import bcrypt
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

LONGEST_FOR_BCRYPT = 72
"""Octets."""

_COST = re.compile(r"\$2[aby]\$[0-9]{2}\$|\$argon2id\$[^$]*\$[^$]*\$")


def matches(password: bytes, hashed: str) -> bool:
    """Whether a hash, of a file that was accepted, is of this password. Takes the time that its cost says."""
    if hashed.startswith("$2"):
        is_whole = len(password) <= LONGEST_FOR_BCRYPT
        return bcrypt.checkpw(password[:LONGEST_FOR_BCRYPT], hashed.encode("ascii")) and is_whole
    try:
        Argon2id.verify_phc_encoded(password, hashed)
    except InvalidKey:
        return False
    return True


def make_bcrypt(password: bytes, cost: int) -> str:
    """A bcrypt hash, marked as Apache and nginx want it; raises `ValueError` for a password above 72 octets."""
    if len(password) > LONGEST_FOR_BCRYPT:
        raise ValueError("bcrypt reads 72 bytes of a password; take argon2id for a longer one")
    return bcrypt.hashpw(password, bcrypt.gensalt(cost)).decode("ascii").replace("$2b$", "$2y$", 1)


def make_argon2id(password: bytes, memory: int, passes: int, lanes: int) -> str:
    """An argon2id hash; `memory` is KiB."""
    derive = Argon2id(salt=urandom(16), length=32, iterations=passes, lanes=lanes, memory_cost=memory)
    return derive.derive_phc_encoded(password)


def stand_in(hashes: Iterable[str], octets: Callable[[int], bytes] = urandom) -> str:
    """A hash that costs what most of these do and that no password fits: for users who do not exist."""
    costs = Counter(match[0] for each in hashes if (match := _COST.match(each)))
    cost = max(costs, key=lambda each: (costs[each], each)) if costs else "$2y$12$"
    if cost.startswith("$2"):
        # bcrypt has an alphabet of its own; the last characters of salt and hash have bits that must be 0.
        text = b64encode(octets(60), b"./").decode("ascii")
        return f"{cost}{text[:21]}O{text[21:51]}O"
    salt, key = (b64encode(octets(length)).decode("ascii").rstrip("=") for length in (16, 32))
    return f"{cost}{salt}${key}"
