"""Where a request goes, and how the way back is mended."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import BACKEND, ROUTE, Conversation, Party, get, head, ok
from twisted_relay.config.tree import RouteOptions
from twisted_relay.config.values import Rewrite
from twisted_relay.filters.rewrite import for_route

V1 = replace(ROUTE, strip_prefix="/v1")


class RequestTests(SynchronousTestCase):
    """What the server is asked for."""

    def seen(self, route: RouteOptions, target: str) -> str:
        """The target that the server sees when the client asks for `target`."""
        talk = Conversation(self, route=route)
        client = talk.client()
        client.sends(get(target))
        line = talk.accepts().taken().partition(b"\r\n")[0].decode()
        client.aborts()
        talk.is_over()
        return line.split(" ")[1]

    def test_nothing_to_do(self) -> None:
        """A route that rewrites nothing has no such filter."""
        self.assertIsNone(for_route(ROUTE))

    def test_strip_prefix(self) -> None:
        """Whole segments are taken off; the rest is as it came, byte for byte."""
        for target, seen in (
            ("/v1/users", "/users"),
            ("/v1", "/"),
            ("/v1/", "/"),
            ("/v1?x", "/?x"),
            ("/v1/users?a=%2F&b=/v1/", "/users?a=%2F&b=/v1/"),
            ("/v1/users?", "/users?"),
            ("/v1/%7Euser/%2fx", "/%7Euser/%2fx"),
            ("/v1/v1/users", "/v1/users"),
            ("/v10/users", "/v10/users"),
            ("/other", "/other"),
            ("/%761/users", "/users"),
            ("/a/../v1/users", "/users"),
            ("/v1/a/../b", "/b"),
            ("/v1/%2e%2e/v1/b", "/b"),
            ("/v1/a%2Eb", "/a.b"),
        ):
            self.assertEqual(self.seen(V1, target), seen, target)
        self.assertEqual(self.seen(replace(ROUTE, strip_prefix="/v1/"), "/v1/users"), "/users")

    def test_what_was_stripped_never_leaves_the_path_empty_or_foreign(self) -> None:
        """What remains begins with one slash: `//host` would be another authority to some readers."""
        for target in ("/v1//evil.example/x", "/v1//", "//v1/x"):
            seen = self.seen(V1, target)
            self.assertTrue(seen.startswith("/") and not seen.startswith("//"), seen)

    def test_rewrite(self) -> None:
        """The first match in the path is replaced; the query stays."""
        for pattern, replacement, target, seen in (
            (r"^/old/(.*)", r"/new/\1", "/old/a/b?c=d", "/new/a/b?c=d"),
            (r"^/old/(.*)", r"/new/\1", "/older/old/a", "/older/old/a"),
            (r"/x", r"/y", "/x/x", "/y/x"),
            (r"^/item/(\d+)$", r"/item?id=\1", "/item/7", "/item?id=7"),
            (r"^/item/(\d+)$", r"/item?id=\1", "/item/7?v=1", "/item?id=7&v=1"),
            (r"^/", "", "/users", "/users"),
            (r"^/a", "/b c\xe9", "/a", "/b%20c%C3%A9"),
            (r"^/(.*)", r"/\1", "/%41%2f", "/%41%2f"),
        ):
            route = replace(ROUTE, rewrite=Rewrite(pattern, replacement))
            self.assertEqual(self.seen(route, target), seen, (pattern, target))

    def test_no_detour_around_a_rewrite(self) -> None:
        """Detours and escapes are resolved first, as they were for the route: nothing leads out of the result."""
        route = replace(ROUTE, rewrite=Rewrite("^/blog/(.*)", r"/articles/\1"))
        for target, seen in (
            ("/blog/x/../../blog/admin", "/articles/admin"),
            ("//blog/x", "/articles/x"),
            ("/%62log/x", "/articles/x"),
            ("/blog/%2e%2e/blog/x", "/articles/x"),
            ("/blog/x%2Fy", "/articles/x%2Fy"),
        ):
            self.assertEqual(self.seen(route, target), seen, target)

    def test_strip_and_rewrite(self) -> None:
        """The prefix goes first."""
        route = replace(V1, rewrite=Rewrite("^/users", "/people"))
        self.assertEqual(self.seen(route, "/v1/users/1"), "/people/1")

    def test_upstream_host(self) -> None:
        """The route's word on Host stands above the backend's."""
        for choice, host in (("preserve", "example.org"), ("backend", "10.0.0.1"), ("shop.test", "shop.test")):
            talk = Conversation(
                self, backend=replace(BACKEND, host="other.test"), route=replace(ROUTE, upstream_host=choice)
            )
            client = talk.client()
            client.sends(get())
            talk.accepts().sees_head("GET / HTTP/1.1", f"Host: {host}", "X-Forwarded-Host: example.org")
            client.aborts()
            talk.is_over()


class ResponseTests(SynchronousTestCase):
    """Location and Set-Cookie get the prefix again that the request lost."""

    def answer(self, response: bytes, route: RouteOptions, host: str = "preserve") -> Party:
        """The client after the server gave this response to a request for /v1/a."""
        talk = Conversation(self, backend=replace(BACKEND, host=host), route=route)
        client = talk.client()
        client.sends(get("/v1/a"))
        talk.accepts().sends(response)
        talk.is_quiet()
        return client

    def test_location(self) -> None:
        """Paths of the same server get the prefix; other places are left alone."""
        for host, location, mended in (
            ("preserve", "/login", "/v1/login"),
            ("preserve", "/", "/v1/"),
            ("preserve", "/login?to=/x", "/v1/login?to=/x"),
            ("preserve", "login", "login"),
            ("preserve", "//cdn.test/x", "//cdn.test/x"),
            ("preserve", "https://other.test/x", "https://other.test/x"),
            ("preserve", "http://example.org/login", "http://example.org/v1/login"),
            ("preserve", "https://EXAMPLE.org/login", "https://example.org/v1/login"),
            ("preserve", "http://example.org", "http://example.org/v1/"),
            ("preserve", "http://example.org?x", "http://example.org/v1/?x"),
            ("preserve", "http://example.org.evil.test/x", "http://example.org.evil.test/x"),
            ("backend", "http://10.0.0.1/login", "http://example.org/v1/login"),
            ("backend", "https://10.0.0.1/login", "http://example.org/v1/login"),
            ("backend", "mailto:x@example.org", "mailto:x@example.org"),
        ):
            client = self.answer(ok(b"", f"Location: {location}"), V1, host)
            client.sees_head("HTTP/1.1 200 OK", f"Location: {mended}")

    def test_cookies(self) -> None:
        """Each cookie keeps its line and its place; only its path changes."""
        response = ok(
            b"",
            "Set-Cookie: a=1; Path=/; Secure",
            "Set-Cookie: b=2; path=/x",
            "Set-Cookie: c=3; Domain=d",
            "Set-Cookie: d=4; Path=",
            "Set-Cookie: path=/evil",
        )
        fields = self.answer(response, V1).sees_head("HTTP/1.1 200 OK")
        self.assertEqual(
            fields.get_all(b"set-cookie"),
            [b"a=1; Path=/v1/; Secure", b"b=2; path=/v1/x", b"c=3; Domain=d", b"d=4; Path=", b"path=/evil"],
        )

    def test_untouched_without_a_prefix(self) -> None:
        """When nothing was stripped nothing is mended."""
        for route in (replace(ROUTE, upstream_host="x.test"), replace(V1, strip_prefix="/other")):
            response = ok(b"", "Location: /login", "Set-Cookie: a=1; Path=/")
            self.answer(response, route).sees(response)

    def test_content_and_head(self) -> None:
        """Mending does not disturb what else is in the response."""
        talk = Conversation(self, route=V1)
        client = talk.client()
        client.sends(get("/v1/a"))
        server = talk.accepts()
        server.sends(head("HTTP/1.1 302 Found", "A: 1", "Location: /x", "B: 2", "Content-Length: 4") + b"ab", b"cd")
        client.sees(head("HTTP/1.1 302 Found", "A: 1", "B: 2", "Location: /v1/x", "Content-Length: 4"), b"abcd")
        talk.is_over()
