"""Servers that fail more requests than the others are taken out."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import OPTIONS, Group
from twisted_relay.config.values import OutlierSpec
from twisted_relay.health.comparison import Comparison
from twisted_relay.health.ejector import Ejector
from twisted_relay.upstream.server import Server

SPEC = OutlierSpec()


class Compared(Group):
    """Servers whose success rates are compared; they are ejected for 30 s."""

    def __init__(self, names: str = "abcde", spec: OutlierSpec = SPEC) -> None:
        super().__init__(*names, options=replace(OPTIONS, eject_for=30.0))
        self.ejector = Ejector(self.backend)
        self.comparison = Comparison(self.backend, self.ejector, spec)
        self.ejector.start()
        self.comparison.start()

    def interval(self, requests: int = 100, **failures: int) -> str:
        """Ten seconds with so many requests to every server that is up, and so many failures among them; who is out
        after that."""
        for server in self.servers:
            if server.state == "up":
                self.count(server, requests, failures.get(server.name, 0))
        self.clock.advance(10)
        return "".join(server.name for server in self.servers if server.state == "ejected")

    def count(self, server: Server, requests: int, failures: int) -> None:
        """A server had so many requests, of which so many failed, half of them without a response."""
        server.counters.codes[200] = server.counters.codes.get(200, 0) + requests - failures
        server.counters.codes[500] = server.counters.codes.get(500, 0) + failures - failures // 2
        server.counters.errors["reset"] += failures // 2


class ComparisonTests(SynchronousTestCase):
    """Every ten seconds."""

    def test_an_outlier(self) -> None:
        """Who fails far more than the others is out, and the reason has the numbers."""
        group = Compared()
        self.assertEqual(group.interval(), "")
        self.assertEqual(group.interval(a=1, b=50, c=2), "b")
        self.assertEqual(group.servers[1].reason, "success rate 50 % of 100 requests, below 51.94 % for 5 servers")
        self.assertEqual(group.backend.counters.ejections, {"errors": 0, "success_rate": 1})

    def test_all_alike(self) -> None:
        """When all fail alike, the fault is not theirs."""
        group = Compared()
        self.assertEqual(group.interval(a=60, b=60, c=61, d=59, e=60), "")

    def test_rare_errors(self) -> None:
        """A single error among servers that do not fail ejects nobody."""
        group = Compared("abcdefghij")
        self.assertEqual(group.interval(a=1), "")
        self.assertEqual(Compared("abcdefghij", replace(SPEC, margin=0.0)).interval(a=1), "a")

    def test_too_few_requests(self) -> None:
        """Servers with too few requests in the interval are not looked at; those before it do not count."""
        group = Compared()
        self.assertEqual(group.interval(99, b=50), "")
        self.assertEqual(group.interval(99, b=50), "")
        self.assertEqual(group.interval(100, b=50), "b")

    def test_too_few_servers(self) -> None:
        """Among too few servers nobody is an outlier; those that are out or down are not among them."""
        self.assertEqual(Compared("abcd").interval(b=100), "")
        group = Compared()
        group.servers[0].set_down("x")
        self.assertEqual(group.interval(b=100), "")

    def test_the_worst_first(self) -> None:
        """When not all outliers may go, the worst do."""
        group = Compared("abcdefghijkl")
        group.backend.options = group.ejector._backend.options = replace(group.options, eject_percent=0.1)
        self.assertEqual(group.interval(b=70, k=75), "k")
        self.assertEqual(group.backend.counters.ejections_refused, 1)

    def test_what_was_before_the_start(self) -> None:
        """Only what happens while it looks counts."""
        group = Compared()
        group.comparison.stop()
        group.count(group.servers[1], 1000, 1000)
        group.comparison.start()
        group.comparison.start()
        self.assertEqual(group.interval(1), "")

    def test_servers_that_leave(self) -> None:
        """They are forgotten."""
        group = Compared("abcdef")
        group.interval()
        group.backend.leave(group.servers[0])
        self.assertEqual(group.interval(b=80), "b")

    def test_stop(self) -> None:
        """After a stop it looks no more, and no timer is left."""
        group = Compared()
        group.comparison.stop()
        group.comparison.stop()
        self.assertEqual((group.clock.getDelayedCalls(), group.backend.memberships), ([], [group.ejector]))
