"""Messages that clients send, written out octet by octet, and those that must be refused: tables for several tests."""

from typing import NamedTuple

HELLO = b"\x05\x01\x00"
"""A client that offers to say nothing of itself."""
HELLO_WITH_PASSWORD = b"\x05\x01\x02"
ALICE = b"\x01\x05alice\x06secret"
IPV4 = b"\x05\x01\x00\x01\xc0\x00\x02\x07\x01\xbb"
"""CONNECT 192.0.2.7:443"""
IPV6 = b"\x05\x01\x00\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01\x00\x16"
"""CONNECT [2001:db8::1]:22"""
NAME = b"\x05\x01\x00\x03\x0bexample.org\x00\x50"
"""CONNECT example.org:80"""

NO_METHOD = b"\x05\xff"
NOT_GRANTED = b"\x01\x01"


def named(name: bytes, port: int = 80) -> bytes:
    """CONNECT to what stands in the field for a name."""
    return b"\x05\x01\x00\x03%c%b" % (len(name), name) + port.to_bytes(2, "big")


def reply(code: int) -> bytes:
    """The reply with this code and without an address."""
    return bytes((5, code, 0, 1, 0, 0, 0, 0, 0, 0))


class Bad(NamedTuple):
    """Octets that are refused, what the client is told before the connection is closed, and words of the reason."""

    octets: bytes
    answer: bytes
    why: str


GREETINGS = (
    Bad(b"\x04\x01\x00\x50\xc0\x00\x02\x07me\x00", b"", "SOCKS4"),
    Bad(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"", "HTTP"),
    Bad(b"CONNECT a:443 HTTP/1.1\r\n\r\n", b"", "HTTP"),
    Bad(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"", "HTTP"),
    Bad(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"", "TLS"),
    Bad(b"SSH-2.0-OpenSSH_9.6\r\n", b"", "HTTP"),
    Bad(b"\x00\x00\x00\x00", b"", "0x00"),
    Bad(b"\x06\x01\x00", b"", "0x06"),
    Bad(b"\xff" * 600, b"", "0xff"),
    Bad(b"\x05\x00", NO_METHOD, "no method"),
    Bad(b"\x05\x00\x05\x01\x00\x01", NO_METHOD, "no method"),
)
"""First messages."""

CREDENTIALS = (
    Bad(b"\x05\x01\x00\x01\xc0\x00\x02\x07\x01\xbb", NOT_GRANTED, "not a user name"),
    Bad(b"\x00\x05alice\x06secret", NOT_GRANTED, "not a user name"),
    Bad(b"\x01\x00\x06secret", NOT_GRANTED, "user name is empty"),
)
"""What stands in the place of a user name and a password."""

REQUESTS = (
    Bad(b"\x04" + IPV4[1:], reply(1), "not SOCKS5"),
    Bad(b"\x01\x05alice\x06secret", reply(1), "not SOCKS5"),
    Bad(b"GET / HTTP/1.1\r\n", reply(1), "not SOCKS5"),
    Bad(b"\x05\x02" + IPV4[2:], reply(7), "not BIND"),
    Bad(b"\x05\x03" + IPV4[2:], reply(7), "not UDP_ASSOCIATE"),
    Bad(b"\x05\x00" + IPV4[2:], reply(7), "not command 0"),
    Bad(b"\x05\xf0" + IPV4[2:], reply(7), "not command 240"),
    Bad(b"\x05\x01\x01" + IPV4[3:], reply(1), "reserved"),
    Bad(b"\x05\x01\x00\x00" + IPV4[4:], reply(8), "type 0"),
    Bad(b"\x05\x01\x00\x02" + IPV4[4:], reply(8), "type 2"),
    Bad(b"\x05\x01\x00\x05" + IPV4[4:], reply(8), "type 5"),
    Bad(IPV4[:-2] + b"\x00\x00", reply(1), "port 0"),
    Bad(named(b"example.org", 0), reply(1), "port 0"),
    Bad(named(b""), reply(1), "empty name"),
    *(
        Bad(named(name), reply(1), "neither a name nor an address")
        for name in (
            b"\0",
            b"example.org\0",
            b"example.org\0.inner",
            b"exa mple.org",
            b" example.org",
            b"example.org ",
            b"example.org\r\n",
            b"example.org/",
            b"http://example.org",
            b"user@example.org",
            b"example.org:80",
            b"192.0.2.7:80",
            b"[::1]",
            b"[::1]:80",
            b"::1%eth0",
            b"fe80::1%25eth0",
            b"ex%61mple.org",
            b"b\xc3\xbccher.example",
            b"\xff\xfe",
            b"a,b",
            b"*.example.org",
            b"a\\b",
            b"a" * 254 + b"\0",
        )
    ),
)
"""Requests that the codec refuses."""

NO_HOSTS = (
    b".",
    b"..",
    b".example.org",
    b"example..org",
    b"example.org..",
    b"-a.example",
    b"a-.example",
    b"0x7f.1",
    b"2130706433",
    b"0177.0.0.1",
    b"127.1",
    b"1.2.3.4.5",
    b"256.0.0.1",
    b"1.2.3.256",
    b"01.2.3.4",
    b":::",
    b"1::2::3",
    b"12345::",
    b"::127.0.0.256",
    b"a" * 64 + b".example",
    b"a." * 127 + b"a",
)
"""Names that are well-formed for the codec, but are no hosts."""
