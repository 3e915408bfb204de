r"""Lines of an access log: the Common Log Format of NCSA httpd, Apache's combined one, and JSON.

A client decides what stands in its target and its fields. In the text formats everything but plain ASCII is written
as `\xHH`, as nginx does, so that no client can forge a line or a field of one; JSON escapes by itself.
"""

import json
import re
from collections.abc import Callable
from time import localtime, strftime

from twisted_relay.access_log.fields import FIELDS
from twisted_relay.exchange import Exchange

Line = Callable[[Exchange, float], bytes]
"""Makes the line of a finished exchange, with its line feed; takes the time of day in seconds since 1970."""

_UNSAFE = re.compile(rb"[^\x20\x21\x23-\x5b\x5d-\x7e]")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_encode = json.JSONEncoder(separators=(",", ":")).encode


def common(exchange: Exchange, wall: float) -> bytes:
    """`client - user [time] "request line" status bytes`"""
    return _common(exchange, wall) + b"\n"


def combined(exchange: Exchange, wall: float) -> bytes:
    """The common format with `"referer" "user agent"` behind it."""
    fields = exchange.request.fields
    referer = escaped(fields.get(b"referer") or b"-")
    return b'%b "%b" "%b"\n' % (_common(exchange, wall), referer, escaped(fields.get(b"user-agent") or b"-"))


def as_json(exchange: Exchange, wall: float) -> bytes:
    """One JSON object with every field of the table."""
    return _encode({field.name: field.read(exchange, wall) for field in FIELDS}).encode("ascii") + b"\n"


FORMATS: dict[str, Line] = {"common": common, "combined": combined, "json": as_json}
"""The formats by what `format =` calls them."""


def escaped(value: bytes) -> bytes:
    r"""A value between quotes: quote, backslash and whatever is not printable ASCII as `\xHH`."""
    return _UNSAFE.sub(lambda match: b"\\x%02X" % ord(match[0]), value)


def _common(exchange: Exchange, wall: float) -> bytes:
    method, target = exchange.request_line
    protocol = exchange.origin.protocol.encode("ascii") or b"HTTP/1.%d" % exchange.request.minor
    line = b"%b %b %b" % (escaped(method), escaped(target), protocol) if method else b"-"
    client = (exchange.origin.client or "-").encode("ascii")
    user = escaped(exchange.user.encode()).replace(b" ", b"\\x20") if exchange.user else b"-"
    return b'%b - %b [%b] "%b" %d %d' % (client, user, clf_time(wall), line, exchange.code, exchange.bytes_sent)


_second = (-1, b"")


def clf_time(wall: float) -> bytes:
    """Local time as the common format writes it: `10/Oct/2000:13:55:36 -0700`, in English everywhere."""
    global _second  # noqa: PLW0603
    second = int(wall)
    if _second[0] != second:
        local = localtime(second)
        _second = (second, strftime(f"%d/{_MONTHS[local.tm_mon - 1]}/%Y:%H:%M:%S %z", local).encode("ascii"))
    return _second[1]
