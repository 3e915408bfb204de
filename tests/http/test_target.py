"""Authorities, absolute-form targets, and the path that routes compare."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support import octets
from twisted_relay.errors import BadRequest
from twisted_relay.http import target
from twisted_relay.http.target import host_of, normal_path, split_absolute


class HostTests(SynchronousTestCase):
    """What Host may say. The refusals stand in `tests/hostile/requests.py`."""

    def test_host(self) -> None:
        """The host in lower case, without port."""
        for authority, host in (
            (b"Example.COM", b"example.com"),
            (b"example.com:8080", b"example.com"),
            (b"example.com:", b"example.com"),
            (b"example.com.", b"example.com"),
            (b"%65xample.com", b"example.com"),
            (b"127.0.0.1:00080", b"127.0.0.1"),
            (b"[2001:DB8::1]:80", b"[2001:db8::1]"),
            (b"[::]", b"[::]"),
            (b"[V1.x:y]", b"[v1.x:y]"),
            (b"a%2Db", b"a-b"),
        ):
            self.assertEqual(host_of(authority), host)

    def test_what_is_remembered_is_bounded(self) -> None:
        """A flood of names is not kept, and is read all the same."""
        for number in range(target._MAX_KNOWN + 10):
            self.assertEqual(host_of(b"Host-%d" % number), b"host-%d" % number)
        self.assertLessEqual(len(target.known_hosts), target._MAX_KNOWN)

    def test_what_is_refused_is_not_remembered(self) -> None:
        """A second look refuses it too."""
        for _ in range(2):
            self.assertRaises(BadRequest, host_of, b"a b")

    @given(st.binary(max_size=20) | octets.of(b"[]:.%2aV10@"))
    def test_any_octets(self, authority: bytes) -> None:
        """A host without controls, white space or delimiters, or a refusal."""
        try:
            host = host_of(authority)
        except BadRequest:
            return
        self.assertTrue(host)
        self.assertTrue(b"%" in authority or authority.lower().startswith(host))
        self.assertFalse(set(host) & set(b'/?#@\\"<>^`{|} \t\r\n\0\x7f'))
        self.assertTrue(host.isascii())


class AbsoluteTests(SynchronousTestCase):
    """Targets in absolute-form."""

    def test_split(self) -> None:
        """The authority, and the rest as it was sent."""
        for absolute, parts in (
            (b"http://a/b?c", (b"a", b"/b?c")),
            (b"HTTPS://a:1", (b"a:1", b"")),
            (b"http://a?b/c", (b"a", b"?b/c")),
            (b"http://[::1]/", (b"[::1]", b"/")),
            (b"http:///a", (b"", b"/a")),
            (b"http://a//b@c", (b"a", b"//b@c")),
        ):
            self.assertEqual(split_absolute(absolute), parts)

    def test_refused(self) -> None:
        """No other scheme, and no user."""
        for absolute in (b"", b"a", b"http:a", b"http:/a", b"ws://a/", b"x-http://a", b"http://b@a/", b" http://a"):
            self.assertRaises(BadRequest, split_absolute, absolute)


PATHS = (
    (b"/", b"/"),
    (b"/a/b", b"/a/b"),
    (b"/%61%2D%7e%5f%2E", b"/a-~_."),
    (b"/a%2fb%3a%5c", b"/a%2Fb%3A%5C"),
    (b"/%zz%4", b"/%zz%4"),
    (b"//a///b//", b"/a/b/"),
    (b"/a/./b/.", b"/a/b/"),
    (b"/a/../b", b"/b"),
    (b"/a/b/..", b"/a/"),
    (b"/a/b/../", b"/a/"),
    (b"/..", b"/"),
    (b"/../../a", b"/a"),
    (b"/a/%2e%2E/b/%2e/c", b"/b/c"),
    (b"/a/.%2e/b", b"/b"),
    (b"/.a/..b/c../...", b"/.a/..b/c../..."),
    (b"/a//./b", b"/a/b"),
    (b"/a/..//b", b"/b"),
    (b"/a;x=1/b", b"/a;x=1/b"),
    (b"/a%2F.b", b"/a%2F.b"),
    (b"/%252e%252e/a", b"/%252e%252e/a"),
    (b"*", b"*"),
)
SAME_PLACE = octets.of(b"/.a", max_size=12).map(lambda rest: b"/" + rest)


class NormalPathTests(SynchronousTestCase):
    """The path in the form that routes compare."""

    def test_forms(self) -> None:
        """Escapes of ordinary characters, runs of slashes and dot segments do not matter."""
        for path, normal in PATHS:
            self.assertEqual(normal_path(path), normal, path)

    def test_refused(self) -> None:
        """Servers do not agree where these lead."""
        for path in (
            b"/a\\b",
            b"/a//../b",
            b"/a//b/../../c",
            b"/a/..%2Fb",
            b"/a%2f..",
            b"/a%5c%2e./b",
            b"/a/..;/b",
            b"/a/%2e%2e;x/b",
        ):
            self.assertRaises(BadRequest, normal_path, path)

    @given(st.binary(max_size=30) | octets.of(b"/.%2eEfF5c\\a;", max_size=30))
    def test_any_octets(self, rest: bytes) -> None:
        """A path with no dot segment and no empty segment, never longer; or a refusal."""
        path = b"/" + rest
        try:
            normal = normal_path(path)
        except BadRequest:
            return
        self.assertTrue(normal.startswith(b"/"))
        self.assertLessEqual(len(normal), len(path))
        self.assertNotIn(b"//", normal)
        self.assertFalse({b".", b".."} & set(normal.split(b"/")), normal)

    @given(octets.of(b"/.a%", max_size=20))
    def test_stable(self, rest: bytes) -> None:
        """The normal form of a normal form is itself."""
        try:
            normal = normal_path(b"/" + rest)
        except BadRequest:
            return
        self.assertEqual(normal_path(normal), normal)

    @given(SAME_PLACE)
    def test_order_does_not_matter(self, path: bytes) -> None:
        """Whether slashes are merged before dot segments go or after: both give the normal form, or it is refused."""
        before = _without_dots(_merged(path))
        after = _merged(_without_dots(path))
        if before == after:
            self.assertEqual(normal_path(path), before)
        else:
            self.assertRaises(BadRequest, normal_path, path)


def _merged(path: bytes) -> bytes:
    while b"//" in path:
        path = path.replace(b"//", b"/")
    return path


def _without_dots(path: bytes) -> bytes:
    """RFC 3986 §5.2.4, word by word."""
    output = b""
    while path:
        if path.startswith(b"/./"):
            path = path[2:]
        elif path == b"/.":
            path = b"/"
        elif path.startswith(b"/../"):
            path, output = path[3:], output.rpartition(b"/")[0]
        elif path == b"/..":
            path, output = b"/", output.rpartition(b"/")[0]
        else:
            end = path.find(b"/", 1)
            end = len(path) if end < 0 else end
            output, path = output + path[:end], path[end:]
    return output
