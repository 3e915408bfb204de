"""Readers of message content (RFC 9112 §6 and §7): by length, chunked, until the connection closes.

A reader takes octets as they come and gives back the content in them. `feed` returns (content, rest): `rest` is
None while more is expected, and the octets behind the message once it is complete. Readers keep nothing but what
belongs to an unfinished chunk line or trailer section, which are bounded.
"""

import re
from typing import Protocol

from twisted_relay.http.fields import FIELD_VALUE, TOKEN, Fields

MAX_CHUNK_LINE = 1024
"""Octets of a chunk size with its extensions."""
MAX_TRAILERS = 8192
"""Octets of a trailer section."""
MAX_TRAILER_FIELDS = 64

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = rb"\"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*\""
_EXTENSION = rb"[ \t]*;[ \t]*%b(?:[ \t]*=[ \t]*(?:%b|%b))?" % (_TOKEN, _TOKEN, _QUOTED)
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:%b)*" % _EXTENSION)
_NOT_IN_TRAILERS = frozenset(
    b"content-length transfer-encoding host connection close te trailer upgrade keep-alive proxy-connection "
    b"content-type content-encoding content-range authorization proxy-authorization proxy-authenticate "
    b"www-authenticate cookie set-cookie cache-control pragma expect range max-forwards if-match if-none-match "
    b"if-modified-since if-unmodified-since if-range age date expires location retry-after vary via forwarded "
    b"x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port x-request-id".split()
)
"""Fields that frame, route, authenticate or control (RFC 9110 §6.5.1): dropped from a trailer section."""


class BrokenContent(Exception):
    """The content is not framed as its message said."""


class BodyReader(Protocol):
    """What reads the content of one message."""

    trailers: Fields | None

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """The content in `data`, and what follows the message once it is complete. Raises `BrokenContent`."""

    def end_of_input(self) -> bool:
        """The connection ended here: does that complete the message?"""


class LengthReader:
    """Content of a known length (RFC 9112 §6.2)."""

    __slots__ = ("remaining",)
    trailers: Fields | None = None

    def __init__(self, length: int) -> None:
        self.remaining = length

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """See `BodyReader`."""
        remaining = self.remaining - len(data)
        if remaining > 0:
            self.remaining = remaining
            return data, None
        self.remaining = 0
        if not remaining:
            return data, b""
        return data[:remaining], data[remaining:]

    def end_of_input(self) -> bool:
        """Never: octets are missing."""
        return False


class CloseReader:
    """Content that ends with the connection (RFC 9112 §6.3, case 8); responses only."""

    __slots__ = ()
    trailers: Fields | None = None

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """See `BodyReader`."""
        return data, None

    def end_of_input(self) -> bool:
        """Always."""
        return True


class ChunkedReader:
    """Content in chunks, with a trailer section (RFC 9112 §7.1). Extensions are read and dropped."""

    __slots__ = ("_buffer", "_in_chunk", "_in_trailers", "trailers")

    def __init__(self) -> None:
        self._buffer = b""
        self._in_chunk = 0  # octets of the current chunk still to come, its CRLF included
        self._in_trailers = False
        self.trailers: Fields | None = None

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """See `BodyReader`."""
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        content: list[bytes] = []
        position, size = 0, len(data)
        while position < size:
            if self._in_trailers:
                rest = self._read_trailers(data, position)
                return _joined(content), rest
            if self._in_chunk:
                position = self._read_chunk(data, position, content)
                continue
            end = data.find(b"\r\n", position, position + MAX_CHUNK_LINE + 2)
            if end < 0:
                self._keep_partial_line(data, position)
                break
            match = _CHUNK_LINE.fullmatch(data, position, end)
            if match is None:
                raise BrokenContent("a chunk does not begin with a hexadecimal size")
            position = end + 2
            length = int(match[1], 16)
            if length:
                self._in_chunk = length + 2
            else:
                self._in_trailers = True
        return _joined(content), None

    def end_of_input(self) -> bool:
        """Never: the last chunk is missing."""
        return False

    def _read_chunk(self, data: bytes, position: int, content: list[bytes]) -> int:
        """Take what there is of the current chunk; returns where to read on."""
        available = len(data) - position
        left = self._in_chunk - available
        if left >= 2:  # only content, and not all of it
            content.append(data[position:])
            self._in_chunk = left
            return len(data)
        end = position + self._in_chunk - 2
        if end > position:
            content.append(data[position:end])
        ending = data[end : end + 2]
        if ending == b"\r\n":
            self._in_chunk = 0
            return end + 2
        if ending not in (b"", b"\r"):
            raise BrokenContent("a chunk is not followed by CRLF")
        self._in_chunk = 2
        self._buffer = ending
        return len(data)

    def _keep_partial_line(self, data: bytes, position: int) -> None:
        line = data[position:]
        if len(line) > MAX_CHUNK_LINE + len(b"\r"):
            raise BrokenContent("a chunk line is too long")
        if b"\n" in line or b"\r" in line[:-1]:
            raise BrokenContent("a chunk line has a bare CR or LF")
        self._buffer = line

    def _read_trailers(self, data: bytes, position: int) -> bytes | None:
        """Read the trailer section if it is complete; returns the octets behind it, or None."""
        if data.startswith(b"\r\n", position):
            return data[position + 2 :]
        end = data.find(b"\r\n\r\n", position, position + MAX_TRAILERS)
        if end < 0:
            section = data[position:]
            if len(section) >= MAX_TRAILERS:
                raise BrokenContent("the trailer section is too large")
            _check_partial_trailers(section)
            self._buffer = section
            return None
        self.trailers = _read_trailer_lines(data[position:end])
        return data[end + 4 :]


def _joined(content: list[bytes]) -> bytes:
    return content[0] if len(content) == 1 else b"".join(content)


def _check_partial_trailers(section: bytes) -> None:
    if section.count(b"\n") != section.count(b"\r\n"):
        raise BrokenContent("the trailer section has a bare LF")


def _read_trailer_lines(section: bytes) -> Fields:
    lines = section.split(b"\r\n")
    if len(lines) > MAX_TRAILER_FIELDS:
        raise BrokenContent("the trailer section has too many fields")
    kept = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.fullmatch(name) or not FIELD_VALUE.fullmatch(value):
            raise BrokenContent("the trailer section has an invalid field")
        if name.lower().replace(b"_", b"-") not in _NOT_IN_TRAILERS:
            kept.append(line)
    return Fields(kept)


def chunk(data: bytes) -> bytes:
    """`data` as one chunk; empty data is not a chunk and gives nothing."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def last_chunk(trailers: Fields | None) -> bytes:
    """The end of chunked content, with its trailer section."""
    if trailers is None or not trailers.lines:
        return b"0\r\n\r\n"
    return b"0\r\n%b\r\n\r\n" % b"\r\n".join(trailers.lines)
