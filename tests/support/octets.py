"""What messages are made of, for Hypothesis: tokens, values, targets, sections, what looks like HTTP, and cuts."""

from itertools import pairwise

from hypothesis import strategies as st

TOKEN_CHARACTERS = b"!#$%&'*+-.^_`|~0123456789abcXYZ"
VALUE_CHARACTERS = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
TARGET_CHARACTERS = bytes(code for code in range(0x21, 0x7F) if code not in b"#\\")

SPECIAL = st.sampled_from(
    [
        *(b"\r\n", b"\r", b"\n", b"\r\n\r\n", b" ", b"\t", b":", b",", b";", b"\0", b"\x7f", b"\xff", b"0", b"5", b"a"),
        *(
            b"GET / HTTP/1.1\r\n",
            b"POST /",
            b" HTTP/1.0\r\n",
            b" HTTP/2.0",
            b"Host: a\r\n",
            b"Host:",
            b"http://",
            b"/../",
        ),
        *(b"Content-Length: 5\r\n", b"Content-Length:", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding:"),
        *(
            b"Connection: close\r\n",
            b"Connection:",
            b"Expect: 100-continue\r\n",
            b"chunked",
            b"hello",
            b"5\r\nhello\r\n",
        ),
        *(
            b"0\r\n\r\n",
            b"0\r\nX: y\r\n\r\n",
            b";a=b",
            b'"',
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 100 x\r\n\r\n",
            b"%2e",
            b"%2F",
        ),
    ]
)
"""Pieces from which messages, good and bad, can be put together."""


def of(characters: bytes, min_size: int = 0, max_size: int = 20) -> st.SearchStrategy[bytes]:
    """Octets out of these."""
    return st.lists(st.sampled_from(list(characters)), min_size=min_size, max_size=max_size).map(bytes)


def octets() -> st.SearchStrategy[bytes]:
    """Anything, but mostly what looks like HTTP in parts."""
    return st.one_of(st.binary(max_size=100), st.lists(SPECIAL | st.binary(max_size=3), max_size=20).map(b"".join))


tokens = of(TOKEN_CHARACTERS, min_size=1, max_size=10)
values = of(VALUE_CHARACTERS).map(lambda value: value.strip(b" \t"))
names = tokens.map(lambda name: b"X-" + name)
"""Names that mean nothing to an intermediary, but may repeat."""
sections = st.lists(st.tuples(names, values), max_size=6)
methods = st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"PURGE"])
paths = st.lists(of(bytes(code for code in TARGET_CHARACTERS if code not in b"/?%.")), max_size=4)
targets = st.builds(
    lambda segments, query: b"/" + b"/".join(segments) + query,
    paths,
    st.none().map(lambda _: b"") | of(TARGET_CHARACTERS).map(lambda query: b"?" + query),
)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The octets cut at these places (taken modulo their length), without empty pieces."""
    cuts = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(cuts)]


places = st.lists(st.integers(0, 10_000), max_size=8)
