"""The name that a TLS client asks for in its first message, read without decrypting anything.

Sources: RFC 8446 §4.1.2 and RFC 5246 §7.4.1.2 (ClientHello), §5.1 and §6.2.1 (records), RFC 6066 §3 (server_name),
RFC 6101 appendix E (the hello of SSL 2.0), draft-ietf-tls-esni (encrypted_client_hello).

What two readers could understand differently is not guessed at: a hello with two names, one that is cut short, or one
that is woven between other records has no name but a reason why it is unreadable. What is not known, GREASE (RFC 8701)
among it, is passed over, and nothing behind the hello is looked at.
"""

from dataclasses import dataclass
from enum import Enum

MAX_HELLO = 32768
"""Octets within which a hello must end, its record headers among them. Today's take 200 to 2,000."""
MAX_RECORD = 16384

_RECORDS = range(0x14, 0x19)
"""The types of records. A server may pass over those that come before a hello, or over an odd version."""
_HANDSHAKE = 0x16
_CLIENT_HELLO = 0x01
_SERVER_NAME = 0x0000
_ECH = 0xFE0D
_HOST_NAME = 0


class Found(Enum):
    """What was found in the client's first octets."""

    NAME = "name"
    NO_NAME = "no_name"
    """A hello that asks for nobody in particular."""
    NOT_TLS = "not_tls"
    UNREADABLE = "unreadable"
    """It begins like a hello, but is none, or one that could be read in two ways."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What the first octets say."""

    found: Found
    name: bytes = b""
    """As written: in any case, perhaps with a dot at its end, perhaps not a name at all."""
    why: str = ""
    """Why it is unreadable; shows nothing of what the client sent."""
    has_ech: bool = False
    """There is an encrypted hello in it, or GREASE that looks like one: then the name may be the outer one."""


NOT_TLS = Hello(Found.NOT_TLS)


class _Unreadable(Exception):
    pass


class HelloReader:
    """Reads one hello from octets that come in any pieces. Its work is in proportion to them."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self._next = 0  # where the next record begins
        self._message = bytearray()  # what the records have brought of the handshake message

    @property
    def octets(self) -> bytes:
        """Everything that it was fed."""
        return bytes(self._octets)

    def feed(self, data: bytes) -> Hello | None:
        """What the octets say, or None as long as there are too few. Raises nothing."""
        self._octets += data
        try:
            found = self._read()
        except _Unreadable as error:
            return Hello(Found.UNREADABLE, why=str(error))
        if found is None and len(self._octets) >= MAX_HELLO:
            return Hello(Found.UNREADABLE, why=f"the hello is longer than {MAX_HELLO} octets")
        return found

    def _read(self) -> Hello | None:
        octets = self._octets
        if not octets:
            return None
        if octets[0] not in _RECORDS:
            return _read_ssl2(octets)
        while len(octets) >= self._next + 5:
            start = self._next + 5
            length = _check_record(octets[self._next : start])
            if len(octets) < start + length:
                return None
            self._message += octets[start : start + length]
            self._next = start + length
            if (end := _end_of_message(self._message)) is not None:
                return _read_hello(bytes(self._message[4:end]))
        return None


def _check_record(header: bytes | bytearray) -> int:
    """The length of a record of the handshake."""
    if header[0] != _HANDSHAKE:
        raise _Unreadable("another record comes before the hello has ended")
    if header[1] != 3:
        raise _Unreadable("a record of the hello has a version that does not exist")
    length = int.from_bytes(header[3:5])
    if not length:
        raise _Unreadable("a record of the hello is empty")
    if length > MAX_RECORD:
        raise _Unreadable("a record of the hello is longer than TLS allows")
    return length


def _end_of_message(message: bytearray) -> int | None:
    """Where the hello ends in the octets of the handshake; None if it is not there yet."""
    if message[0] != _CLIENT_HELLO:
        raise _Unreadable("the first message is not a hello")
    if len(message) < 4:
        return None
    end = 4 + int.from_bytes(message[1:4])
    if end > MAX_HELLO:
        raise _Unreadable(f"the hello is longer than {MAX_HELLO} octets")
    return end if len(message) >= end else None


def _read_ssl2(octets: bytearray) -> Hello | None:
    """What does not begin like TLS: the hello of SSL 2.0, which old programs still use for TLS, or something else."""
    for at, mask, value in ((0, 0x80, 0x80), (2, 0xFF, _CLIENT_HELLO)):
        if len(octets) <= at:
            return None
        if octets[at] & mask != value:
            return NOT_TLS
    return Hello(Found.NO_NAME)


class _Part:
    """Octets that are taken from the front."""

    __slots__ = ("_at", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._octets)

    def take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._octets):
            raise _Unreadable("the hello is cut short")
        taken = self._octets[self._at : end]
        self._at = end
        return taken

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length))

    def vector(self, length: int) -> bytes:
        """What a length of so many octets stands before."""
        return self.take(self.number(length))


def _read_hello(body: bytes) -> Hello:
    part = _Part(body)
    part.take(2 + 32)  # version and random
    part.vector(1)  # session
    part.vector(2)  # cipher suites
    part.vector(1)  # compression methods
    if not part:
        return Hello(Found.NO_NAME)
    extensions = _Part(part.vector(2))
    if part:
        raise _Unreadable("something follows the extensions")
    return _read_extensions(extensions)


def _read_extensions(extensions: _Part) -> Hello:
    name: bytes | None = None
    has_ech = False
    while extensions:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME:
            if name is not None:
                raise _Unreadable("there are several server_name extensions")
            name = _read_server_name(content)
        elif kind == _ECH:
            has_ech = True
    if name is None:
        return Hello(Found.NO_NAME, has_ech=has_ech)
    return Hello(Found.NAME, name, has_ech=has_ech)


def _read_server_name(content: bytes) -> bytes:
    part = _Part(content)
    names = _Part(part.vector(2))
    if part:
        raise _Unreadable("something follows the list of names")
    if names.number(1) != _HOST_NAME:
        raise _Unreadable("the server is not named by a host name")
    name = names.vector(2)
    if names:
        raise _Unreadable("there are several names")
    if not name:
        raise _Unreadable("the name is empty")
    return name
