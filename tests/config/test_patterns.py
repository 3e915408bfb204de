"""Conditions of routes, and the rewriting of paths."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config import patterns
from twisted_relay.config.values import FieldMatch, HostPattern, PathPattern, QueryMatch, Rewrite


class PatternTests(SynchronousTestCase):
    """How each condition is written."""

    def test_paths(self) -> None:
        """Exact, below a prefix, globs and regular expressions."""
        for text, pattern in (
            ("/a/b", PathPattern("exact", "/a/b")),
            ("/", PathPattern("exact", "/")),
            ("/a/*", PathPattern("prefix", "/a")),
            ("/*", PathPattern("prefix", "")),
            ("/a*", PathPattern("glob", "/a*")),
            ("/a/*/*", PathPattern("glob", "/a/*/*")),
            ("/a?", PathPattern("glob", "/a?")),
            ("*.css", PathPattern("glob", "*.css")),
            ("~^/a$", PathPattern("regex", "^/a$")),
            ("~/v[12]/", PathPattern("regex", "/v[12]/")),
        ):
            self.assertEqual(parse(patterns.PATHS, text), (pattern,))
            self.assertEqual(patterns.show_path(pattern), text)

    def test_paths_refused(self) -> None:
        """No slash, not ASCII, an expression that does not compile."""
        for text in ("a/b", "/ü", "~(", "~" + "a" * 5000, "~" + "(" * 3000, "~a{2,1}"):
            self.assertTrue(faults_of(patterns.PATHS, text), text)
        self.assertIn("missing )", faults_of(patterns.PATHS, "~(")[0].message)

    def test_hosts(self) -> None:
        """Exact names and everything below a name, in lower case."""
        for text, pattern in (
            ("API.Example.org", HostPattern("exact", "api.example.org")),
            ("example.org.", HostPattern("exact", "example.org")),
            ("*.example.org", HostPattern("wildcard", "example.org")),
            ("10.0.0.1", HostPattern("exact", "10.0.0.1")),
            ("[0::1]", HostPattern("exact", "[::1]")),
        ):
            self.assertEqual(parse(patterns.HOSTS, text), (pattern,))

    def test_hosts_refused(self) -> None:
        """Each with a help of its own."""
        for text, help in (
            ("*", "leave the option out"),
            ("example.org:80", "without a port"),
            ("a*.org", "write a host"),
            ("ü.de", "xn--"),
            ("*.*.org", "write a host"),
        ):
            self.assertIn(help, faults_of(patterns.HOSTS, text)[0].help)

    def test_methods(self) -> None:
        """Any token, in capital letters."""
        self.assertEqual(parse(patterns.METHODS, "GET M-SEARCH"), ("GET", "M-SEARCH"))
        self.assertEqual(faults_of(patterns.METHODS, "get")[0].help, "methods are upper-case: GET")
        self.assertTrue(faults_of(patterns.METHODS, "GET,POST"))

    def test_fields(self) -> None:
        """Present, with a value, or matching an expression; one on each line."""
        self.assertEqual(
            parse(patterns.FIELD_MATCHES, "X-A\nX-B: some value\nX-C: ~^v[0-9]\nX-D:"),
            (
                FieldMatch("x-a", "present"),
                FieldMatch("x-b", "exact", "some value"),
                FieldMatch("x-c", "regex", "^v[0-9]"),
                FieldMatch("x-d", "exact", ""),
            ),
        )
        for text in ("X A", "X A: b", ": b", "X-A: ~("):
            self.assertTrue(faults_of(patterns.FIELD_MATCHES, text), text)

    def test_queries(self) -> None:
        """Present or with a value."""
        self.assertEqual(
            parse(patterns.QUERIES, "a b=1 c= d=x=y"),
            (
                QueryMatch("a", "present"),
                QueryMatch("b", "exact", "1"),
                QueryMatch("c", "exact", ""),
                QueryMatch("d", "exact", "x=y"),
            ),
        )
        for text in ("=1", "a=1&b=2", "ü"):
            self.assertTrue(faults_of(patterns.QUERIES, text), text)

    def test_rewrite(self) -> None:
        """Expression and replacement; both are checked."""
        self.assertEqual(parse(patterns.REWRITE, r"^/old/(.*) /new/\1"), Rewrite("^/old/(.*)", r"/new/\1"))
        for text, column in ((r"^/a /\1", 11), (r"^/(a) /\g<x>", 13), ("( /b", 7), ("/a", 7), ("/a /b /c", 7)):
            (fault,) = faults_of(patterns.REWRITE, text)
            assert fault.span
            self.assertEqual(fault.span.column, column, (text, fault))

    def test_prefix(self) -> None:
        """A path; a slash at its end says nothing."""
        self.assertEqual([parse(patterns.PREFIX, text) for text in ("/v1", "/v1/")], ["/v1", "/v1"])
        for text in ("v1", "/v1/*", "/a /b", "/ü"):
            self.assertTrue(faults_of(patterns.PREFIX, text), text)
