"""What was proved a short while ago, so that a password is not hashed again for every request.

A proof is found by a keyed hash (BLAKE2b, RFC 7693) of the client's address and its credentials, with a key that this
process made for itself: neither a dump of the memory nor the time of a look-up tells of passwords that were tried. What
was wrong is not kept: a new password counts at once.
"""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from hmac import compare_digest
from os import urandom
from typing import Generic, TypeVar

MOST_PROOFS = 10_000

Proof = TypeVar("Proof")


class Proven(Generic[Proof]):
    """Proofs, each for `ttl` seconds; when there are too many, those go that were made longest ago."""

    def __init__(self, ttl: float, most: int = MOST_PROOFS, octets: Callable[[int], bytes] = urandom) -> None:
        self._ttl = ttl
        self._most = most
        self._key = octets(32)
        self._proofs: OrderedDict[bytes, tuple[bytes, float, Proof]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._proofs)

    def digest(self, client: str, value: bytes) -> bytes:
        """What the credentials of a client are found by."""
        return blake2b(client.encode() + b"\0" + value, key=self._key, digest_size=32).digest()

    def find(self, digest: bytes, now: float) -> Proof | None:
        """The proof of these credentials that is still fresh."""
        found = self._proofs.get(digest)
        if found is None or not compare_digest(found[0], digest):
            return None
        if found[1] <= now:
            del self._proofs[digest]
            return None
        return found[2]

    def keep(self, digest: bytes, proof: Proof, now: float) -> None:
        """Remember a proof."""
        if not self._ttl:
            return
        self._proofs.pop(digest, None)
        self._proofs[digest] = (digest, now + self._ttl, proof)
        if len(self._proofs) > self._most:
            self._proofs.popitem(last=False)

    def drop(self, digest: bytes) -> None:
        """Forget a proof that does not hold any more."""
        self._proofs.pop(digest, None)
