"""Questions and replies as octets."""

import random
import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.names.reply import LONGEST_TTL, Record, Reply, Service, Zone
from twisted_relay.names.wire import Malformed, Question, reply_to

A = Question(4711, "api.internal", "A")


def message(question: Question = A, *, number: int | None = None, answer: int = 1) -> dns.Message:
    """A reply without records."""
    made = dns.Message(question.number if number is None else number, answer=answer, maxSize=0)
    made.addQuery(question.name.encode(), {"A": dns.A, "AAAA": dns.AAAA, "SRV": dns.SRV}[question.kind], dns.IN)
    return made


def record(name: str, payload: dns.IEncodableRecord, ttl: int = 60) -> dns.RRHeader:
    """A record."""
    return dns.RRHeader(name, payload.TYPE, dns.IN, ttl, payload)


class QuestionTests(SynchronousTestCase):
    """What is sent."""

    def test_octets(self) -> None:
        """The number, the wish for recursion, and one question."""
        expected = struct.pack("!6H", 4711, 0x0100, 1, 0, 0, 0) + b"\x03api\x08internal\x00" + struct.pack("!2H", 1, 1)
        self.assertEqual(A.octets(), expected)


class ReplyTests(SynchronousTestCase):
    """What is received."""

    def test_records(self) -> None:
        """All kinds that we know; names in lower case; others are left aside."""
        made = message()
        made.answers = [
            record("API.Internal", dns.Record_CNAME("B.internal")),
            record("b.internal", dns.Record_A("10.0.0.1"), 5),
            record("b.internal", dns.Record_AAAA("2001:db8::1")),
            record("b.internal", dns.Record_TXT(b"hello")),
            record("b.internal", dns.Record_SRV(1, 2, 8080, "C.internal")),
        ]
        made.additional = [record("c.internal", dns.Record_A("10.0.0.2"), 2**31 - 1)]
        expected = Reply(
            0,
            is_truncated=False,
            answers=(
                Record("api.internal", "CNAME", 60, "b.internal"),
                Record("b.internal", "A", 5, "10.0.0.1"),
                Record("b.internal", "AAAA", 60, "2001:db8::1"),
                Record("b.internal", "SRV", 60, Service(1, 2, 8080, "c.internal")),
            ),
            additional=(Record("c.internal", "A", LONGEST_TTL, "10.0.0.2"),),
        )
        self.assertEqual(reply_to(A, made.toStr()), expected)

    def test_a_thousand_servers(self) -> None:
        """An answer with as many records as a message can hold is read."""
        made = message()
        made.answers = [record("api.internal", dns.Record_A(f"10.0.{n >> 8}.{n & 255}")) for n in range(4000)]
        reply = reply_to(A, made.toStr())
        assert reply is not None
        self.assertEqual(len(reply.answers), 4000)

    def test_another_question(self) -> None:
        """Another number, a question, another name or kind, no or two questions: not a reply to ours."""
        two = message()
        two.addQuery(b"b", dns.A, dns.IN)
        for made in (
            message(number=4712),
            message(answer=0),
            message(Question(4711, "api.internal", "AAAA")),
            message(Question(4711, "apj.internal", "A")),
            dns.Message(4711, answer=1),
            two,
        ):
            self.assertIs(reply_to(A, made.toStr()), None, made)

    def test_letters_may_change(self) -> None:
        """A server that sends the name back in other letters is understood."""
        self.assertEqual(
            reply_to(A, message(Question(4711, "API.internal", "A")).toStr()), Reply(0, is_truncated=False)
        )

    def test_zones(self) -> None:
        """A zone says how long it holds that there is nothing: its minimum, or its own time if that is shorter."""
        for ttl, minimum in ((60, 30), (30, 60)):
            made = message()
            made.authority = [record("Internal", dns.Record_SOA("ns", "admin", 1, 2, 3, 4, minimum, ttl), ttl)]
            reply = reply_to(A, made.toStr())
            assert reply is not None
            self.assertEqual(reply.zones, (Zone("internal", 30),))

    def test_truncated(self) -> None:
        """A truncated reply says so, whatever is left of its records."""
        made = message()
        made.answers = [record("api.internal", dns.Record_A("10.0.0.1")) for _ in range(100)]
        made.maxSize = 512
        reply = reply_to(A, made.toStr())
        assert reply is not None
        self.assertTrue(reply.is_truncated)

    def test_codes(self) -> None:
        """The code says how it went."""
        made = message()
        made.rCode = 3
        reply = reply_to(A, made.toStr())
        assert reply is not None
        self.assertEqual(reply.code, 3)

    def test_malformed(self) -> None:
        """Half messages and loops of names are refused."""
        made = message()
        made.answers = [record("api.internal", dns.Record_A("10.0.0.1")) for _ in range(3)]
        octets = made.toStr()
        loop = octets[:12] + b"\xc0\x0c" + octets[14:]
        for each in (b"", octets[:11], octets[:-1], octets[:-20], loop):
            self.assertRaises(Malformed, reply_to, A, each)

    def test_names_that_unfold(self) -> None:
        """A reply whose pointers all lead to one endless name is refused; to read it would hold up everything."""
        long_name = b"\x01a" * 1000 + b"\0"
        alias = b"\xc0\x0c" + struct.pack("!HHIH", dns.CNAME, dns.IN, 60, len(long_name))
        empty = message().toStr()
        pointer = struct.pack("!H", 0xC000 | len(empty) + len(alias))
        address = pointer + struct.pack("!HHIH4s", dns.A, dns.IN, 60, 4, b"\x0a\0\0\1")
        header = empty[:6] + struct.pack("!H", 1001) + empty[8:12]
        octets = header + empty[12:] + alias + long_name + address * 1000
        self.assertRaises(Malformed, reply_to, A, octets)

    @given(st.integers(0, 2**32), st.integers(1, 40))
    def test_hostile(self, seed: int, changes: int) -> None:
        """Whatever octets come, they are a reply, none, or malformed; nothing else is raised."""
        made = message()
        made.answers = [record("api.internal", dns.Record_CNAME("b.internal"))]
        made.answers += [record("b.internal", dns.Record_SRV(1, 2, 8080, "C.internal")) for _ in range(4)]
        octets, draw = bytearray(made.toStr()), random.Random(seed)
        for _ in range(changes):
            octets[draw.randrange(2, len(octets))] = draw.randrange(256)
        try:
            reply_to(A, bytes(octets))
        except Malformed:
            pass
