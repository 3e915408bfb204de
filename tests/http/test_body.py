"""Content by length, in chunks and until the connection closes."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support import octets
from twisted_relay.http.body import (
    MAX_CHUNK_LINE,
    MAX_TRAILERS,
    BodyReader,
    BrokenContent,
    ChunkedReader,
    CloseReader,
    LengthReader,
    chunk,
    last_chunk,
)
from twisted_relay.http.fields import Fields

Result = tuple[bytes, bytes | None, list[bytes] | None] | None
"""Content, rest and trailer lines; None: broken."""


def read(reader: BodyReader, parts: list[bytes]) -> Result:
    """What a reader makes of these parts; what comes behind the end is put to the rest."""
    content = []
    rest: bytes | None = None
    for part in parts:
        if rest is not None:
            rest += part
            continue
        try:
            more, rest = reader.feed(part)
        except BrokenContent:
            return None
        content.append(more)
    return b"".join(content), rest, None if reader.trailers is None else reader.trailers.lines


class LengthTests(SynchronousTestCase):
    """Content of a known length."""

    def test_parts(self) -> None:
        """Complete with its last octet; what follows is not touched."""
        reader = LengthReader(5)
        self.assertEqual(reader.feed(b"hel"), (b"hel", None))
        self.assertEqual(reader.remaining, 2)
        self.assertEqual(reader.feed(b"lo"), (b"lo", b""))
        self.assertEqual(LengthReader(5).feed(b"hello, world"), (b"hello", b", world"))

    def test_end_of_input(self) -> None:
        """The connection may not end before it is complete."""
        self.assertFalse(LengthReader(1).end_of_input())

    @given(st.integers(1, 40), st.binary(max_size=60), octets.places)
    def test_any_parts(self, length: int, data: bytes, places: list[int]) -> None:
        """However it comes: the first octets, and the others."""
        content, rest, _ = read(LengthReader(length), octets.cut(data, places)) or (b"", None, None)
        self.assertEqual(content, data[:length])
        self.assertEqual(rest, data[length:] if len(data) >= length else None)


class CloseTests(SynchronousTestCase):
    """Content until the connection closes."""

    def test_everything(self) -> None:
        """All of it is content, and the end makes it complete."""
        reader = CloseReader()
        self.assertEqual(reader.feed(b"a\r\n\r\n"), (b"a\r\n\r\n", None))
        self.assertTrue(reader.end_of_input())
        self.assertIsNone(reader.trailers)


class ChunkedTests(SynchronousTestCase):
    """Content in chunks. What is refused stands in `tests/hostile/requests.py`."""

    def test_chunks(self) -> None:
        """Content without its frames, and the octets behind."""
        self.assertEqual(ChunkedReader().feed(b"5\r\nhello\r\n1;a=b\r\n!\r\n0\r\n\r\nGET"), (b"hello!", b"GET"))

    def test_content_is_not_held_back(self) -> None:
        """The part of a chunk that is there is given at once."""
        reader = ChunkedReader()
        self.assertEqual(reader.feed(b"5\r\nhe"), (b"he", None))
        self.assertEqual(reader.feed(b"llo"), (b"llo", None))
        self.assertEqual(reader.feed(b"\r"), (b"", None))
        self.assertEqual(reader.feed(b"\n0\r\n\r"), (b"", None))
        self.assertFalse(reader.end_of_input())
        self.assertEqual(reader.feed(b"\n"), (b"", b""))

    def test_trailers(self) -> None:
        """Kept in order, without those that frame, route, authenticate or control."""
        reader = ChunkedReader()
        section = (
            b"X-A: 1\r\nContent-Length: 5\r\nx-a:2\r\nHOST: b\r\nSet-Cookie: c\r\n"
            b"X-Forwarded-For: d\r\nx_forwarded_for: e\r\nEmpty:"
        )
        self.assertEqual(reader.feed(b"0\r\n" + section + b"\r\n\r\nrest"), (b"", b"rest"))
        self.assertEqual(reader.trailers, Fields([b"X-A: 1", b"x-a:2", b"Empty:"]))

    def test_no_trailers(self) -> None:
        """An empty trailer section is none."""
        reader = ChunkedReader()
        reader.feed(b"0\r\n\r\n")
        self.assertIsNone(reader.trailers)

    def test_what_is_kept_is_bounded(self) -> None:
        """Neither a chunk line nor a trailer section without an end is kept for ever."""
        for beginning, limit in ((b"5;", MAX_CHUNK_LINE), (b"0\r\nX: ", MAX_TRAILERS)):
            reader = ChunkedReader()
            reader.feed(beginning)
            for _ in range(limit // 64 - 1):
                reader.feed(b"a" * 64)
            self.assertLessEqual(len(reader._buffer), limit)
            self.assertRaises(BrokenContent, reader.feed, b"a" * 64)

    def test_long_extensions_are_read_in_linear_time(self) -> None:
        """A line of white space, semicolons or quotes is refused without trying all its readings."""
        for filler in (b" ", b";", b";a", b"; ", b'"', b';a="', b";a=\\"):
            line = b"5" + filler * (MAX_CHUNK_LINE // len(filler) - 1) + b"\0\r\n"
            self.assertRaises(BrokenContent, ChunkedReader().feed, line)


ENCODED = st.builds(
    lambda chunks, trailers: (chunks, Fields.of(trailers) if trailers else None),
    st.lists(st.binary(max_size=20), max_size=6),
    octets.sections,
)


class RoundTripTests(SynchronousTestCase):
    """Chunks that were written are read again."""

    def test_empty(self) -> None:
        """Nothing is no chunk: it would be the last one."""
        self.assertEqual(chunk(b""), b"")
        self.assertEqual(chunk(b"x" * 26), b"1a\r\n" + b"x" * 26 + b"\r\n")
        self.assertEqual(last_chunk(Fields()), b"0\r\n\r\n")

    @given(ENCODED, st.binary(max_size=10), octets.places)
    def test_round_trip(self, encoded: tuple[list[bytes], Fields | None], rest: bytes, places: list[int]) -> None:
        """However the octets are cut: the same content, trailers and rest."""
        chunks, trailers = encoded
        data = b"".join(map(chunk, chunks)) + last_chunk(trailers) + rest
        result = read(ChunkedReader(), octets.cut(data, places))
        self.assertEqual(result, (b"".join(chunks), rest, trailers.lines if trailers is not None else None))

    @given(octets.octets() | octets.of(b'015aF \r\n;="\\X:', max_size=40), octets.places)
    def test_any_octets_in_any_parts(self, data: bytes, places: list[int]) -> None:
        """Nothing but `BrokenContent` is raised, and the parts do not matter."""
        self.assertEqual(read(ChunkedReader(), octets.cut(data, places)), read(ChunkedReader(), [data]))
