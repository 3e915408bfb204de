"""Exchanges are counted by destination, user and client."""

import tracemalloc

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.accounting.accounting import NOBODY, PERIOD, Accounting, destination_of
from twisted_relay.config.sections.process import KINDS
from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Request


def exchange_to(host: str, user: str = "", client: str = "192.0.2.1", octets: int = 100, at: float = 1.0) -> Exchange:
    """A finished exchange."""
    request = Request(b"GET", b"/", Fields())
    request.host = host.encode()
    exchange = Exchange(request, Origin(client, b"http", 80, b""), 0.0)
    exchange.user = user
    exchange.bytes_received, exchange.bytes_sent = 10, octets - 10
    exchange.finished = at
    return exchange


def requests(accounting: Accounting, kind: str) -> dict[str, tuple[int, int]]:
    """(requests, octets) since the start by name."""
    rows = accounting.tallies[kind].ever("bytes", 1000).rows
    return {row.name: (row.requests.least, row.bytes.least) for row in rows}


class AccountingTests(SynchronousTestCase):
    """`Accounting`."""

    def setUp(self) -> None:
        self.accounting = Accounting(100, KINDS, 0.0)

    def test_kinds(self) -> None:
        """One exchange counts for its destination, its user and its client."""
        for host, user, client in (("a.example", "ann", "192.0.2.1"), ("b.example", "ann", "192.0.2.2")):
            self.accounting(exchange_to(host, user, client))
        self.assertEqual(requests(self.accounting, "destinations"), {"a.example": (1, 100), "b.example": (1, 100)})
        self.assertEqual(requests(self.accounting, "users"), {"ann": (2, 200)})
        self.assertEqual(requests(self.accounting, "clients"), {"192.0.2.1": (1, 100), "192.0.2.2": (1, 100)})

    def test_only_what_is_wanted(self) -> None:
        """Names of a kind that nobody asked for are not kept."""
        accounting = Accounting(100, ("users",), 0.0)
        accounting(exchange_to("a.example", "ann"))
        self.assertEqual(list(accounting.tallies), ["users"])
        self.assertEqual(requests(accounting, "users"), {"ann": (1, 100)})

    def test_names(self) -> None:
        """IPv6 goes without brackets; what is missing or too long to be a host has one name together."""
        for host, name in (("[2001:db8::1]", "2001:db8::1"), ("a.example", "a.example"), ("", NOBODY)):
            self.assertEqual(destination_of(exchange_to(host)), name)
        self.assertEqual(destination_of(exchange_to("a" * 8000)), NOBODY)
        self.accounting(exchange_to("", client=""))
        for kind in KINDS:
            self.assertEqual(requests(self.accounting, kind), {NOBODY: (1, 100)})

    def test_everything_adds_up(self) -> None:
        """However many hosts there are, the names and the others together are all exchanges."""
        for number in range(5000):
            self.accounting(exchange_to(f"{number % 3000}.example", octets=10 + number))
        top = self.accounting.tallies["destinations"].ever("bytes", 20)
        self.assertEqual((top.requests, top.bytes), (5000, sum(10 + number for number in range(5000))))
        self.assertTrue(0 <= top.bytes - sum(row.bytes.least for row in top.rows) <= top.bytes)
        self.assertEqual(requests(self.accounting, "users"), {NOBODY: (5000, top.bytes)})

    def test_tunnels_count_before_they_end(self) -> None:
        """What a tunnel has moved counts when somebody looks, and once; the request when it ends."""
        tunnel = exchange_to("a.example", "ann", octets=10)
        moved = [(tunnel, 1000)]
        self.accounting.running = lambda: moved
        self.accounting.look(1.0)
        self.assertEqual(requests(self.accounting, "destinations"), {"a.example": (0, 1000)})
        moved[0] = (tunnel, 5000)
        self.accounting.look(2.0)
        self.accounting.look(2.0)
        self.assertEqual(requests(self.accounting, "users"), {"ann": (0, 5000)})
        moved.clear()
        tunnel.bytes_received, tunnel.bytes_sent, tunnel.finished = 1000, 6000, 3.0
        self.accounting(tunnel)
        self.assertEqual(requests(self.accounting, "destinations"), {"a.example": (1, 7000)})

    def test_periods(self) -> None:
        """Of late is the last half hour to hour, whenever somebody looks; a tunnel counts when it has moved."""
        tunnel = exchange_to("tunnel.example")
        self.accounting.running = lambda: [(tunnel, 1000)]
        self.accounting(exchange_to("old.example", at=10.0))
        self.accounting(exchange_to("new.example", at=PERIOD + 10.0))
        self.assertEqual(self.late(PERIOD + 20.0), ({"old.example", "new.example", "tunnel.example"}, 0.0))
        self.assertEqual(self.late(2 * PERIOD + 1), ({"new.example"}, PERIOD))
        self.assertEqual(self.late(3 * PERIOD - 1), ({"new.example"}, PERIOD))
        self.assertEqual(self.late(4 * PERIOD + 1), (set(), 3 * PERIOD))
        self.assertEqual(len(requests(self.accounting, "destinations")), 3)

    def late(self, now: float) -> tuple[set[str], float]:
        """The destinations of late, and since when that is."""
        self.accounting.look(now)
        rows = self.accounting.tallies["destinations"].recent("bytes", 10).rows
        return {row.name for row in rows}, self.accounting.recent_since

    def test_a_long_silence(self) -> None:
        """After hours without a request nothing is of late."""
        self.accounting(exchange_to("old.example", at=10.0))
        self.assertEqual(self.late(9.5 * PERIOD), (set(), 8 * PERIOD))

    def test_memory(self) -> None:
        """A hundred thousand hosts cost no more than the first few thousand did."""
        exchange = exchange_to("a.example")

        def count(numbers: range) -> int:
            """Octets in use after exchanges with these hosts and users."""
            for number in numbers:
                exchange.request.host = b"host-%d.example" % number
                exchange.user = f"user{number}"
                self.accounting(exchange)
            for tally in self.accounting.tallies.values():
                tally.flush()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before = count(range(2000))
        after = count(range(2000, 102_000))
        self.assertLess(after - before, 50_000)
        self.assertLess(after, 1_000_000)
