"""What is credentials of the Basic scheme and of SOCKS5, and what is not."""

from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase

from tests.auth.known import basic
from twisted_relay.auth.credentials import LONGEST_PASSWORD, BadCredentials, Credentials, read_basic, read_pair
from twisted_relay.socks.client import write_credentials


def encoded(octets: bytes) -> bytes:
    """A field with whatever octets."""
    return b"Basic " + b64encode(octets)


class PairTests(SynchronousTestCase):
    """`read_pair`."""

    def test_right(self) -> None:
        """UTF-8 in form C, as with Basic, so that a user has one password wherever it is asked for."""
        for name, password in (
            ("alice", "open sesame"),
            ("a", "b:c:"),
            ("bo\u0308b", "o\u0308"),
            ("n" * 255, "p" * 255),
        ):
            message = write_credentials(name.encode(), password.encode())
            self.assertEqual(read_pair(message), read_basic(basic(name, password)), name)

    def test_wrong(self) -> None:
        """What Basic could not say, or refuses too; the reason does not repeat it."""
        for name, password in (
            (b"a:b", b"secret"),
            (b"a\n", b"secret"),
            (b"\xff", b"secret"),
            (b"a", b"secret\xff"),
            (b"a", b"secret\0"),
        ):
            error = self.assertRaises(BadCredentials, read_pair, write_credentials(name, password))
            self.assertNotIn("secret", str(error))


class CredentialsTests(SynchronousTestCase):
    """`read_basic`."""

    def test_right(self) -> None:
        """The first colon ends the name, the scheme's case does not matter, both parts are UTF-8 in form C."""
        for value, name, password in (
            (b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"),
            (b"bAsIc   QWxhZGRpbjpvcGVuIHNlc2FtZQ==  ", "Aladdin", "open sesame"),
            (basic("a", "b:c:"), "a", "b:c:"),
            (basic("a", ""), "a", ""),
            (basic("test", "123£"), "test", "123£"),
            (basic("bo\u0308b", "o\u0308"), "b\u00f6b", "\u00f6"),
            (basic("a b", " x "), "a b", " x "),
            (basic("n" * 255, "p" * LONGEST_PASSWORD), "n" * 255, "p" * LONGEST_PASSWORD),
        ):
            self.assertEqual(read_basic(value), Credentials(name, password.encode()), value)

    def test_wrong(self) -> None:
        """What could be read in two ways, or is too long, is no credentials; the reason does not repeat it."""
        for value in (
            b"",
            b"Basic",
            b"Basic ",
            b"Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            b"BasicQWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ",  # no padding
            b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZR==",  # bits left over
            b"Basic QWxhZGRpbjpvcGVu IHNlc2FtZQ==",
            b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==, Basic YTpi",
            b"Basic YTp-_w==",  # the alphabet of URLs
            b"Basic YTpi\xff",
            encoded(b"no colon"),
            encoded(b":no name"),
            encoded(b"a\0b:c"),
            encoded(b"a\nb:c"),
            encoded(b"a:b\0c"),
            encoded(b"a:b\x7f"),
            encoded("tést:x".encode("latin-1")),
            encoded(b"n" * 256 + b":x"),
            encoded(b"a:" + b"p" * (LONGEST_PASSWORD + 1)),
            encoded(b"a:" + b"p" * 5000),
        ):
            with self.assertRaises(BadCredentials, msg=value) as caught:
                read_basic(value)
            for secret in ("Aladdin", "sesame", "QWx", "ppp"):
                self.assertNotIn(secret, str(caught.exception))

    def test_not_shown(self) -> None:
        """Neither part is shown where such an object is printed."""
        self.assertNotIn("secret", repr(Credentials("secret", b"secret")))
