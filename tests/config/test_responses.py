"""Fields that are set or removed, redirects, status codes, media types, upgrades."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config import responses
from twisted_relay.config.values import FieldLine, Redirect


class ResponseTests(SynchronousTestCase):
    """How each is written."""

    def test_field_lines(self) -> None:
        """One on each line; values are trimmed and may be empty or have colons."""
        self.assertEqual(
            parse(responses.FIELD_LINES, "X-A: 1\nX-B:  a: b \nX-C:"),
            (FieldLine("X-A", "1"), FieldLine("X-B", "a: b"), FieldLine("X-C", "")),
        )

    def test_field_lines_refused(self) -> None:
        """What could not stand on a line, and what the proxy computes itself, with the reason."""
        for text, reason in (
            ("X-A", "a colon between"),
            ("X A: 1", "write Name: value"),
            ("X-A : 1", "write Name: value"),
            ("X-A: ü", "printable ASCII"),
            ("Content-Length: 3", "computes it"),
            ("transfer-encoding: chunked", "computes it"),
            ("Connection: close", "one connection"),
            ("Host: a", "upstream_host"),
        ):
            self.assertIn(reason, faults_of(responses.FIELD_LINES, text)[0].help, text)

    def test_field_names(self) -> None:
        """Names to remove; those of framing cannot be."""
        self.assertEqual(parse(responses.FIELD_NAMES, "Server X-Powered-By"), ("Server", "X-Powered-By"))
        for text in ("Server:", "Server,X", "Content-Length", "host"):
            self.assertTrue(faults_of(responses.FIELD_NAMES, text), text)

    def test_statuses(self) -> None:
        """From 200 to 599."""
        self.assertEqual([parse(responses.STATUS, text) for text in ("200", "599")], [200, 599])
        for text in ("100", "199", "600", "2000", "ok"):
            self.assertTrue(faults_of(responses.STATUS, text), text)

    def test_redirects(self) -> None:
        """`https`, a URL, or a status and a URL."""
        for text, redirect in (
            ("https", Redirect(308, "https://{host}{uri}")),
            ("https://a.example/b", Redirect(308, "https://a.example/b")),
            ("301 https://a.example{uri}", Redirect(301, "https://a.example{uri}")),
            ("302 /new{path}?{query}", Redirect(302, "/new{path}?{query}")),
        ):
            self.assertEqual(parse(responses.REDIRECT, text), redirect)

    def test_redirects_refused(self) -> None:
        """Unknown placeholders, other statuses, no URL."""
        for text, column in (
            ("https://a/{pth}", 7),
            ("https://a/{path", 7),
            ("200 https://a", 7),
            ("301 a.example", 11),
            ("http", 7),
            ("301", 7),
            ("301 https://a b", 7),
            ("ftp://a", 7),
            ("https://ü.de", 7),
        ):
            fault = faults_of(responses.REDIRECT, text)[0]
            assert fault.span
            self.assertEqual(fault.span.column, column, (text, fault))
        self.assertEqual(faults_of(responses.REDIRECT, "/{pth}")[0].message, "{pth} is not known")

    def test_media_types(self) -> None:
        """With parameters or without."""
        for text in ("text/html; charset=utf-8", "application/problem+json"):
            self.assertEqual(parse(responses.MEDIA_TYPE, text), text)
        for text in ("html", "text/", "text/html charset", "text/ü"):
            self.assertTrue(faults_of(responses.MEDIA_TYPE, text), text)

    def test_upgrades(self) -> None:
        """Protocols in lower case; off is none, any stands for itself."""
        for text, protocols in (
            ("websocket", ("websocket",)),
            ("WebSocket h2c", ("websocket", "h2c")),
            ("off", ()),
            ("any", ("any",)),
        ):
            self.assertEqual(parse(responses.UPGRADES, text), protocols)
        for text in ("off websocket", "any any", "a,b"):
            self.assertTrue(faults_of(responses.UPGRADES, text), text)
