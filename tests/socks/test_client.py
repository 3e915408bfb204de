"""What we send to another proxy, and what it answers."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.socks.messages import ALICE, IPV4, IPV6, NAME
from twisted_relay.errors import BadResponse, RelayError
from twisted_relay.socks import server
from twisted_relay.socks.client import (
    read_answer,
    read_method,
    read_verdict,
    reply_text,
    write_credentials,
    write_greeting,
    write_wish,
)
from twisted_relay.socks.codes import Method, Reply


class WritingTests(SynchronousTestCase):
    """What the other proxy is asked."""

    def test_octets(self) -> None:
        """Each message as the RFCs write it."""
        for made, octets in (
            (write_greeting([Method.NONE]), b"\x05\x01\x00"),
            (write_greeting([Method.NONE, Method.PASSWORD]), b"\x05\x02\x00\x02"),
            (write_credentials(b"alice", b"secret"), ALICE),
            (write_wish("192.0.2.7", 443), IPV4),
            (write_wish("2001:db8::1", 22), IPV6),
            (write_wish("example.org", 80), NAME),
        ):
            self.assertEqual(made, octets)

    def test_what_cannot_be_written(self) -> None:
        """Names and passwords have 1 to 255 octets, and names of hosts are ASCII."""
        for name, password in ((b"", b"x"), (b"x", b""), (b"x" * 256, b"x"), (b"x", b"x" * 256)):
            self.assertRaises(ValueError, write_credentials, name, password)
        for host in ("", "a" * 256, "bücher.example"):
            self.assertRaises(ValueError, write_wish, host, 80)


class ReadingTests(SynchronousTestCase):
    """What the other proxy answers."""

    def test_read(self) -> None:
        """The method, the verdict and the reply, with whatever address, and where the destination's octets begin."""
        for method in (0, 2, 255):
            self.assertEqual(read_method(b"\x05%c" % method), method)
        self.assertEqual(
            (read_verdict(b"\x01\x00"), read_verdict(b"\x01\x01"), read_verdict(b"\x01\xff")),
            (True,) * 1 + (False,) * 2,
        )
        for bound in (IPV4[3:], IPV6[3:], NAME[3:]):
            data = b"\x05\x05\x00" + bound
            self.assertEqual(read_answer(data + b"SSH-2.0"), (Reply.REFUSED, len(data)))

    def test_what_the_server_side_writes(self) -> None:
        """Our own two sides understand each other."""
        for reply in Reply:
            self.assertEqual(read_answer(server.write_reply(reply)), (reply, 10))

    def test_incomplete(self) -> None:
        """Nothing is said before all of a message has come."""
        data = server.write_reply(Reply.SUCCEEDED)
        self.assertEqual([read_answer(data[:end]) for end in range(len(data))], [None] * len(data))
        for read, first in ((read_method, b"\x05"), (read_verdict, b"\x01")):
            self.assertEqual((read(b""), read(first)), (None, None))

    def test_refused(self) -> None:
        """What is not SOCKS5 is the proxy's fault, and is seen with the first octet that tells."""
        for read, octets in (
            (read_method, b"H"),
            (read_method, b"\x04"),
            (read_verdict, b"\x05"),
            (read_answer, b"HTTP/1.1 400"),
            (read_answer, b"\x00\x5a"),
            (read_answer, b"\x05\x00\x01"),
            (read_answer, b"\x05\x00\x00\x02"),
        ):
            self.assertRaises(BadResponse, read, octets)

    @given(st.binary(max_size=300))
    def test_only_our_errors(self, data: bytes) -> None:
        """Whatever comes, it is read, waited for, or the proxy's fault, the same whole or octet by octet."""
        for read in (read_method, read_verdict, read_answer):
            said = [self.outcome(read, data[:end]) for end in range(len(data) + 1)]
            first = next((each for each in said if each is not None), None)
            self.assertEqual(first, said[-1], read)

    def outcome(self, read: object, data: bytes) -> object:
        """What a reader says of octets."""
        assert callable(read)
        try:
            said: object = read(data)
        except RelayError as error:
            self.assertEqual(error.side, "server")
            return str(error)
        return said

    def test_words(self) -> None:
        """Every reply of the RFC has words, and the others are said with their number."""
        self.assertEqual(reply_text(Reply.NOT_ALLOWED), "not allowed by its rules")
        self.assertNotIn("no meaning", "".join(map(reply_text, Reply)))
        self.assertIn("145", reply_text(145))
