"""The name in a TLS hello: in hellos as programs send them, and in all that is none."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hellos import ECH, GREASE, SERVER_NAME, body, hello, message, named, record, records, vector
from twisted_relay.peek.client_hello import MAX_HELLO, MAX_RECORD, NOT_TLS, Found, Hello, HelloReader

CAPTURED = Path(__file__).parent / "hellos"
SSL2 = b"\x80\x2e\x01\x03\x01" + bytes(43)


def read(octets: bytes) -> Hello | None:
    """What is found in octets that come at once."""
    return HelloReader().feed(octets)


def read_in(pieces: list[bytes]) -> Hello | None:
    """What is found in octets that come in pieces: the first that is found."""
    reader = HelloReader()
    for piece in pieces:
        found = reader.feed(piece)
        if found is not None:
            return found
    return None


def in_record(*extensions: tuple[int, bytes]) -> bytes:
    """A hello with these extensions."""
    return record(message(body(*extensions)))


NAME = named(b"a.example")
PLAIN = body()
BARE = PLAIN[:-2]
NAMES = {
    "in one record": hello("a.example"),
    "last of the extensions": in_record((GREASE, b"x"), (51, bytes(1200)), NAME),
    "first of them": in_record(NAME, (51, bytes(1200)), (GREASE, b"")),
    "records of one octet": records(message(body(NAME)), 1),
    "records of 100 octets": records(message(body(NAME)), 100),
    "an extension of the largest size": records(message(body((21, bytes(30_000)), NAME)), MAX_RECORD),
    "behind it the next record": hello("a.example") + b"\x17\x03\x03\0\x05early",
    "behind it junk": hello("a.example") + b"\0\xff" * 99,
    "in the record of the hello": record(message(body(NAME)) + b"\x0b\0\0\0"),
    "another version": b"\x16\x03\x04" + hello("a.example")[3:],
}
UNREADABLE = {
    "no hello but another message": record(b"\x02" + message(body(NAME))[1:]),
    "an empty record": record(b"") + hello("a.example"),
    "an empty record in the middle": record(message(body(NAME))[:9]) + record(b""),
    "an alert in the middle": record(message(body(NAME))[:9]) + record(b"\x01\0", 0x15),
    "an alert before it": record(b"\x01\x5a", 0x15) + hello("a.example"),
    "a change of ciphers before it": record(b"\x01", 0x14) + hello("a.example"),
    "data before it": record(b"x", 0x17) + hello("a.example"),
    "a heartbeat before it": record(b"x", 0x18) + hello("a.example"),
    "a version that does not exist": b"\x16\x02" + hello("a.example")[2:],
    "a version of DTLS": b"\x16\xfe\xff" + hello("a.example")[3:],
    "a version that does not exist, later": records(message(body(NAME)), 40)[:46] + b"\2" + hello("a.example"),
    "SSL 2.0 in the middle": record(message(body(NAME))[:9]) + SSL2,
    "a record that is too long": b"\x16\x03\x01" + (MAX_RECORD + 1).to_bytes(2),
    "a hello that is too long": record(b"\x01\x01\0\0"),
    "two names": hello("a.example", "b.example"),
    "the same name twice": hello("a.example", "a.example"),
    "two extensions": in_record(NAME, NAME),
    "two extensions apart": in_record(NAME, (GREASE, b""), named(b"b.example")),
    "an empty name": hello(""),
    "an empty list of names": in_record((SERVER_NAME, b"\0\0")),
    "no list of names": in_record((SERVER_NAME, b"")),
    "a name of another kind": in_record(named(b"a.example", kind=1)),
    "a list that is cut short": in_record((SERVER_NAME, vector(b"\0\0\x09a.exa", 2))),
    "something behind the list": in_record((SERVER_NAME, NAME[1] + b"\0")),
    "something behind the name": in_record((SERVER_NAME, vector(b"\0" + vector(b"a", 2) + b"x", 2))),
    "half an extension": record(message(BARE + vector(b"\0\0\0", 2))),
    "an extension that is cut short": record(message(BARE + vector(b"\0\x15\0\x09", 2))),
    "something behind the extensions": record(message(PLAIN + b"\0")),
    "half a length of extensions": record(message(BARE + b"\0")),
    "extensions that are cut short": record(message(BARE + b"\0\x09")),
    "no body": record(message(b"")),
    "half a random": record(message(body()[:20])),
    "a session that is cut short": record(message(body()[:40])),
}
NO_NAME = {
    "no such extension": hello(),
    "no extensions at all": record(message(BARE)),
    "SSL 2.0": b"\x80\x2e\x01\0\x02",
    "SSL 2.0 with a version that does not exist": b"\x80\x2e\x01\x05\0",
    "TLS in the manner of SSL 2.0": SSL2,
}
OTHER = (
    b"GET / HTTP/1.1\r\n",
    b"SSH-2.0-OpenSSH\r\n",
    b"\0",
    b"\x05\x01\0",
    b"\x13",
    b"\x19",
    b"\x80\x2e\x02",
    b"\xff" * 3,
)


class HelloReaderTests(SynchronousTestCase):
    """Hellos and others."""

    def test_names(self) -> None:
        """A name is found wherever it stands, and however the hello is cut."""
        for what, octets in NAMES.items():
            self.assertEqual(read(octets), Hello(Found.NAME, b"a.example"), what)

    def test_unreadable(self) -> None:
        """What could be understood in two ways has no name, and a reason that shows nothing of it."""
        for what, octets in UNREADABLE.items():
            found = read(octets)
            assert found is not None, what
            self.assertEqual((found.found, found.name), (Found.UNREADABLE, b""), what)
            self.assertTrue(found.why and "example" not in found.why, what)

    def test_no_name(self) -> None:
        """A hello need not ask for anybody."""
        for what, octets in NO_NAME.items():
            self.assertEqual(read(octets), Hello(Found.NO_NAME), what)

    def test_not_tls(self) -> None:
        """What is something else is known by its first octets."""
        for octets in OTHER:
            self.assertEqual(read(octets), NOT_TLS, octets)

    def test_encrypted_hello(self) -> None:
        """That there is one is said, before the name or behind it, and also without any."""
        ech = ECH, b"x" * 200
        for extensions in ((ech, NAME), (NAME, ech)):
            self.assertEqual(read(in_record(*extensions)), Hello(Found.NAME, b"a.example", has_ech=True))
        self.assertEqual(read(in_record(ech)), Hello(Found.NO_NAME, has_ech=True))

    def test_any_octets_may_be_a_name(self) -> None:
        """They are handed over as they are: what is a name is not decided here."""
        for name in (b"A.Example.", b"a.example:443", b"a\0b", b"\xff", b"10.0.0.1", b"x" * 5000):
            self.assertEqual(read(in_record(named(name))), Hello(Found.NAME, name))

    def test_in_pieces(self) -> None:
        """Octet by octet the same is found, and not before the octet that decides."""
        for octets in (*NAMES.values(), *UNREADABLE.values(), *NO_NAME.values(), *OTHER):
            if len(octets) < 3000:
                whole, pieces = read(octets), [bytes((octet,)) for octet in octets]
                self.assertEqual(read_in(pieces), whole, octets)

    def test_too_long(self) -> None:
        """A hello that never ends is given up, and so is one in very small records."""
        for octets in (records(b"\x01\0\xff\0" + bytes(70_000), 16_000), records(message(bytes(40_000)), 1)):
            reader, fed = HelloReader(), 0
            while (found := reader.feed(octets[fed : fed + 1000])) is None:
                fed += 1000
            self.assertEqual(found.found, Found.UNREADABLE)
            self.assertLess(fed, MAX_HELLO + 1000)

    def test_what_it_was_fed(self) -> None:
        """All of it can be had again, also what comes behind the hello."""
        reader = HelloReader()
        octets = hello("a.example") + b"behind"
        for at in range(0, len(octets), 100):
            reader.feed(octets[at : at + 100])
        self.assertEqual(reader.octets, octets)

    def test_captured(self) -> None:
        """Hellos of real programs, as they were sent; the file's name says who sent it and what it asked for."""
        files = sorted(CAPTURED.glob("*.hex"))
        self.assertGreaterEqual(len(files), 5)
        for file in files:
            octets = bytes.fromhex(file.read_text())
            name = b"" if file.stem.endswith("-noname") else b"www.example.org"
            found = read(octets)
            assert found is not None, file.name
            self.assertEqual((found.found, found.name), (Found.NAME if name else Found.NO_NAME, name), file.name)
            self.assertEqual(read_in([bytes((octet,)) for octet in octets]), found, file.name)


ANY = st.binary(max_size=400)
BENT = st.sampled_from([*NAMES.values(), *UNREADABLE.values(), *NO_NAME.values()]).filter(lambda o: len(o) < 3000)


class FuzzTests(SynchronousTestCase):
    """Octets that nobody has thought of."""

    @given(ANY | ANY.map(record) | ANY.map(message).map(record), st.integers(1, 50))
    def test_anything(self, octets: bytes, size: int) -> None:
        """Nothing is raised, and pieces of any size lead to the same as the whole."""
        pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
        self.assertEqual(read_in(pieces), read(octets) if octets else None)

    @given(BENT, st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=4), st.integers(1, 50))
    def test_bent(self, octets: bytes, changes: list[tuple[int, int]], size: int) -> None:
        """The same for hellos in which some octets were changed."""
        bent = bytearray(octets)
        for at, octet in changes:
            bent[at % len(bent)] = octet
        octets = bytes(bent)
        pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
        self.assertEqual(read_in(pieces), read(octets))

    @given(st.binary(min_size=1, max_size=300), st.lists(st.tuples(st.integers(1, 65535), ANY), max_size=6))
    def test_any_extensions(self, name: bytes, extensions: list[tuple[int, bytes]]) -> None:
        """A name is found among extensions that nobody knows."""
        extensions = [each for each in extensions if each[0] != ECH]
        for order in ([named(name), *extensions], [*extensions, named(name)]):
            self.assertEqual(read(in_record(*order)), Hello(Found.NAME, name))
