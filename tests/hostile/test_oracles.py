"""Our reading of requests beside that of two independent parsers, h11 and llhttp, over generated ones.

Good requests mean to us what they mean to both. Of requests with faults we may refuse any; but what we accept means
the same to whoever accepts it too, before it comes to us and after we have passed it on.
"""

from collections.abc import Callable, Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.hostile.requests import CASES, TABLES, Accepted
from tests.hostile.test_requests import KNOWN_TO_LLHTTP
from tests.support import octets
from tests.support.oracles import Received, UnreadableMessage, received_by_h11, received_by_llhttp
from twisted_relay.errors import ClientError
from twisted_relay.http.body import BrokenContent, chunk, last_chunk
from twisted_relay.http.fields import Fields
from twisted_relay.http.http1 import (
    RequestLimits,
    find_request_head,
    read_request,
    request_reader,
    without_connection_fields,
    write_request,
)

LIMITS = RequestLimits()
Read = Callable[[bytes], list[Received]]
STRICTER = (
    "version",
    "target",
    "method",
    "Host",
    "Host in other forms",
    "connection",
    "limits",
)
"""Tables of what is valid framing for any parser, and refused by us for what it says."""
REASONED = {
    "HTTP/1.0 with chunked": "RFC 9112 §6.1: treat the framing as faulty",
    "HTTP/1.0 with chunked and keep-alive": "the same",
    "a size with more digits than any has": "a limit",
    "a line that is too long": "a limit",
    "too many trailers": "a limit",
    "too long a trailer section": "a limit",
    "a value without a name": "RFC 9112 §7.1.1",
    "an extension without a value behind its sign": "RFC 9112 §7.1.1",
}


def understood(raw: bytes) -> Iterator[tuple[Received, bytes]]:
    """The requests that we read, each with what a server would get of it."""
    raw = raw.removeprefix(b"\r\n")
    while raw:
        try:
            end = find_request_head(raw, LIMITS)
            if end < 0:
                return
            request = read_request(raw[:end])
            reader = request_reader(request)
            content, rest = (b"", raw[end + 4 :]) if reader is None else reader.feed(raw[end + 4 :])
        except (ClientError, BrokenContent):
            return
        if rest is None:
            return
        without_connection_fields(request)
        body = content
        if request.length is None:
            body = chunk(content) + last_chunk(reader.trailers if reader is not None else None)
        yield Received(request.method, request.target, content), write_request(request, b"b") + body
        if not request.keep_alive:
            return
        raw = rest.removeprefix(b"\r\n")


def meaning(read: Read, raw: bytes) -> list[Received] | None:
    """What an oracle reads; None if it refuses."""
    try:
        return read(raw)
    except UnreadableMessage:
        return None


# -- good requests, in all their spellings ----------------------------------------------------------------------------

spaces = octets.of(b" \t", max_size=3)
cases = st.sampled_from([bytes.lower, bytes.upper, bytes.title])


@st.composite
def field_lines(draw: st.DrawFn, name: bytes, value: bytes) -> bytes:
    """A field line in any case, with any white space that may be there."""
    return draw(cases)(name) + b":" + draw(spaces) + value + draw(spaces)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, bytes, bytes]:
    """A framing line or nothing, the content as it is sent, and what it means."""
    how = draw(st.sampled_from(["none", "length", "chunks"]))
    if how == "none":
        return b"", b"", b""
    content = draw(st.binary(max_size=30))
    if how == "length":
        line = draw(field_lines(b"Content-Length", b"%0*d" % (draw(st.integers(1, 5)), len(content))))
        return line + b"\r\n", content, content
    parts = octets.cut(content, draw(octets.places))
    extension = draw(st.sampled_from([b"", b";a", b";a=b", b';a="b;c"']))
    sent = b"".join(b"%0*X%b\r\n%b\r\n" % (draw(st.integers(1, 4)), len(part), extension, part) for part in parts)
    trailers = draw(octets.sections)
    line = draw(field_lines(b"Transfer-Encoding", b"chunked")).rstrip(b" \t")  # llhttp takes no space behind it
    return line + b"\r\n", sent + last_chunk(Fields.of(trailers)), content


@st.composite
def good_requests(draw: st.DrawFn) -> tuple[bytes, Received]:
    """A request that nobody may refuse, and what it means."""
    method, target = draw(octets.methods), draw(octets.targets)
    framing, sent, content = draw(bodies())
    lines = [draw(field_lines(b"Host", b"example.com:8080")) + b"\r\n"]
    lines += [draw(field_lines(name, value)) + b"\r\n" for name, value in draw(octets.sections)]
    lines.insert(draw(st.integers(0, len(lines))), framing)
    raw = b"%b %b HTTP/1.1\r\n%b\r\n%b" % (method, target, b"".join(lines), sent)
    return raw, Received(method, target, content)


class GoodRequestsTests(SynchronousTestCase):
    """A refusal of good traffic is a fault too."""

    @settings(max_examples=50)
    @given(st.lists(good_requests(), min_size=1, max_size=3))
    def test_like_both_oracles(self, requests: list[tuple[bytes, Received]]) -> None:
        """Any number of good requests behind each other mean the same to all three, and to servers."""
        raw = b"".join(sent for sent, _ in requests)
        meant = [request for _, request in requests]
        self.assertEqual(received_by_h11(raw), meant)
        self.assertEqual(received_by_llhttp(raw), meant)
        ours = list(understood(raw))
        self.assertEqual([request for request, _ in ours], meant)
        for request, forwarded in ours:
            self.assertEqual(received_by_h11(forwarded), [request])
            self.assertEqual(received_by_llhttp(forwarded), [request])

    def test_only_what_says_too_much_is_refused(self) -> None:
        """What both oracles read alike, of the table of requests, we refuse for a reason that is written down."""
        named = {case.name for table in STRICTER for case in TABLES[table]}
        for case in CASES:
            both = meaning(received_by_h11, case.raw)
            if both and both == meaning(received_by_llhttp, case.raw) and not isinstance(case.verdict, Accepted):
                self.assertTrue(case.name in REASONED or case.name in named, case)


# -- requests with faults ---------------------------------------------------------------------------------------------

BASES = (
    b"GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 3\r\nX: y\r\n\r\nabc",
)
BEHIND = b"GET /behind HTTP/1.1\r\nHost: a\r\n\r\n"


@st.composite
def faulty_requests(draw: st.DrawFn) -> bytes:
    """A request in which some octets were put in, taken out or replaced, with another one behind it."""
    raw = draw(st.sampled_from(BASES))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(raw)))
        gone = draw(st.sampled_from([0, 0, 1, 2, 5]))
        raw = raw[:place] + draw(octets.SPECIAL | st.binary(max_size=2)) + raw[place + gone :]
    return raw + BEHIND


class FaultyRequestsTests(SynchronousTestCase):
    """Nothing that we accept means something else to others."""

    @given(faulty_requests())
    def test_one_meaning(self, raw: bytes) -> None:
        """What is accepted is read alike by both oracles when it is forwarded."""
        for request, forwarded in understood(raw):
            self.assertEqual(received_by_h11(forwarded), [request])
            if request.method in KNOWN_TO_LLHTTP:
                self.assertEqual(received_by_llhttp(forwarded), [request])

    @given(faulty_requests())
    def test_no_other_meaning_in_front(self, raw: bytes) -> None:
        """A proxy in front of us that uses one of the oracles sees the same requests, as far as both of us go on."""
        ours = [request for request, _ in understood(raw)]
        for read in (received_by_h11, received_by_llhttp):
            theirs = meaning(read, raw)
            for request, other in zip(ours, theirs or [], strict=False):
                self.assertEqual((request.method, request.content), (other.method, other.content))
                if other.target.startswith(b"/"):  # absolute-form has become a path
                    self.assertEqual(request.target, other.target)
