"""What clients of SOCKS5 send, read and answered."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.socks.messages import ALICE, CREDENTIALS, GREETINGS, IPV4, IPV6, NAME, REQUESTS, named
from twisted_relay.errors import RelayError
from twisted_relay.socks import client
from twisted_relay.socks.codes import BadMessage, Command, Kind, Method, NotSupported, Reply
from twisted_relay.socks.server import (
    read_credentials,
    read_greeting,
    read_wish,
    write_method,
    write_reply,
    write_verdict,
)

Reader = Callable[[bytes], object]
READERS: tuple[Reader, ...] = (read_greeting, read_credentials, read_wish)


def outcome(read: Reader, data: bytes) -> object:
    """What a reader makes of octets: the message, None, or the words of its refusal."""
    try:
        return read(data)
    except (BadMessage, NotSupported) as error:
        return str(error), error.answer


def octet_by_octet(read: Reader, data: bytes) -> object:
    """The same when they come one by one: the first thing that is said stands."""
    said = (outcome(read, data[:end]) for end in range(len(data) + 1))
    return next((each for each in said if each is not None), None)


pieces = st.one_of(
    st.binary(max_size=3),
    st.sampled_from([b"\5", b"\1", b"\0", b"\3", b"\4", b"\2", b"\5\1\0", ALICE, IPV4, IPV6, NAME]),
)
octets = st.lists(pieces, max_size=8).map(b"".join)
hosts = st.one_of(
    st.ip_addresses().map(str), st.from_regex(r"[A-Za-z0-9._-]{1,255}", fullmatch=True).filter(lambda t: t[-1] > "9")
)


class GreetingTests(SynchronousTestCase):
    """The first message."""

    def test_methods(self) -> None:
        """All that are offered, however many; what comes behind them is not looked at."""
        for methods in (b"\x00", b"\x00\x01\x02", b"\x02\x02", b"\xff", bytes(range(255))):
            for behind in (b"", b"\0\0", IPV4):
                data = b"\x05%c%b" % (len(methods), methods)
                self.assertEqual(read_greeting(data + behind), (methods, len(data)), methods)

    def test_incomplete(self) -> None:
        """Nothing is said before all of them have come."""
        for end in range(5):
            self.assertIsNone(read_greeting(b"\x05\x03\x00\x01\x02"[:end]), end)

    def test_refused(self) -> None:
        """Other protocols are told by their first octet, and named; no method at all is answered."""
        for octets, answer, why in GREETINGS:
            error = self.assertRaises(BadMessage, read_greeting, octets)
            self.assertIn(why, str(error), octets)
            self.assertEqual(error.answer, answer, octets)


class CredentialsTests(SynchronousTestCase):
    """User names and passwords."""

    def test_read(self) -> None:
        """Both are octets, of which each length up to 255 is taken; a password may be empty."""
        for name, password in (
            (b"alice", b"secret"),
            (b"a", b""),
            (b"a:b", b"c:d"),
            (b"\xff" * 255, b"\0" * 255),
            (b"n", b"\x01\x01x"),
        ):
            data = b"\x01%c%b%c%b" % (len(name), name, len(password), password)
            read = read_credentials(data + b"behind")
            self.assertEqual(read, (data, name, password, len(data)))

    def test_incomplete(self) -> None:
        """Nothing is said before all of them have come."""
        for end in range(len(ALICE)):
            self.assertIsNone(read_credentials(ALICE[:end]), end)

    def test_refused(self) -> None:
        """Another version than that of RFC 1929, and nobody's name."""
        for octets, answer, why in CREDENTIALS:
            error = self.assertRaises(BadMessage, read_credentials, octets)
            self.assertIn(why, str(error), octets)
            self.assertEqual(error.answer, answer, octets)

    def test_never_shown(self) -> None:
        """A password that is logged by accident is not in the log."""
        self.assertNotIn("secret", f"{read_credentials(ALICE)} {read_credentials(ALICE)!r}")


class WishTests(SynchronousTestCase):
    """Where a client wants to go."""

    def test_destinations(self) -> None:
        """Addresses of both kinds, and names as they were sent: also addresses written as names."""
        for data, host, port in (
            (IPV4, "192.0.2.7", 443),
            (IPV6, "2001:db8::1", 22),
            (NAME, "example.org", 80),
            (named(b"Example.ORG.", 65535), "Example.ORG.", 65535),
            (named(b"_srv.example", 1), "_srv.example", 1),
            (named(b"192.0.2.7"), "192.0.2.7", 80),
            (named(b"2001:db8::1"), "2001:db8::1", 80),
            (named(b"::ffff:127.0.0.1"), "::ffff:127.0.0.1", 80),
            (named(b"a" * 255), "a" * 255, 80),
        ):
            self.assertEqual(read_wish(data + b"early"), (host, port, len(data)), data)

    def test_incomplete(self) -> None:
        """Nothing is said before all of it has come."""
        for data in (IPV4, IPV6, NAME):
            for end in range(len(data)):
                self.assertIsNone(read_wish(data[:end]), (data, end))

    def test_refused(self) -> None:
        """Other commands and types of addresses, names that are none, port 0: each with its reply."""
        for octets, answer, why in REQUESTS:
            error = self.assertRaises((BadMessage, NotSupported), read_wish, octets)
            self.assertIn(why, str(error), octets)
            self.assertEqual(error.answer, answer, octets)

    @given(hosts, st.integers(1, 65535))
    def test_what_we_write_ourselves(self, host: str, port: int) -> None:
        """What our own side of a client writes is read as it was meant."""
        wish = read_wish(client.write_wish(host, port))
        assert wish is not None
        self.assertEqual((wish.host, wish.port), (host, port))


class IncrementalTests(SynchronousTestCase):
    """However octets arrive."""

    @given(octets)
    def test_same_as_whole(self, data: bytes) -> None:
        """A message means the same, and is refused for the same reason, whether it comes whole or octet by octet."""
        for read in READERS:
            self.assertEqual(octet_by_octet(read, data), outcome(read, data), (read, data))

    def test_tables_octet_by_octet(self) -> None:
        """So is every row of the tables."""
        for read, table in zip(READERS, (GREETINGS, CREDENTIALS, REQUESTS), strict=True):
            for octets, _, _ in table:
                self.assertEqual(octet_by_octet(read, octets), outcome(read, octets), octets)

    @given(st.one_of(octets, st.binary(max_size=600)))
    def test_only_our_errors(self, data: bytes) -> None:
        """Whatever comes, it is read, waited for, or refused with an error that is a client's fault."""
        for read in READERS:
            try:
                read(data)
            except RelayError as error:
                self.assertEqual(error.side, "client")

    @given(st.binary(min_size=514, max_size=600))
    def test_bounded(self, data: bytes) -> None:
        """No message is waited for beyond half a kilobyte: whoever reads need not set another limit."""
        for read in READERS:
            self.assertIsNotNone(outcome(read, data))


class WritingTests(SynchronousTestCase):
    """What clients are told."""

    def test_octets(self) -> None:
        """Each answer as RFC 1928 and RFC 1929 write it; replies tell no address of ours."""
        for made, octets in (
            (write_method(Method.NONE), b"\x05\x00"),
            (write_method(Method.PASSWORD), b"\x05\x02"),
            (write_method(Method.NOT_ACCEPTABLE), b"\x05\xff"),
            (write_verdict(granted=True), b"\x01\x00"),
            (write_verdict(granted=False), b"\x01\x01"),
            (write_reply(Reply.SUCCEEDED), b"\x05\x00\x00\x01\0\0\0\0\0\0"),
            (write_reply(Reply.ADDRESS_NOT_SUPPORTED), b"\x05\x08\x00\x01\0\0\0\0\0\0"),
        ):
            self.assertEqual(made, octets)

    def test_numbers(self) -> None:
        """The numbers of the RFCs."""
        self.assertEqual([*map(int, Command)], [1, 2, 3])
        self.assertEqual([*map(int, Kind)], [1, 3, 4])
        self.assertEqual([*map(int, Reply)], [*range(9)])
