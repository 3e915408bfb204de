"""Credentials, of the Basic scheme (RFC 7617) and of SOCKS5 (RFC 1929): strict, bounded, and never shown.

Both parts are UTF-8 in normal form C, which the challenge of Basic asks for (§2.1). A client that sends another
encoding has sent a wrong password.
"""

from base64 import b64decode, b64encode
from binascii import Error
from dataclasses import dataclass, field
from unicodedata import normalize

from twisted_relay.config.user_names import name_problem, normal_name
from twisted_relay.socks.server import read_credentials

LONGEST_FIELD = 4096
"""Octets of a field value that are looked at."""
LONGEST_PASSWORD = 1024
"""Octets of a password."""


class BadCredentials(Exception):
    """A field that is not Basic credentials; the text says why and shows nothing of it."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who somebody says to be, and the proof of it."""

    name: str = field(repr=False)
    password: bytes = field(repr=False)


def read_basic(value: bytes) -> Credentials:
    """The credentials of an Authorization or Proxy-Authorization field; raises `BadCredentials`."""
    if len(value) > LONGEST_FIELD:
        raise BadCredentials("the credentials are too long")
    scheme, _, token = value.strip(b" \t").partition(b" ")
    if scheme.lower() != b"basic":
        raise BadCredentials("the scheme is not Basic")
    name, colon, password = _decoded(token.strip(b" ")).partition(":")
    if not colon:
        raise BadCredentials("the credentials have no colon")
    return _checked(name, password)


def read_pair(message: bytes) -> Credentials:
    """The credentials of a whole message of RFC 1929; raises `BadCredentials`. A name with a colon is nobody's: the
    same user could not say it in the Basic scheme."""
    pair = read_credentials(message)
    assert pair is not None
    try:
        return _checked(pair.name.decode("utf-8"), pair.password.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadCredentials("the credentials are not UTF-8") from None


def _checked(name: str, password: str) -> Credentials:
    if problem := name_problem(name):
        raise BadCredentials(problem)
    secret = normalize("NFC", password).encode("utf-8")
    if len(secret) > LONGEST_PASSWORD:
        raise BadCredentials("the password is too long")
    if any(octet < 32 or octet == 127 for octet in secret):
        raise BadCredentials("the password has control characters")
    return Credentials(normal_name(name), secret)


def _decoded(token: bytes) -> str:
    try:
        octets = b64decode(token, validate=True)
    except (Error, ValueError):
        raise BadCredentials("the credentials are not base64") from None
    if b64encode(octets) != token:
        raise BadCredentials("the base64 has bits left over")  # two tokens for the same credentials
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise BadCredentials("the credentials are not UTF-8") from None
