"""The reader of hellos beside a TLS server: what OpenSSL accepts must not look like something else to us."""

from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from tests.peek.test_client_hello import CAPTURED, read
from tests.support.hellos import named, record, records, vector
from twisted_relay.peek.client_hello import Found, Hello

CAPTURES = {file.stem: bytes.fromhex(file.read_text()) for file in sorted(CAPTURED.glob("*.hex"))}


class Server:
    """A TLS server that says for which name it was asked."""

    def __init__(self) -> None:
        self.names: list[bytes | None] = []
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.set_tlsext_servername_callback(lambda connection: self.names.append(connection.get_servername()))

    def hears(self, octets: bytes) -> tuple[bool, bytes | None]:
        """Whether it took these octets for a hello that it can talk to, and the name in it."""
        self.names.clear()
        connection = SSL.Connection(self._context, None)
        connection.set_accept_state()
        connection.bio_write(octets)
        try:
            connection.do_handshake()
        except SSL.Error:
            pass
        return bool(self.names), self.names[-1] if self.names else None


SERVER = Server()


def agrees(case: SynchronousTestCase, octets: bytes) -> None:
    """Where the server has heard a hello, we have seen the same name, or nothing that passes."""
    heard, name = SERVER.hears(octets)
    found = read(octets)
    if not heard or (found is not None and found.found is Found.UNREADABLE):
        return
    expected = Hello(Found.NO_NAME if name is None else Found.NAME, name or b"", has_ech=bool(found and found.has_ech))
    case.assertEqual(found, expected, octets.hex())


def parts(octets: bytes) -> tuple[bytes, bytes]:
    """A captured hello as its message up to the length of the extensions, and the extensions."""
    content = octets[5:]
    at = 4 + 2 + 32
    for size in (1, 2, 1):
        at += size + int.from_bytes(content[at : at + size])
    return content[4:at], content[at + 2 :]


def rebuilt(octets: bytes, extensions: bytes) -> bytes:
    """The same with other extensions, as a message."""
    return b"\x01" + vector(parts(octets)[0] + vector(extensions, 2), 3)


HELLOS = st.sampled_from(list(CAPTURES.values()))
BEFORE = st.sampled_from(
    [b"", b"", record(b""), record(b"\x01\x5a", 0x15), record(b"\x01", 0x14), record(b"", 0x17), b"\r\n", b"\0"]
)


class OpenSSLTests(SynchronousTestCase):
    """OpenSSL and the reader."""

    def test_captured(self) -> None:
        """Both understand the hellos of real programs in the same way."""
        for who, octets in CAPTURES.items():
            name = None if who.endswith("-noname") else b"www.example.org"
            self.assertEqual(SERVER.hears(octets), (True, name), who)
            agrees(self, octets)

    @settings(max_examples=300)
    @given(HELLOS, st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 255)), min_size=1, max_size=4))
    def test_bent(self, octets: bytes, changes: list[tuple[int, int]]) -> None:
        """With some octets changed, of the headers above all."""
        bent = bytearray(octets)
        for at, octet in changes:
            bent[at % len(bent)] = octet
        agrees(self, bytes(bent))

    @given(HELLOS, st.integers(0, 12), st.integers(0, 255))
    def test_bent_headers(self, octets: bytes, at: int, octet: int) -> None:
        """With one octet of the headers changed."""
        agrees(self, octets[:at] + bytes((octet,)) + octets[at + 1 :])

    @given(HELLOS, BEFORE, BEFORE, st.integers(1, 3000))
    def test_records(self, octets: bytes, first: bytes, between: bytes, size: int) -> None:
        """In other records, with something before or in between."""
        content = octets[5:]
        agrees(self, first + record(content[:size]) + between + (records(content[size:], size)))

    @given(HELLOS, st.lists(st.binary(min_size=0, max_size=300) | st.just(b"a.example"), max_size=3), st.booleans())
    def test_names(self, octets: bytes, names: list[bytes], at_end: bool) -> None:
        """With more extensions that hold names, before or behind the one that is there."""
        kind, content = named(*names)
        more = kind.to_bytes(2) + vector(content, 2)
        there = parts(octets)[1]
        agrees(self, records(rebuilt(octets, there + more if at_end else more + there), 16_000))

    @given(HELLOS, st.binary(max_size=60))
    def test_server_name(self, octets: bytes, content: bytes) -> None:
        """With any content of the extension, and no other."""
        agrees(self, records(rebuilt(octets, b"\0\0" + vector(content, 2)), 16_000))
