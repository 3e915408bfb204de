"""Requests that two parsers may read differently, through a real relay to a server that records every octet.

Each attempt is one request, or what looks like two, on a connection of its own. Either the relay refuses it and no
complete request reaches the server, or h11, a strict parser that is not ours, reads there what was meant.
"""

import socket

import h11
from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import connect, converse, read_until
from tests.scenarios.relays import relay
from tests.scenarios.scripted import ScriptedServer
from tests.support.child import free_ports

HOST = b"Host: a\r\n"
POST = b"POST /attempt HTTP/1.1\r\n" + HOST
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\nX: "
EMPTY_CHUNKS = b"0\r\n\r\n"


def both_lengths(value: bytes, name: bytes = b"Transfer-Encoding") -> bytes:
    """A request with Content-Length and another field that may mean chunks; the rest hides a request."""
    return POST + b"Content-Length: 6\r\n" + name + b": " + value + b"\r\n\r\n" + EMPTY_CHUNKS + HIDDEN


def chunked(content: bytes) -> bytes:
    """A request with this as its chunked content, and a hidden one behind it."""
    return POST + b"Transfer-Encoding: chunked\r\n\r\n" + content + HIDDEN


#: What must be refused: nothing of it may reach the server.
REFUSED = {
    "length and chunks": both_lengths(b"chunked"),
    "length and a coding that is not chunked": both_lengths(b"xchunked"),
    "length and chunks with a tab": both_lengths(b"\tchunked\t"),
    "length and chunks behind another coding": both_lengths(b"identity, chunked"),
    "length and chunks, white space before the colon": both_lengths(b"chunked", b"Transfer-Encoding "),
    "length and chunks on a folded line": both_lengths(b"\r\n chunked"),
    "length and chunks in quotes": both_lengths(b'"chunked"'),
    "length and chunks twice": both_lengths(b"chunked\r\nTransfer-Encoding: identity"),
    "length and chunks behind a bare LF": both_lengths(b"1\nTransfer-Encoding: chunked", b"X"),
    "length and chunks behind a bare CR": both_lengths(b"1\rTransfer-Encoding: chunked", b"X"),
    "length and chunks behind NUL": both_lengths(b"chunked\0"),
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + HIDDEN,
    "a list of lengths": POST + b"Content-Length: 5, 5\r\n\r\nhello" + HIDDEN,
    "a signed length": POST + b"Content-Length: +5\r\n\r\nhello" + HIDDEN,
    "a length in hexadecimal": POST + b"Content-Length: 0x5\r\n\r\nhello" + HIDDEN,
    "a length with white space in it": POST + b"Content-Length: 1 0\r\n\r\nhello" + HIDDEN,
    "chunks in HTTP/1.0": b"POST /attempt HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + EMPTY_CHUNKS,
    "a chunk size with 0x": chunked(b"0x0\r\n\r\n"),
    "a chunk size with a sign": chunked(b"-0\r\n\r\n"),
    "a chunk size with an underscore": chunked(b"1_0\r\n\r\n"),
    "a chunk size that overflows": chunked(b"10000000000000000\r\n\r\n"),
    "a chunk that is longer than its size": chunked(b"1\r\nab\r\n0\r\n\r\n"),
    "a chunk that ends in LF": chunked(b"1\r\na\n0\r\n\r\n"),
    "a chunk extension with LF": chunked(b"0;a\n\r\n\r\n"),
    "two hosts": b"GET /attempt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a line before the request": b"X\r\nGET /attempt HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target with a space": b"GET /attempt /hidden HTTP/1.1\r\nHost: a\r\n\r\n",
    "a field that Connection would hide": POST + b"Connection: content-length\r\nContent-Length: 5\r\n\r\nhello",
}
#: What is unusual but has one meaning: the requests as (method, target, content).
Seen = tuple[bytes, bytes, bytes]
ACCEPTED: dict[str, tuple[bytes, list[Seen]]] = {
    "a request in the content": (
        POST + b"Content-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
        [(b"POST", b"/attempt", HIDDEN)],
    ),
    "a request in a chunk": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN),
        [(b"POST", b"/attempt", HIDDEN)],
    ),
    "chunk sizes with zeros and extensions": (
        POST + b"Transfer-Encoding: Chunked\r\n\r\n0005;a=b\r\nhello\r\n000;c\r\n\r\n",
        [(b"POST", b"/attempt", b"hello")],
    ),
    "content of a GET": (
        b"GET /attempt HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        [(b"GET", b"/attempt", b"hello")],
    ),
    "two requests in one packet": (
        b"GET /one HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\n\r\n",
        [(b"GET", b"/one", b""), (b"GET", b"/two", b"")],
    ),
    "length fields with other names": (
        POST + b"Content_Length: 9\r\nContent-Length-: 9\r\nContent-Length: 5\r\n\r\nhello",
        [(b"POST", b"/attempt", b"hello")],
    ),
}


class Recorder:
    """A server that reads requests with h11, answers each with its target, and remembers what it got."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self.seen: list[Seen] = []
        """The complete requests."""
        self.place = ScriptedServer(case, self._serve).place

    def _serve(self, connection: socket.socket) -> None:
        parser = h11.Connection(h11.SERVER)
        while request := self._next(connection, parser):
            self.seen.append(request)
            answer = b"%b was read" % request[1]
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))
            parser.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
            parser.send(h11.EndOfMessage())
            parser.start_next_cycle()

    def _next(self, connection: socket.socket, parser: h11.Connection) -> Seen | None:
        """The next complete request, None at the end. What h11 refuses counts as a request: nobody may send it."""
        request: h11.Request | None = None
        content = b""
        while True:
            try:
                event = parser.next_event()
            except h11.RemoteProtocolError as error:
                return b"refused by h11", str(error).encode(), content
            match event:
                case h11.Request():
                    request = event
                case h11.Data():
                    content += event.data
                case h11.EndOfMessage():
                    assert request is not None
                    return bytes(request.method), bytes(request.target), content
                case h11.NEED_DATA:
                    data = connection.recv(65536)
                    if not data:
                        return None
                    parser.receive_data(data)
                case _:
                    return None


class SmugglingTests(SynchronousTestCase):
    """One relay, one recording server, and one attempt after the other."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = recorder

[backend:recorder]
servers = http://127.0.0.1:${RECORDER}
eject_after = off
"""

    def setUp(self) -> None:
        self.recorder = Recorder(self)
        [self.web] = map(str, free_ports(1))
        relay(self, self.RELAY, WEB=self.web, RECORDER=self.recorder.place)

    def assert_not_poisoned(self, name: str) -> None:
        """The next client gets the answer to its own request, and the server saw that one alone."""
        self.recorder.seen.clear()
        answer = converse(self.web, b"GET /clean HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.assertTrue(answer.endswith(b"\r\n\r\n/clean was read"), (name, answer))
        self.assertEqual(self.recorder.seen, [(b"GET", b"/clean", b"")], name)

    def test_refused(self) -> None:
        """Each gets one refusal and the end, and no complete request of it reaches the server, in pieces or whole."""
        for name, octets in REFUSED.items():
            head, _, rest = octets.partition(b"\r\n\r\n")
            for pieces in ([octets], [head + b"\r\n\r\n", rest], [octets[:-9], octets[-9:]]):
                self.recorder.seen.clear()
                answer = converse(self.web, *pieces)
                self.assertRegex(answer, rb"\AHTTP/1\.1 (400|501) ", name)
                self.assertEqual(answer.count(b"HTTP/1.1 "), 1, name)
                self.assertEqual(self.recorder.seen, [], name)
                self.assert_not_poisoned(name)

    def test_accepted(self) -> None:
        """What has one meaning arrives with it."""
        for name, (octets, expected) in ACCEPTED.items():
            self.recorder.seen.clear()
            with connect(self.web) as client:
                client.sendall(octets)
                answers = read_until(client, b"%b was read" % expected[-1][1])
            self.assertEqual(answers.count(b"HTTP/1.1 200 OK\r\n"), len(expected), name)
            self.assertEqual(self.recorder.seen, expected, name)
            self.assert_not_poisoned(name)
