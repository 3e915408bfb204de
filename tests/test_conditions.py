"""conditions: what a route can ask of a request."""

from fnmatch import fnmatchcase
from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.requests import PlainRequest, get
from twisted_relay import conditions
from twisted_relay.conditions import Condition, further_conditions, path_predicate, target_conditions
from twisted_relay.config.tree import RouteOptions
from twisted_relay.config.values import FieldMatch, HostPattern, PathPattern, QueryMatch
from twisted_relay.errors import ConfigurationError

API = HostPattern("exact", "api.example")
BELOW = HostPattern("wildcard", "example.org")

#: (hosts asked for, the request's host, whether it is taken)
HOSTS = (
    ((API,), "api.example", True),
    ((API,), "www.api.example", False),
    ((API,), "", False),
    ((BELOW,), "a.example.org", True),
    ((BELOW,), "c.b.a.example.org", True),
    ((BELOW,), "example.org", False),
    ((BELOW,), "badexample.org", False),
    ((BELOW,), "a.example.org.evil", False),
    ((API, BELOW), "api.example", True),
    ((API, BELOW), "x.example.org", True),
    ((API, BELOW), "other", False),
)

#: (kind, text, path, whether it is taken)
PATHS = (
    ("exact", "/a", "/a", True),
    ("exact", "/a", "/a/", False),
    ("exact", "/a", "/A", False),
    ("prefix", "/a", "/a", True),
    ("prefix", "/a", "/a/", True),
    ("prefix", "/a", "/a/b/c", True),
    ("prefix", "/a", "/ab", False),
    ("prefix", "/a", "/", False),
    ("prefix", "/a/b", "/a", False),
    ("prefix", "", "/", True),
    ("prefix", "", "/any/thing", True),
    ("prefix", "", "*", True),
    ("glob", "*.css", "/a/b/site.css", True),
    ("glob", "*.css", "/site.css.map", False),
    ("glob", "/a/*/z", "/a/b/c/z", True),
    ("glob", "/a/*/z", "/a/z", False),
    ("glob", "/a**z", "/az", True),
    ("glob", "/v?/x", "/v1/x", True),
    ("glob", "/v?/x", "/v/x", False),
    ("glob", "/v?/x", "/v12/x", False),
    ("glob", "/[a]*", "/[a]b", True),
    ("glob", "/[a]*", "/ab", False),
    ("glob", "*a*b*", "/b/a", False),
    ("glob", "*", "", True),
    ("glob", "/x*", "/x\ny", True),
    ("glob", "/?", "/\n", True),
    ("glob", "/café*", "/café/x", True),
    ("regex", "/[0-9]+", "/12/rest", True),
    ("regex", "/[0-9]+$", "/12/rest", False),
    ("regex", "b", "/b", False),
    ("regex", "/café", "/café", True),
)

PRESENT = FieldMatch("x-a", "present")
ONE = FieldMatch("x-a", "exact", "1")
TWO = FieldMatch("x-a", "exact", "2")
OTHER = FieldMatch("x-b", "regex", "[a-c]")

#: (fields asked for, the request's field lines, whether it is taken)
FIELDS = (
    ((PRESENT,), ("X-A: 1",), True),
    ((PRESENT,), ("x-a:",), True),
    ((PRESENT,), ("X-AB: 1",), False),
    ((ONE,), ("X-a:  1 ",), True),
    ((ONE,), ("X-A: 11",), False),
    ((ONE,), ("X-A: 2", "X-A: 1"), True),
    ((ONE,), ("X-A: 2, 1",), False),
    ((ONE, TWO), ("X-A: 2",), True),
    ((ONE, TWO), ("X-A: 3",), False),
    ((ONE, OTHER), ("X-A: 1",), False),
    ((ONE, OTHER), ("X-B: beta", "X-A: 1"), True),
    ((ONE, OTHER), ("X-B: delta", "X-A: 1"), False),
    ((ONE, OTHER, TWO), ("X-B: beta", "X-A: 2"), True),
)

#: (parameters asked for, the request's query, whether it is taken)
QUERIES = (
    ((QueryMatch("q", "present"),), "q", True),
    ((QueryMatch("q", "present"),), "q=", True),
    ((QueryMatch("q", "present"),), "a=1&q=2", True),
    ((QueryMatch("q", "present"),), "", False),
    ((QueryMatch("q", "present"),), "qq=1&a=q", False),
    ((QueryMatch("q", "exact", "a b"),), "q=a+b", True),
    ((QueryMatch("q", "exact", "a b"),), "q=a%20b", True),
    ((QueryMatch("q", "exact", "é"),), "%71=%C3%A9", True),
    ((QueryMatch("q", "exact", "%zz"),), "q=%zz", True),
    ((QueryMatch("q", "exact", "1=2"),), "q=1=2", True),
    ((QueryMatch("q", "exact", ""),), "&&q&", True),
    ((QueryMatch("q", "exact", "2"),), "q=1&q=2", True),
    ((QueryMatch("q", "exact", "1"), QueryMatch("q", "exact", "2")), "q=2", True),
    ((QueryMatch("q", "exact", "1"), QueryMatch("r", "present")), "q=1", False),
    ((QueryMatch("q", "exact", "1"), QueryMatch("r", "present")), "r&q=1", True),
)

#: (options, request, client, the refusal)
REFUSALS = (
    (RouteOptions(host=(API,)), get("a.example/"), "", "host is a.example, wanted api.example"),
    (RouteOptions(host=(API, BELOW)), get("/"), "", "host is absent, wanted api.example or *.example.org"),
    (
        RouteOptions(path=(PathPattern("exact", "/a"), PathPattern("prefix", "/b"), PathPattern("regex", "/c$"))),
        get("x/\x1b[2J"),
        "",
        r"path is /\x1b[2J, wanted /a, /b/* or ~/c$",
    ),
    (RouteOptions(method=("POST", "PUT")), get("x/"), "", "method is GET, wanted POST or PUT"),
    (RouteOptions(header=(PRESENT,)), get("x/"), "", "header x-a is absent, wanted any value"),
    (RouteOptions(header=(ONE, TWO)), get("x/", "X-A: 3"), "", 'header x-a is "3", wanted "1" or "2"'),
    (RouteOptions(header=(OTHER,)), get("x/", "X-B: z", "X-B: y"), "", 'header x-b is "z" and "y", wanted ~[a-c]'),
    (RouteOptions(query=(QueryMatch("q", "exact", "1"),)), get("x/?q=2"), "", 'query q is "2", wanted "1"'),
    (
        RouteOptions(client=(ip_network("10.0.0.0/8"), ip_network("::1"))),
        get("x/"),
        "192.0.2.1",
        "client is 192.0.2.1, wanted 10.0.0.0/8 or ::1/128",
    ),
    (
        RouteOptions(client=(ip_network("10.0.0.0/8"),)),
        get("x/"),
        "",
        "client is a UNIX socket, wanted 10.0.0.0/8",
    ),
)


def conditions_of(options: RouteOptions) -> list[Condition]:
    return [*target_conditions(options), *further_conditions(options)]


def takes(options: RouteOptions, request: PlainRequest, client: str = "") -> bool:
    return all(condition.holds(request, client) for condition in conditions_of(options))


class ConditionTests(SynchronousTestCase):
    def test_hosts(self) -> None:
        """A host is taken by its name; a wildcard takes everything below a name but not the name."""
        for wanted, host, expected in HOSTS:
            with self.subTest(wanted=wanted, host=host):
                self.assertIs(takes(RouteOptions(host=wanted), get(f"{host}/")), expected)

    def test_paths(self) -> None:
        """Exact paths, prefixes by segment, globs over the whole path and expressions from the start."""
        for kind, text, path, expected in PATHS:
            with self.subTest(kind=kind, text=text, path=path):
                pattern = PathPattern(kind, text)  # type: ignore[arg-type]
                self.assertIs(takes(RouteOptions(path=(pattern,)), PlainRequest(path=path.encode())), expected)

    def test_fields(self) -> None:
        """Lines of one field name are alternatives, different names must all match, each field line by itself."""
        for wanted, lines, expected in FIELDS:
            with self.subTest(wanted=wanted, lines=lines):
                self.assertIs(takes(RouteOptions(header=wanted), get("x/", *lines)), expected)

    def test_query(self) -> None:
        """Parameters are compared after decoding; one name's values are alternatives, names must all match."""
        for wanted, query, expected in QUERIES:
            with self.subTest(wanted=wanted, query=query):
                self.assertIs(takes(RouteOptions(query=wanted), get(f"x/?{query}")), expected)

    def test_methods(self) -> None:
        """A method is taken when it is named, in this case and no other."""
        options = RouteOptions(method=("POST", "PUT"))
        taken = [method for method in (b"GET", b"POST", b"PUT", b"put") if takes(options, PlainRequest(method=method))]
        self.assertEqual(taken, [b"POST", b"PUT"])

    def test_clients(self) -> None:
        """A client is taken by its network; the peer of a UNIX socket is in none."""
        options = RouteOptions(client=(ip_network("10.0.0.0/8"), ip_network("::/0")))
        clients = ("10.1.2.3", "192.0.2.1", "2001:db8::1", "")
        self.assertEqual([client for client in clients if takes(options, get("x/"), client)], [clients[0], clients[2]])

    def test_no_condition(self) -> None:
        """Options without conditions have none."""
        self.assertEqual(conditions_of(RouteOptions(backend="app")), [])

    def test_refusals(self) -> None:
        """A refusal says what the request has and what was wanted, and shows no control characters."""
        for options, request, client, expected in REFUSALS:
            with self.subTest(expected):
                refusals = [condition.refusal(request, client) for condition in conditions_of(options)]
                self.assertFalse(takes(options, request, client))
                self.assertEqual(refusals, [expected])

    def test_bounded_query(self) -> None:
        """Parameters after the thousandth are not seen."""
        options = RouteOptions(query=(QueryMatch("q", "present"),))
        padding = "&".join(["x"] * (conditions.MAX_QUERY_PARAMETERS - 1))
        self.assertTrue(takes(options, get(f"x/?{padding}&q")))
        self.assertFalse(takes(options, get(f"x/?x&{padding}&q")))

    def test_expression_over_bytes(self) -> None:
        """An expression that only text can be matched with is a configuration error that shows it."""
        error = self.assertRaises(ConfigurationError, path_predicate, PathPattern("regex", r"/\N{BULLET}"))
        self.assertIn(r"~/\N{BULLET} is not a regular expression over bytes", str(error))

    def test_hostile_path(self) -> None:
        """A glob with many stars decides about a long path that almost matches (backtracking would never end)."""
        glob = path_predicate(PathPattern("glob", "*a" * 30 + "*b"))
        self.assertFalse(glob(b"/" + b"a" * 8000))
        self.assertTrue(glob(b"/" + b"a" * 8000 + b"b"))

    @given(st.text("ab/*?", min_size=1, max_size=10), st.text("ab/", max_size=12))
    def test_globs_like_fnmatch(self, glob: str, path: str) -> None:
        """Globs without brackets mean what they mean in fnmatch."""
        self.assertIs(bool(path_predicate(PathPattern("glob", glob))(path.encode())), fnmatchcase(path, glob))
