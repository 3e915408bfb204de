"""Who would get a request, in words."""

from dataclasses import replace
from typing import cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.admin.controlled import make_backend
from tests.balancing.choosing import an_exchange
from twisted_relay.admin.candidates import describe_backend
from twisted_relay.admin.json_input import JSON
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import Address, BreakerSpec, DiscoverSpec, ServerSpec, StickySpec
from twisted_relay.errors import ConnectFailed
from twisted_relay.exchange import Exchange
from twisted_relay.upstream.backend import Backend

A, B, C = (ServerSpec(name, "http", Address(f"10.0.0.{n}", 80)) for n, name in enumerate("abc", 1))
THREE = BackendOptions(name="app", servers=(A, B, C), panic_threshold=0.0)


class CandidatesTests(SynchronousTestCase):
    """`describe_backend`."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)

    def backend(self, options: BackendOptions) -> Backend:
        return make_backend(self.clock, options)

    def described(self, backend: Backend, exchange: Exchange | None = None) -> JSON:
        exchange = exchange or an_exchange()
        return describe_backend(backend, exchange, backend.peek(exchange))

    def said(self, backend: Backend, exchange: Exchange | None = None) -> tuple[list[str], list[str], object]:
        """Candidates in order, and the others, each as `name: why`; and the outcome."""
        described = self.described(backend, exchange)
        lists = (cast("list[JSON]", described[key]) for key in ("candidates", "others"))
        first, second = ([f"{each['name']}: {each['why']}" for each in servers] for servers in lists)
        return first, second, described["outcome"]

    def test_in_order(self) -> None:
        """The first in the policy's order gets it."""
        backend = self.backend(THREE)
        next(backend.choose(an_exchange()))
        self.assertEqual(self.said(backend), (["b: usable", "c: usable", "a: usable"], [], "it goes to b"))

    def test_out(self) -> None:
        """Who is not asked, and why: down, drained, in maint, ejected, without weight."""
        backend = self.backend(replace(THREE, servers=(A, B, C, replace(A, name="d"), replace(A, name="e"))))
        a, b, c, d, _ = backend.servers
        a.set_down("GET / answered 500")
        b.set_mode("drain", "by operator")
        c.eject("5 errors")
        d.set_weight(0, "by operator")
        self.assertEqual(
            self.said(backend),
            (
                ["e: usable"],
                [
                    "a: down: GET / answered 500",
                    "b: drain, only for clients that stick to it: by operator",
                    "c: ejected: 5 errors",
                    "d: weight 0: nobody new",
                ],
                "it goes to e",
            ),
        )

    def test_nobody(self) -> None:
        """Without any usable server the answer is 503; unless one is about to be found."""
        backend = self.backend(replace(THREE, servers=(A,)))
        backend.servers[0].set_mode("maint", "by operator")
        self.assertEqual(self.said(backend), ([], ["a: maint: by operator"], "503: no server is usable"))
        backend.servers[0].set_mode("ready", "by operator")
        backend.servers[0].set_checking("not checked yet")
        self.assertEqual(self.said(backend)[2], "it waits until a server is found or has passed its first check")

    def test_full(self) -> None:
        """A full server is passed over; when all are, the request waits."""
        backend = self.backend(replace(THREE, servers=(A, B), max_requests_per_server=1, queue_timeout=3.0))
        backend.took(backend.servers[0])
        self.assertEqual(
            self.said(backend),
            (["a: full: 1 of 1 requests, so it is passed over", "b: usable"], [], "it goes to b"),
        )
        backend.took(backend.servers[1])
        self.assertEqual(self.said(backend)[2], "it waits for a server with room, up to 3 s")
        backend = self.backend(replace(backend.options, queue_length=0))
        for server in backend.servers:
            backend.took(server)
        self.assertEqual(self.said(backend)[2], "503: there is no room at the servers, nor in the queue")

    def test_backups(self) -> None:
        """A backup is no candidate, then the only one."""
        backend = self.backend(replace(THREE, servers=(A, replace(B, backup=True))))
        self.assertEqual(self.said(backend)[1], ["b: backup: others are usable"])
        backend.servers[0].set_down("refused")
        self.assertEqual(
            self.said(backend), (["b: backup: nothing else is usable"], ["a: down: refused"], "it goes to b")
        )

    def test_tiers(self) -> None:
        """Of several tiers that get traffic it is said how much each gets; of one that gets none, why."""
        servers = (A, B, replace(C, tier=2), replace(A, name="d", tier=2))
        backend = self.backend(replace(THREE, servers=servers))
        self.assertEqual(
            self.said(backend)[1],
            ["c: tier 2: those before it take everything", "d: tier 2: those before it take everything"],
        )
        backend.servers[0].set_down("refused")
        self.assertIn("b: tier 1 gets 70 % of the requests, by chance", self.said(backend)[0])
        self.assertEqual(
            self.described(backend)["tiers"],
            [
                {"tier": 1, "load": 70, "usable": 1, "panics": False},
                {"tier": 2, "load": 30, "usable": 2, "panics": False},
            ],
        )

    def test_panic(self) -> None:
        """In panic those that are down are candidates, and it is said why."""
        backend = self.backend(replace(THREE, panic_threshold=0.5))
        for server in backend.servers[:2]:
            server.set_down("refused")
        self.assertIn("a: it is down, but so many are that health is not believed (panic)", self.said(backend)[0])

    def test_sticky(self) -> None:
        """The server that the cookie names comes first, also while it drains, and the cookie is taken off."""
        backend = self.backend(replace(THREE, sticky=StickySpec("relay")))
        assert backend.sticky is not None
        backend.servers[1].set_mode("drain", "by operator")
        cookie = b"Cookie: x=y; relay=" + backend.sticky.value_for("b")
        exchange = an_exchange()
        exchange.request.fields.lines.append(cookie)
        candidates, others, outcome = self.said(backend, exchange)
        self.assertEqual((candidates[0], others, outcome), ("b: the client's cookie names it", [], "it goes to b"))
        self.assertEqual(exchange.request.fields.get(b"cookie"), b"x=y")

    def test_breaker(self) -> None:
        """An open breaker lets nothing in, whoever is usable; once its time is over requests go again, by chance."""
        backend = self.backend(replace(THREE, breaker=BreakerSpec(0.5, 10.0, requests=2), breaker_open=10.0))
        breaker = backend.breaker
        assert breaker is not None
        self.assertEqual(
            (self.described(backend)["breaker"], self.said(backend)[2]),
            ({"state": "closed", "reason": ""}, "it goes to a"),
        )
        for _ in range(2):
            breaker.watched(an_exchange(), lambda answer: None)(ConnectFailed("refused"))
        reason = breaker.circuit.reason
        self.assertEqual(self.described(backend)["breaker"], {"state": "open", "reason": reason})
        self.assertEqual(self.said(backend)[2], f"503: the breaker is open: {reason}")
        self.assertEqual(breaker.rejected, 0)
        self.clock.advance(11.0)
        self.assertEqual(self.said(backend)[2], "it goes to a, if the breaker lets it in (half-open)")

    def test_discovered(self) -> None:
        """Where servers are looked for and none is known yet, that is said instead of an error."""
        discover = DiscoverSpec("dns+a", "app.example", port=80)
        backend = self.backend(BackendOptions(name="app", discover=discover))
        self.assertEqual(self.said(backend), ([], [], "no server of dns+a://app.example:80 is known here"))
        self.assertEqual(self.described(backend)["discover"], "dns+a://app.example:80")
        backend.is_discovering = True
        self.assertEqual(self.said(backend)[2], "it waits until a server is found or has passed its first check")
