"""routing: which route takes a request."""

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from types import FrameType
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.requests import PlainRequest, get
from twisted_relay.config.tree import RouteOptions
from twisted_relay.config.values import FieldMatch, HostPattern, PathPattern, QueryMatch
from twisted_relay.http.fields import Fields
from twisted_relay.routing import Route, Router

T = TypeVar("T")


def router(*routes: RouteOptions) -> Router[str]:
    """Each route's destination is its name."""
    return Router([Route(options, f"to {options.name}") for options in routes])


def found(routes: Router[str], request: PlainRequest, client: str = "192.0.2.1") -> str:
    route = routes.find(request, client)
    return route.name if route else "-"


def exact(path: str) -> tuple[PathPattern, ...]:
    return (PathPattern("exact", path),)


def prefix(path: str) -> tuple[PathPattern, ...]:
    return (PathPattern("prefix", path),)


def glob(path: str) -> tuple[PathPattern, ...]:
    return (PathPattern("glob", path),)


def host(*names: str) -> tuple[HostPattern, ...]:
    return tuple(
        HostPattern("wildcard", name[2:]) if name.startswith("*.") else HostPattern("exact", name) for name in names
    )


def route(
    name: str, path: tuple[PathPattern, ...] = (), host: tuple[HostPattern, ...] = (), method: tuple[str, ...] = ()
) -> RouteOptions:
    return RouteOptions(name=name, path=path, host=host, method=method)


POST = ("POST",)

#: (routes in file order, the request's URL, the route that takes its GET)
ORDER: tuple[tuple[tuple[RouteOptions, ...], str, str], ...] = (
    ((), "x/", "-"),
    ((route("all"),), "x/", "all"),
    ((route("first"), route("second")), "x/", "first"),
    ((route("post", method=POST), route("all")), "x/", "all"),
    ((route("all"), route("a", path=exact("/a"))), "x/a", "all"),
    ((route("a", path=exact("/a")), route("all")), "x/a", "a"),
    ((route("wide", path=prefix("/a")), route("deep", path=prefix("/a/b"))), "x/a/b", "wide"),
    ((route("deep", path=prefix("/a/b")), route("wide", path=prefix("/a"))), "x/a/b", "deep"),
    ((route("deep", path=prefix("/a/b")), route("wide", path=prefix("/a"))), "x/a/c", "wide"),
    ((route("css", path=glob("*.css")), route("a", path=prefix("/a"))), "x/a/b.css", "css"),
    ((route("a", path=prefix("/a")), route("css", path=glob("*.css"))), "x/a/b.css", "a"),
    (
        (route("post", path=prefix("/a/b"), method=POST), route("a", path=prefix("/a"))),
        "x/a/b",
        "a",
    ),
    ((route("any"), route("x", host=host("x"))), "x/", "any"),
    ((route("x", host=host("x")), route("any")), "x/", "x"),
    ((route("x", host=host("x")), route("any")), "y/", "any"),
    ((route("x", host=host("x"), path=exact("/a")), route("any")), "x/b", "any"),
    ((route("wide", host=host("*.org")), route("deep", host=host("*.a.org"))), "x.a.org/", "wide"),
    ((route("deep", host=host("*.a.org")), route("wide", host=host("*.org"))), "x.a.org/", "deep"),
    ((route("deep", host=host("*.a.org")), route("wide", host=host("*.org"))), "a.org/", "wide"),
    ((route("below", host=host("*.a.org")), route("it", host=host("x.a.org"))), "x.a.org/", "below"),
    ((route("two", host=host("a", "*.b"), path=(*exact("/a"), *glob("*/b"))),), "x.b/a/b", "two"),
    ((route("two", host=host("a", "*.b"), path=(*exact("/a"), *glob("*/b"))),), "a/a", "two"),
    ((route("two", host=host("a", "*.b"), path=(*exact("/a"), *glob("*/b"))),), "b/a", "-"),
    ((route("no host", path=prefix("/a")),), "/a/", "no host"),
    ((route("no path"), route("root", path=exact("/"))), "x", "no path"),
    ((route("b", path=prefix("/a/b")),), "x/a/x/b", "-"),
    ((route("below", host=host("*.a.org")),), "y.a.x.org/", "-"),
    ((route("root", path=prefix("")),), "x/a//b", "root"),
    ((route("empty segment", path=prefix("/a/")),), "x/a//b", "empty segment"),
)


class RouterTests(SynchronousTestCase):
    def test_order(self) -> None:
        """The first route of the file that matches takes the request, however each of them is found."""
        for routes, url, expected in ORDER:
            with self.subTest(routes=[options.name for options in routes], url=url):
                self.assertEqual(found(router(*routes), get(url)), expected)

    def test_destination(self) -> None:
        """A route carries the name, options and destination that it was given."""
        options = RouteOptions(name="a")
        destination = object()
        route = Router([Route(options, destination)]).find(get("x/"), "")
        assert route is not None
        self.assertEqual((route.name, repr(route)), ("a", "<Route a>"))
        self.assertIs(route.options, options)
        self.assertIs(route.destination, destination)

    def test_unix_peer(self) -> None:
        """A client that comes through a UNIX socket passes the routes with networks by."""
        routes = router(RouteOptions(name="net", client=(ip_network("0.0.0.0/0"),)), RouteOptions(name="rest"))
        self.assertEqual([found(routes, get("x/"), client) for client in ("10.0.0.1", "")], ["net", "rest"])

    def test_explain(self) -> None:
        """Every route is explained in file order, by the first condition that failed."""
        routes = router(
            RouteOptions(name="b", host=host("b"), method=POST),
            RouteOptions(name="post", host=host("a"), method=POST),
            RouteOptions(name="a", host=host("a")),
            RouteOptions(name="late"),
        )
        verdicts = [
            (verdict.route.name, verdict.is_match, verdict.refusal) for verdict in routes.explain(get("a/"), "")
        ]
        self.assertEqual(
            verdicts,
            [
                ("b", False, "host is a, wanted b"),
                ("post", False, "method is GET, wanted POST"),
                ("a", True, ""),
                ("late", True, ""),
            ],
        )


# -- the work of a look-up ------------------------------------------------------------------------------------------


def lines_run(routes: Router[str], request: PlainRequest) -> int:
    """How many lines of ours a look-up runs: its work, without a clock. (The collector may call others' in between.)"""
    lines = 0

    def count(frame: FrameType, event: str, argument: object) -> object:
        nonlocal lines
        lines += event == "line"
        return count if frame.f_globals["__name__"].startswith("twisted_relay.") else None

    before = sys.gettrace()
    sys.settrace(count)  # type: ignore[arg-type]
    try:
        routes.find(request, "192.0.2.1")
    finally:
        sys.settrace(before)
    return lines


#: what each of many routes asks for: (title, options of the route with this number)
MANY: tuple[tuple[str, Callable[[int], RouteOptions]], ...] = (
    ("exact paths", lambda number: RouteOptions(name=f"r{number}", path=exact(f"/a/r{number}"))),
    ("prefixes", lambda number: RouteOptions(name=f"r{number}", path=prefix(f"/a/r{number}"))),
    ("prefixes below", lambda number: RouteOptions(name=f"r{number}", path=prefix(f"/r{number}/b"))),
    ("hosts", lambda number: RouteOptions(name=f"r{number}", host=host(f"r{number}.org"))),
    ("wildcards", lambda number: RouteOptions(name=f"r{number}", host=host(f"*.r{number}.org"))),
    (
        "all of them",
        lambda number: RouteOptions(
            name=f"r{number}",
            host=host(f"*.r{number}.org", f"r{number}.org"),
            path=(*prefix(f"/r{number}"), *exact("/a")),
            method=("GET",),
        ),
    ),
)


class WorkTests(SynchronousTestCase):
    def test_many_routes(self) -> None:
        """A look-up runs the same lines among a thousand routes as among ten, found or not."""
        urls = ("r9.org/a/r9", "r9.org/r9/b", "w.r9.org/a/r9/x", "w.r9.org/a", "elsewhere.org/nothing", "/")
        for title, options in MANY:
            few = router(*map(options, range(10)), RouteOptions(name="rest"))
            many = router(*map(options, range(1000)), RouteOptions(name="rest"))
            for url in urls:
                with self.subTest(title, url=url):
                    self.assertEqual(lines_run(many, get(url)), lines_run(few, get(url)))

    def test_long_targets(self) -> None:
        """A path or host of thousands of parts runs no more lines than the routes have parts."""
        routes = router(RouteOptions(name="a", path=prefix("/a/a"), host=host("*.a.a")), RouteOptions(name="rest"))
        short = lines_run(routes, get("a.a.a/a/a/a"))
        self.assertEqual(lines_run(routes, get("a." * 4000 + "a/a" + "/a" * 4000)), short)


# -- compared with a plain reading of the rules ---------------------------------------------------------------------


def takes_host(pattern: HostPattern, name: str) -> bool:
    return name == pattern.text if pattern.kind == "exact" else name.endswith("." + pattern.text)


def takes_path(pattern: PathPattern, path: str) -> bool:
    match pattern.kind:
        case "exact":
            return path == pattern.text
        case "prefix":
            return not pattern.text or path == pattern.text or path.startswith(pattern.text + "/")
        case "glob":
            return fnmatchcase(path, pattern.text)
        case "regex":
            return re.match(pattern.text, path) is not None


def takes_rest(options: RouteOptions, request: PlainRequest, client: str) -> bool:
    values = [value.decode() for value in request.fields.get_all(b"x")]
    return (
        (not options.method or request.method.decode() in options.method)
        and (not options.header or any(match.text in values for match in options.header))
        and (not options.query or request.query == b"q")
        and (not options.client or any(ip_address(client) in network for network in options.client))
    )


def linear(routes: Router[str], request: PlainRequest, client: str) -> str:
    """The rules, read one after the other for one route after the other."""
    for route in routes.routes:
        options = route.options
        on_host = [takes_host(pattern, request.host.decode()) for pattern in options.host]
        on_path = [takes_path(pattern, request.path.decode()) for pattern in options.path]
        if (any(on_host) or not on_host) and (any(on_path) or not on_path) and takes_rest(options, request, client):
            return route.name
    return "-"


HOSTS = ("a", "b", "b.a", "c.b.a", "d.c.b.a", "xb.a", "")
PATHS = ("", "*", "/", "//", "/a", "/a/", "/ab", "/a/b", "/a/b/", "/a/b/c", "/a//b", "/b/a", "/b/a/b/c.d")
PREFIXES = ("", "/", "/a", "/a/", "/a/b", "/a/b/c", "/b")
GLOBS = ("*", "/a*", "*b", "/?/b", "*.d", "/a**c", "/*/b/*")
EXPRESSIONS = ("/a", "/a$", "/[ab]/", ".*c")
CLIENTS = ("10.0.0.1", "192.0.2.1", "2001:db8::1")


def some(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    """None, one or a few values of an option."""
    return st.lists(strategy, max_size=3).map(tuple)


def seldom(value: T) -> st.SearchStrategy[tuple[T, ...]]:
    return st.sampled_from(((), (), (), (value,)))


host_patterns = st.one_of(
    st.builds(HostPattern, st.just("exact"), st.sampled_from(HOSTS[:-1])),
    st.builds(HostPattern, st.just("wildcard"), st.sampled_from(HOSTS[:-1])),
)
path_patterns = st.one_of(
    st.builds(PathPattern, st.just("exact"), st.sampled_from(PATHS)),
    st.builds(PathPattern, st.just("prefix"), st.sampled_from(PREFIXES)),
    st.builds(PathPattern, st.just("glob"), st.sampled_from(GLOBS)),
    st.builds(PathPattern, st.just("regex"), st.sampled_from(EXPRESSIONS)),
)
route_options = st.builds(
    RouteOptions,
    host=some(host_patterns),
    path=some(path_patterns),
    method=seldom("POST"),
    header=seldom(FieldMatch("x", "exact", "1")),
    query=seldom(QueryMatch("q", "present")),
    client=seldom(ip_network("10.0.0.0/8")),
)
requests = st.builds(
    PlainRequest,
    method=st.sampled_from((b"GET", b"POST")),
    host=st.sampled_from(HOSTS).map(str.encode),
    path=st.sampled_from(PATHS).map(str.encode),
    query=st.sampled_from((b"", b"q")),
    fields=st.sampled_from(((), (b"X: 1",), (b"x: 2",))).map(lambda lines: Fields(list(lines))),
)


class ComparedTests(SynchronousTestCase):
    @settings(max_examples=100, deadline=None)
    @given(st.lists(route_options, max_size=6), st.lists(requests, min_size=5, max_size=10), st.sampled_from(CLIENTS))
    def test_like_reading_the_file(self, options: list[RouteOptions], asked: list[PlainRequest], client: str) -> None:
        """A look-up finds what reading the routes from the top finds, and the explanation says the same."""
        routes = router(*(replace(each, name=f"r{number}") for number, each in enumerate(options)))
        for request in asked:
            expected = linear(routes, request, client)
            self.assertEqual(found(routes, request, client), expected)
            verdicts = routes.explain(request, client)
            self.assertEqual(next((each.route.name for each in verdicts if each.is_match), "-"), expected)
