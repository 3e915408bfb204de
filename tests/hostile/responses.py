"""Responses as hostile, broken or merely unusual servers send them, and what must happen to each.

`test_responses` runs every row whole, octet by octet, in two pieces cut at every place, and with further octets behind
it. The rule is a section of RFC 9112 (or another RFC where named), or a part of `docs/reference/http.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from twisted_relay.http.http1 import MAX_RESPONSE_FIELDS, MAX_RESPONSE_HEAD
from twisted_relay.upstream.http1 import MAX_INFORMATIONAL


class After(Enum):
    """What becomes of the connection behind a good response."""

    KEPT = "it serves further requests"
    CLOSED = "it is closed"


@dataclass(frozen=True, slots=True)
class Passed:
    """The client gets this response, complete."""

    status: int
    content: bytes = b""
    after: After = After.KEPT
    until_close: bool = False
    """Everything up to the end of the connection is content."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The client gets 502; or, if the head has been passed on already, never a complete response."""


@dataclass(frozen=True, slots=True)
class Case:
    """One row."""

    name: str
    rule: str
    raw: bytes
    verdict: Passed | Broken
    method: bytes = b"GET"
    closes: bool = False
    """The server closes the connection behind it."""


Row = tuple[str, bytes, Passed | Broken]

END = b"\r\n\r\n"
OK = b"HTTP/1.1 200 OK"
HELLO = Passed(200, b"hello")
HELLO_CLOSED = Passed(200, b"hello", After.CLOSED)
BAD = Broken()


def start(line: bytes) -> bytes:
    """A response with this status line."""
    return line + b"\r\nContent-Length: 5" + END + b"hello"


def field(lines: bytes) -> bytes:
    """A response with these field lines between others."""
    return OK + b"\r\nServer: x\r\n" + lines + b"\r\nContent-Length: 5" + END + b"hello"


def framed(lines: bytes) -> bytes:
    """A response of five octets that is framed by these lines only."""
    return OK + b"\r\n" + lines + END + b"hello"


def coded(lines: bytes) -> bytes:
    """A response in chunks that is framed by these lines only."""
    return OK + b"\r\n" + lines + END + b"5\r\nhello\r\n0\r\n\r\n"


def chunks(content: bytes) -> bytes:
    """A response with this as chunked content."""
    return OK + b"\r\nTransfer-Encoding: chunked" + END + content


def after(first: bytes) -> bytes:
    """A good response behind this."""
    return first + start(OK)


def as_it_is(raw: bytes) -> bytes:
    return raw


def table(rule: str, build: Callable[[bytes], bytes], *rows: Row) -> list[Case]:
    """Rows whose raw response is made by one function."""
    return [Case(name, rule, build(text), verdict) for name, text, verdict in rows]


def to_head(rule: str, *rows: Row) -> list[Case]:
    """Rows that answer a HEAD."""
    return [Case(name, rule, raw, verdict, b"HEAD") for name, raw, verdict in rows]


def closing(rule: str, *rows: Row) -> list[Case]:
    """Rows behind which the server closes."""
    return [Case(name, rule, raw, verdict, closes=True) for name, raw, verdict in rows]


STATUS_LINES = table(
    "§4",
    start,
    ("the plain response", b"HTTP/1.1 200 OK", HELLO),
    ("no reason", b"HTTP/1.1 200 ", HELLO),
    ("no reason and no space", b"HTTP/1.1 200", HELLO),
    ("a reason with spaces, tabs and obs-text", b"HTTP/1.1 200  a\tb \xe4", HELLO),
    ("a status code that nobody knows", b"HTTP/1.1 299 Odd", Passed(299, b"hello")),
    ("an error", b"HTTP/1.1 503 No", Passed(503, b"hello")),
    ("the last status code", b"HTTP/1.1 599 End", Passed(599, b"hello")),
    ("HTTP/1.0", b"HTTP/1.0 200 OK", HELLO_CLOSED),
    ("a later minor version is taken for 1.1", b"HTTP/1.2 200 OK", HELLO),
    ("HTTP/2", b"HTTP/2 200 OK", BAD),
    ("HTTP/2.0", b"HTTP/2.0 200 OK", BAD),
    ("HTTP/0.9", b"HTTP/0.9 200 OK", BAD),
    ("a version of two digits", b"HTTP/1.10 200 OK", BAD),
    ("a version in lower case", b"http/1.1 200 OK", BAD),
    ("ICY", b"ICY 200 OK", BAD),
    ("a request", b"GET / HTTP/1.1", BAD),
    ("a page without a head", b"<html>", BAD),
    ("no status code", b"HTTP/1.1 OK", BAD),
    ("a version alone", b"HTTP/1.1", BAD),
    ("a status code of two digits", b"HTTP/1.1 20 OK", BAD),
    ("a status code of four digits", b"HTTP/1.1 2000 OK", BAD),
    ("a status code below 100", b"HTTP/1.1 099 OK", BAD),
    ("a status code of zeros", b"HTTP/1.1 000 OK", BAD),
    ("a status code of 600", b"HTTP/1.1 600 OK", BAD),
    ("a status code with a sign", b"HTTP/1.1 +200 OK", BAD),
    ("a status code of letters", b"HTTP/1.1 2xx OK", BAD),
    ("a status code in full-width digits", "HTTP/1.1 ２００ OK".encode(), BAD),
    ("something stuck to the status code", b"HTTP/1.1 200OK", BAD),
    ("a tab behind the status code", b"HTTP/1.1 200\tOK", BAD),
    ("two spaces before the status code", b"HTTP/1.1  200 OK", BAD),
    ("a tab before the status code", b"HTTP/1.1\t200 OK", BAD),
    ("a space before the version", b" HTTP/1.1 200 OK", BAD),
    ("an empty line before the response", b"\r\nHTTP/1.1 200 OK", BAD),
    ("LF before the response", b"\nHTTP/1.1 200 OK", BAD),
    ("a byte-order mark", b"\xef\xbb\xbfHTTP/1.1 200 OK", BAD),
    ("NUL in the reason", b"HTTP/1.1 200 O\0K", BAD),
    ("an escape character in the reason", b"HTTP/1.1 200 \x1b[2J", BAD),
    ("DEL in the reason", b"HTTP/1.1 200 O\x7fK", BAD),
    ("a bare CR in the reason", b"HTTP/1.1 200 O\rK", BAD),
    ("a status line that ends with LF only", b"HTTP/1.1 200 OK\nX: y", BAD),
    ("a status line that ends with CR CR LF", b"HTTP/1.1 200 OK\r", BAD),
)

FIELDS = table(
    "§5",
    field,
    ("an empty value", b"X:", HELLO),
    ("octets above 127 in a value (obs-text)", b"X: \x80\xff", HELLO),
    ("a repeated field", b"Set-Cookie: a=1\r\nSet-Cookie: b=2", HELLO),
    ("Host and Expect mean nothing", b"Host: b\r\nHost: c\r\nExpect: x", HELLO),
    ("Upgrade without 101", b"Connection: Upgrade\r\nUpgrade: h2c", HELLO),
    ("a folded line", b"X: a\r\n b", BAD),
    ("a line folded with a tab", b"X: a\r\n\tb", BAD),
    ("a space before the colon", b"X : y", BAD),
    ("a space before the name", b" X: y", BAD),
    ("a space in a name", b"X Y: z", BAD),
    ("no name", b": y", BAD),
    ("no colon", b"X", BAD),
    ("an octet above 127 in a name", b"X\xe9: y", BAD),
    ("NUL in a name", b"X\0: y", BAD),
    ("NUL in a value", b"X: a\0b", BAD),
    ("DEL in a value", b"X: a\x7fb", BAD),
    ("an escape character in a value", b"X: \x1b[2J", BAD),
    ("a bare CR in a value", b"X: a\rSet-Cookie: b=2", BAD),
    ("a bare LF in a value", b"X: a\nSet-Cookie: b=2", BAD),
    ("as many fields as may be", b"\r\n".join([b"X: y"] * (MAX_RESPONSE_FIELDS - 2)), HELLO),
    ("too many fields", b"\r\n".join([b"X: y"] * (MAX_RESPONSE_FIELDS - 1)), BAD),
    ("the largest head", b"X: " + b"y" * (MAX_RESPONSE_HEAD - len(field(b"X: ")) + len(END + b"hello")), HELLO),
    (
        "a head that is too large",
        b"X: " + b"y" * (MAX_RESPONSE_HEAD - len(field(b"X: ")) + len(END + b"hello") + 1),
        BAD,
    ),
    ("a status line among the fields", b"HTTP/1.1 200 OK", BAD),
)

LENGTHS = table(
    "§6.3",
    framed,
    ("a length", b"Content-Length: 5", HELLO),
    ("a length in odd case and without a space", b"cOnTeNt-LeNgTh:5", HELLO),
    ("leading zeros", b"Content-Length: 0005", HELLO),
    ("white space around a length", b"Content-Length: \t5 \t", HELLO),
    ("the same length twice", b"Content-Length: 5\r\nContent-Length: 5", BAD),
    ("two lengths", b"Content-Length: 5\r\nContent-Length: 6", BAD),
    ("a list of the same length", b"Content-Length: 5, 5", BAD),
    ("an empty length", b"Content-Length:", BAD),
    ("a positive sign", b"Content-Length: +5", BAD),
    ("a negative length", b"Content-Length: -1", BAD),
    ("a hexadecimal length", b"Content-Length: 0x5", BAD),
    ("a fraction", b"Content-Length: 5.0", BAD),
    ("a digit separator", b"Content-Length: 0_5", BAD),
    ("a length of letters", b"Content-Length: five", BAD),
    ("white space in a length", b"Content-Length: 0 5", BAD),
    ("full-width digits", "Content-Length: ５".encode(), BAD),
    ("a length of 2^63", b"Content-Length: 9223372036854775808", BAD),
    ("a length that wraps round in 64 bits", b"Content-Length: 18446744073709551621", BAD),
    ("a length of five thousand digits", b"Content-Length: " + b"9" * 5000, BAD),
    ("white space before the colon", b"Content-Length : 5", BAD),
    ("a folded length", b"Content-Length:\r\n 5", BAD),
)

CODINGS = table(
    "§6.1",
    coded,
    ("chunked", b"Transfer-Encoding: chunked", HELLO),
    ("codings have no case", b"transfer-encoding:CHUNKED", HELLO),
    ("chunked beside a length", b"Transfer-Encoding: chunked\r\nContent-Length: 15", BAD),
    ("a length beside chunked", b"Content-Length: 5\r\nTransfer-Encoding: chunked", BAD),
    ("a coding before chunked", b"Transfer-Encoding: gzip, chunked", BAD),
    ("a coding behind chunked", b"Transfer-Encoding: chunked, gzip", BAD),
    ("another coding", b"Transfer-Encoding: gzip", BAD),
    ("identity", b"Transfer-Encoding: identity", BAD),
    ("no coding", b"Transfer-Encoding:", BAD),
    ("chunked twice in one line", b"Transfer-Encoding: chunked, chunked", BAD),
    ("chunked twice", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", BAD),
    ("chunked with a parameter", b"Transfer-Encoding: chunked;a=b", BAD),
    ("chunked in quotes", b'Transfer-Encoding: "chunked"', BAD),
    ("a comma behind chunked", b"Transfer-Encoding: chunked,", BAD),
    ("chunked behind a vertical tab", b"Transfer-Encoding: \x0bchunked", BAD),
    ("white space before the colon", b"Transfer-Encoding : chunked", BAD),
)

CHUNKS = table(
    "§7.1",
    chunks,
    ("several chunks", b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", HELLO),
    ("no chunk but the last", b"0\r\n\r\n", Passed(200)),
    ("extensions are dropped", b'5;a="b;c" ; d\r\nhello\r\n0;e\r\n\r\n', HELLO),
    ("trailers", b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", HELLO),
    ("a length in the trailers is dropped", b"5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n", HELLO),
    ("a size that is no number", b"five\r\nhello\r\n0\r\n\r\n", BAD),
    ("a space behind the size", b"5 \r\nhello\r\n0\r\n\r\n", BAD),
    ("a size with 0x", b"0x5\r\nhello\r\n0\r\n\r\n", BAD),
    ("a negative size", b"-5\r\nhello\r\n0\r\n\r\n", BAD),
    ("a size that is negative in 64 bits", b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n", BAD),
    ("no size", b"\r\nhello\r\n0\r\n\r\n", BAD),
    ("LF behind the size", b"5\nhello\r\n0\r\n\r\n", BAD),
    ("LF behind a chunk", b"5\r\nhello\n0\r\n\r\n", BAD),
    ("no line end behind a chunk", b"5\r\nhello0\r\n\r\n", BAD),
    ("a chunk longer than its size", b"4\r\nhello\r\n0\r\n\r\n", BAD),
    ("LF in an extension", b"5;a\nb\r\nhello\r\n0\r\n\r\n", BAD),
    ("a folded trailer", b"5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n", BAD),
    ("a trailer without a colon", b"5\r\nhello\r\n0\r\nX\r\n\r\n", BAD),
    ("NUL in a trailer", b"5\r\nhello\r\n0\r\nX: \0\r\n\r\n", BAD),
    ("a bare LF in a trailer", b"5\r\nhello\r\n0\r\nX: a\nY: b\r\n\r\n", BAD),
    ("a response in place of trailers", b"5\r\nhello\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n", BAD),
)

UNFRAMED = [
    *closing(
        "§6.3",
        ("content until the connection closes", OK + END + b"hello", Passed(200, b"hello", After.CLOSED, True)),
        ("no content until the connection closes", OK + END, Passed(200, b"", After.CLOSED, True)),
        ("the same in HTTP/1.0", b"HTTP/1.0 200 OK" + END + b"hello", Passed(200, b"hello", After.CLOSED, True)),
        ("a length and a close", start(OK), HELLO_CLOSED),
        ("less than the length", framed(b"Content-Length: 6"), BAD),
        ("nothing of the length", OK + b"\r\nContent-Length: 5" + END, BAD),
        ("a close in a chunk", chunks(b"5\r\nhel"), BAD),
        ("a close between chunks", chunks(b"5\r\nhello\r\n"), BAD),
        ("a close behind the last chunk", chunks(b"5\r\nhello\r\n0\r\n"), BAD),
        ("a close in the trailers", chunks(b"5\r\nhello\r\n0\r\nX: y\r\n"), BAD),
        ("a close in the head", OK + b"\r\nContent-Length: 5\r\n", BAD),
        ("a close in the status line", b"HTTP/1.1 2", BAD),
        ("a close behind an informational response", b"HTTP/1.1 100 Continue" + END, BAD),
        ("a close and nothing else", b"", BAD),
        ("a page without a head and a close", b"<html>hello</html>", BAD),
    ),
    *table(
        "§6.1",
        as_it_is,
        ("HTTP/1.0 in chunks", coded(b"Transfer-Encoding: chunked").replace(b"HTTP/1.1", b"HTTP/1.0"), BAD),
    ),
]

WITHOUT_CONTENT = [
    *table(
        "§6.3",
        as_it_is,
        ("204", b"HTTP/1.1 204 No Content" + END, Passed(204)),
        ("204 with a length of zero", b"HTTP/1.1 204 No Content\r\nContent-Length: 0" + END, Passed(204)),
        ("204 with a length", b"HTTP/1.1 204 No Content\r\nContent-Length: 5" + END, Passed(204)),
        (
            "204 with content, which belongs to nobody",
            b"HTTP/1.1 204 No Content\r\nContent-Length: 5" + END + b"hello",
            Passed(204, after=After.CLOSED),
        ),
        ("304", b"HTTP/1.1 304 Not Modified" + END, Passed(304)),
        (
            "304 with the length of what is not sent",
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5" + END,
            Passed(304),
        ),
        (
            "304 in chunks that are not sent",
            b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked" + END,
            Passed(304),
        ),
        (
            "304 with content, which belongs to nobody",
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5" + END + b"hello",
            Passed(304, after=After.CLOSED),
        ),
        ("a length of zero", OK + b"\r\nContent-Length: 0" + END, Passed(200)),
        ("205 with a length of zero", b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0" + END, Passed(205)),
        ("more than the length", framed(b"Content-Length: 3"), Passed(200, b"hel", After.CLOSED)),
        ("a line end behind the content", start(OK) + b"\r\n", HELLO_CLOSED),
    ),
    *to_head(
        "§6.3",
        ("HEAD with a length", OK + b"\r\nContent-Length: 5" + END, Passed(200)),
        ("HEAD in chunks that are not sent", OK + b"\r\nTransfer-Encoding: chunked" + END, Passed(200)),
        ("HEAD without a length", OK + END, Passed(200)),
        ("HEAD with content, which belongs to nobody", start(OK), Passed(200, after=After.CLOSED)),
        ("HEAD with a length beside chunked", OK + b"\r\nTransfer-Encoding: chunked\r\nContent-Length: 5" + END, BAD),
        ("HEAD with two lengths", OK + b"\r\nContent-Length: 5\r\nContent-Length: 6" + END, BAD),
    ),
]

CONNECTIONS = table(
    "§9.3",
    field,
    ("keep-alive", b"Connection: keep-alive\r\nKeep-Alive: timeout=5", HELLO),
    ("close", b"Connection: close", HELLO_CLOSED),
    ("close wins over keep-alive", b"Connection: close, keep-alive", HELLO_CLOSED),
    ("close wins, in two lines", b"Connection: close\r\nConnection: keep-alive", HELLO_CLOSED),
    ("close wins, in two lines the other way", b"Connection: keep-alive\r\nConnection: close", HELLO_CLOSED),
    ("Proxy-Connection means nothing", b"Proxy-Connection: close", HELLO),
    ("an unknown option", b"Connection: x-private\r\nX-Private: 1", HELLO),
    ("Connection names Content-Length", b"Connection: content-length", BAD),
    ("Connection names Transfer-Encoding", b"Connection: Transfer-Encoding", BAD),
    ("Connection names Set-Cookie", b"Connection: set-cookie\r\nSet-Cookie: a=1", BAD),
    ("Connection names Cache-Control in a second line", b"Connection: close\r\nConnection: cache-control", BAD),
)

OLD_CONNECTIONS = table(
    "§9.3",
    lambda lines: field(lines).replace(b"HTTP/1.1", b"HTTP/1.0"),
    ("HTTP/1.0 with keep-alive is not kept all the same", b"Connection: keep-alive", HELLO_CLOSED),
)

INFORMATIONAL = table(
    "RFC 9110 §15.2",
    after,
    ("100", b"HTTP/1.1 100 Continue" + END, HELLO),
    ("103 with fields", b"HTTP/1.1 103 Early Hints\r\nLink: </a>" + END, HELLO),
    ("several", b"HTTP/1.1 102 Processing\r\n\r\n" * 3 + b"HTTP/1.1 103 x" + END, HELLO),
    ("as many as may be", b"HTTP/1.1 102 Processing\r\n\r\n" * MAX_INFORMATIONAL, HELLO),
    ("too many", b"HTTP/1.1 102 Processing\r\n\r\n" * (MAX_INFORMATIONAL + 1), BAD),
    ("one with a length has no content", b"HTTP/1.1 103 x\r\nContent-Length: 5" + END, HELLO),
    ("one with content", b"HTTP/1.1 103 x\r\nContent-Length: 5" + END + b"hello", BAD),
    ("a bad one", b"HTTP/1.1 103 x\r\nX : y" + END, BAD),
    ("101 that nobody asked for", b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x" + END, BAD),
)

TABLES = {
    "status line": STATUS_LINES,
    "fields": FIELDS,
    "Content-Length": LENGTHS,
    "Transfer-Encoding": CODINGS,
    "chunks": CHUNKS,
    "content without a length": UNFRAMED,
    "no content": WITHOUT_CONTENT,
    "connection": CONNECTIONS,
    "connection in HTTP/1.0": OLD_CONNECTIONS,
    "informational": INFORMATIONAL,
}
CASES = [case for cases in TABLES.values() for case in cases]
