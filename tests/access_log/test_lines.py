"""Lines of the three formats, and that nobody can forge one."""

import json
import os
import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.access_log.exchanges import WALL, make_exchange, make_refused
from twisted_relay.access_log.fields import FIELDS
from twisted_relay.access_log.lines import FORMATS, as_json, clf_time, combined, common, escaped

#: (what a client sent, how it stands between quotes)
ESCAPED = (
    (b"/plain?a=b&c=%20", b"/plain?a=b&c=%20"),
    (b'" 200 0 "forged', rb"\x22 200 0 \x22forged"),
    (b"a\\x22", rb"a\x5Cx22"),
    (b"\r\n\t\x00\x7f", rb"\x0D\x0A\x09\x00\x7F"),
    ("é".encode(), rb"\xC3\xA9"),
    (b"\x1b[31m", rb"\x1B[31m"),
)


class TextTests(SynchronousTestCase):
    """`common` and `combined`."""

    def setUp(self) -> None:
        self.use_zone("UTC")
        self.addCleanup(self.use_zone, os.environ.get("TZ"))

    def use_zone(self, zone: str | None) -> None:
        """Make a time zone the local one."""
        if zone is None:
            os.environ.pop("TZ", None)
        else:
            os.environ["TZ"] = zone
        time.tzset()

    def test_common(self) -> None:
        """Client, time, request line, status, bytes."""
        self.assertEqual(
            common(make_exchange(), WALL),
            b'192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] "GET /a?b HTTP/1.1" 200 2326\n',
        )

    def test_combined(self) -> None:
        """The common format with referer and user agent, `-` for what was not sent."""
        line = combined(make_exchange(b"/", b"User-Agent: curl/8.5.0"), WALL)
        self.assertTrue(line.endswith(b' 200 2326 "-" "curl/8.5.0"\n'), line)

    def test_refused(self) -> None:
        """What never became a request has no request line."""
        self.assertIn(b'] "-" 400 0\n', common(make_refused(), WALL))

    def test_unix_socket(self) -> None:
        """A client without an address is a dash."""
        self.assertTrue(common(make_exchange(client=""), WALL).startswith(b"- - - ["))

    def test_http_1_0(self) -> None:
        """The version is the client's."""
        exchange = make_exchange()
        exchange.request.minor = 0
        self.assertIn(b'"GET /a?b HTTP/1.0"', common(exchange, WALL))

    def test_socks(self) -> None:
        """A client that speaks something else than HTTP is told by it."""
        exchange = make_exchange()
        exchange.origin.protocol = "SOCKS5"
        self.assertIn(b'"GET /a?b SOCKS5"', common(exchange, WALL))
        self.assertIn(b'"protocol":"SOCKS5"', as_json(exchange, WALL))

    def test_zone(self) -> None:
        """The time is local, with its distance from UTC."""
        self.use_zone("XYZ-05:30")
        self.assertEqual(clf_time(WALL + 1), b"15/Nov/2023:03:43:21 +0530")

    def test_escaped(self) -> None:
        """Quotes, backslashes, control characters and other octets are written in hexadecimal."""
        for value, expected in ESCAPED:
            self.assertEqual(escaped(value), expected)


class AnyOctetsTests(SynchronousTestCase):
    """Whatever a client sends."""

    @given(st.binary(min_size=1), st.binary())
    def test_one_line(self, target: bytes, agent: bytes) -> None:
        """A line is one line, in every format."""
        exchange = make_exchange(target, b"User-Agent: " + agent)
        for make in FORMATS.values():
            self.assertEqual(make(exchange, WALL).count(b"\n"), 1)
            self.assertTrue(make(exchange, WALL).endswith(b"\n"))

    @given(st.binary(), st.binary())
    def test_combined_has_three_quoted_parts(self, target: bytes, agent: bytes) -> None:
        """Nobody can open or close a quoted part, or write what a terminal would obey."""
        line = combined(make_exchange(target, b"User-Agent: " + agent), WALL)
        self.assertEqual(line.count(b'"'), 6)
        self.assertTrue(line[:-1].decode("ascii").isprintable())

    @given(st.binary(), st.binary())
    def test_json_is_valid(self, target: bytes, agent: bytes) -> None:
        """A JSON line can be read, has every field, and gives text back as it was sent."""
        said = json.loads(as_json(make_exchange(target, b"User-Agent: " + agent), WALL))
        self.assertEqual(list(said), [field.name for field in FIELDS])
        self.assertEqual(said["target"] or "", target.decode("utf-8", "backslashreplace"))
