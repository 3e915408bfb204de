"""The whole answer about a request."""

import json
from dataclasses import replace
from functools import partial
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.admin.controlled import make_shop
from twisted_relay.admin.explain import Explain, is_taken
from twisted_relay.admin.json_input import JSON, Refused
from twisted_relay.admin.question import KEYS
from twisted_relay.config.tree import ListenerOptions, RouteOptions
from twisted_relay.config.values import Address, FieldLine, Location, PathPattern, Redirect, UnixAddress
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.downstream.respond import redirect
from twisted_relay.exchange import Destination
from twisted_relay.filters import filters_of
from twisted_relay.filters.chain import chain
from twisted_relay.routing import Route, Router
from twisted_relay.upstream.delivery import forward_to

WORDS = ("GET", "http://a/api", "web", "::1", "\x7f", "\ud800", "\udcff")
VALUES = st.one_of(st.none(), st.integers(), st.text(), st.sampled_from(WORDS))
WHATEVER = st.one_of(VALUES, st.lists(st.lists(VALUES, max_size=3), max_size=4))


class ExplainTests(SynchronousTestCase):
    """`Explain` over one listener and the backend `shop`."""

    def setUp(self) -> None:
        self.shop = make_shop(Clock())
        moved = RouteOptions(
            name="moved",
            where=Location("relay.ini", 9, 1),
            path=(PathPattern("exact", "/old"),),
            redirect=Redirect(301, "https://{host}/new"),
        )
        api = RouteOptions(
            name="api", where=Location("relay.ini", 13, 1), path=(PathPattern("prefix", "/api"),), strip_prefix="/api"
        )
        assert moved.redirect is not None
        self.routes = [
            self.route(moved, redirect(moved.redirect), ""),
            self.route(api, forward_to(self.shop), "shop"),
        ]
        self.make()

    def route(self, options: RouteOptions, destination: Destination, backend: str) -> Route[Plan]:
        around = partial(chain, filters_of(options))
        return Route(options, Plan(options.name, around(destination), backend=backend, around=around))

    def make(self, *binds: Address | UnixAddress) -> None:
        """Listen nowhere, as if at these addresses."""
        options = ListenerOptions(
            name="web", where=Location("relay.ini", 1, 1), bind=binds or (Address("", 80),), via=False
        )
        listener = Listener(options, Router(self.routes), self.shop.deadlines)
        self.explain = Explain([listener], {"shop": self.shop}, {})

    def ask(self, url: str, *fields: list[str], **more: object) -> JSON:
        return self.explain.answer({"method": "GET", "url": url, "fields": list(fields), **more})

    def test_forwarded(self) -> None:
        """Each route that was asked, the request as it leaves, and who gets it."""
        answer = self.ask("http://a.example/api/x", ["X-Request-Id", "1"], client="192.0.2.9")
        self.assertEqual(
            answer["routes"],
            [
                {
                    "name": "moved",
                    "where": "relay.ini:9:1",
                    "matches": False,
                    "why": "path is /api/x, wanted /old",
                },
                {"name": "api", "where": "relay.ini:13:1", "matches": True, "why": ""},
            ],
        )
        self.assertEqual(
            answer["forwarded"],
            {
                "server": "one",
                "head": [
                    "GET /x HTTP/1.1",
                    "Host: a.example",
                    "X-Request-Id: 1",
                    "X-Forwarded-For: 192.0.2.9",
                    "X-Forwarded-Proto: http",
                    "X-Forwarded-Host: a.example",
                    "X-Forwarded-Port: 80",
                    'Forwarded: for=192.0.2.9;proto=http;host="a.example"',
                ],
            },
        )
        self.assertEqual((answer["route"], answer["refused"], answer["answer"]), ("api", None, None))
        self.assertEqual(cast(JSON, answer["backend"])["outcome"], "it goes to one")
        self.assertTrue(is_taken(answer))

    def test_secrets(self) -> None:
        """Credentials that the route sets are not shown, and of passwords of whoever asks only the scheme."""
        options = RouteOptions(
            name="api",
            set_request_header=(FieldLine("Authorization", "Bearer t0ken"), FieldLine("X-Env", "test")),
            add_request_header=(FieldLine("X-Api-Key", "s3cret"),),
        )
        self.routes = [self.route(options, forward_to(self.shop), "shop")]
        self.make()
        answer = self.ask("http://a.example/", ["Cookie", "mine"])
        head = cast("list[str]", cast(JSON, answer["forwarded"])["head"])
        for line in ("Authorization: (hidden)", "X-Api-Key: (hidden)", "X-Env: test", "Cookie: mine"):
            self.assertIn(line, head)
        self.assertNotIn("t0ken", str(answer))
        self.assertNotIn("s3cret", str(answer))
        self.routes = [self.route(RouteOptions(name="api"), forward_to(self.shop), "shop")]
        self.make()
        for value, shown in (("Basic Ym9iOnNlc2FtZQ==", "Basic (hidden)"), ("Ym9iOnNlc2FtZQ==", "(hidden)")):
            answer = self.ask("http://a.example/", ["Authorization", value])
            for told in (answer["request"], answer["forwarded"]):
                self.assertIn(f"Authorization: {shown}", cast("list[str]", cast(JSON, told)["head"]))
            self.assertNotIn("Ym9i", str(answer))

    def test_answered(self) -> None:
        """A route that needs no server answers as it would; later routes are not asked."""
        answer = self.ask("http://a.example/old")
        response = cast(JSON, answer["answer"])
        self.assertEqual(
            (response["status"], cast("list[str]", response["fields"])[0]), (301, "Location: https://a.example/new")
        )
        self.assertEqual((answer["not_asked"], answer["forwarded"], is_taken(answer)), (1, None, True))

    def test_users(self) -> None:
        """Of a route that asks for a password it says so, and what becomes of those who have one."""
        self.assertIsNone(self.ask("http://a.example/old")["auth"])
        api = self.routes[1]
        self.routes[1] = Route(replace(api.options, auth="staff"), api.destination)
        self.make()
        answer = self.ask("http://a.example/api")
        self.assertEqual((answer["auth"], answer["refused"], is_taken(answer)), ("staff", None, True))

    def test_refused(self) -> None:
        """A request that the wire refuses gets no further; one that no route takes has every reason."""
        bad = self.ask("http://a b/")
        self.assertEqual(
            bad["refused"], {"status": 400, "reason": "bad_request", "text": "Host is not a valid authority"}
        )
        self.assertEqual((bad["routes"], is_taken(bad)), ([], False))
        lost = self.ask("http://a.example/x")
        self.assertEqual([each["matches"] for each in cast("list[JSON]", lost["routes"])], [False, False])
        self.assertEqual((cast(JSON, lost["refused"])["status"], is_taken(lost)), (404, False))

    def test_no_server(self) -> None:
        """Without a usable server the request has nowhere to go, but a route takes it."""
        for server in self.shop.servers:
            server.set_mode("maint", "by operator")
        answer = self.ask("http://a.example/api")
        self.assertEqual(cast(JSON, answer["forwarded"])["server"], None)
        self.assertEqual(cast(JSON, answer["backend"])["outcome"], "503: no server is usable")
        self.assertTrue(is_taken(answer))

    def test_over_a_socket(self) -> None:
        """Who comes over a UNIX socket has no address."""
        self.make(UnixAddress("/run/x"))
        answer = self.ask("http://a.example/api")
        self.assertEqual(cast(JSON, answer["request"])["client"], "unix")
        self.assertIn("X-Forwarded-For: unknown", cast("list[str]", cast(JSON, answer["forwarded"])["head"]))

    def test_not_understood(self) -> None:
        """A question that cannot be understood is refused."""
        self.assertRaises(Refused, self.ask, "example.org")

    def test_nothing_moves(self) -> None:
        """However often it is asked, it is the same server's turn."""
        servers = {cast(JSON, self.ask("http://a.example/api")["forwarded"])["server"] for _ in range(5)}
        self.assertEqual(servers, {"one"})
        self.assertEqual([server.active_requests for server in self.shop.servers], [0, 0, 0])

    @given(st.fixed_dictionaries({}, optional=dict.fromkeys((*KEYS, "more"), WHATEVER)))
    def test_whatever_is_asked(self, given: JSON) -> None:
        """There is an answer that can be written as JSON, or a refusal; and nothing is left of it."""
        try:
            json.dumps(self.explain.answer({"method": "GET", "url": "/api", **given}))
        except Refused as refused:
            self.assertEqual(refused.status, 400)
        self.assertEqual(self.shop.deadlines.members, set())
