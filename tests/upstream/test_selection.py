"""Tiers, backups and panic around the policies."""

from collections import Counter
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import an_exchange
from twisted_relay.balancing.round_robin import RoundRobin
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.upstream.selection import Selection
from twisted_relay.upstream.server import Server


def group(tiers: dict[int, int], backups: int = 0) -> list[Server]:
    """So many servers in each tier, named `TIER.NUMBER`, and backups."""
    names = [(tier, f"{tier}.{number}") for tier, count in tiers.items() for number in range(count)]
    specs = [ServerSpec(name, "http", Address("10.0.0.1", 80), tier=tier) for tier, name in names]
    specs += [ServerSpec(f"b.{number}", "http", Address("10.0.0.1", 80), backup=True) for number in range(backups)]
    return [Server(spec, BackendOptions(), lambda: 0.0) for spec in specs]


def selection(servers: list[Server], panic: float = 0.0) -> Selection:
    """What chooses among them."""
    made = Selection(RoundRobin, Random(1).random, panic)
    for server in servers:
        made.tier_of(server)
    made.update(servers)
    return made


def chosen(made: Selection, count: int = 1000) -> Counter[str]:
    """How often each tier was chosen first."""
    return Counter(next(made.choose(an_exchange())).name.partition(".")[0] for _ in range(count))


class TierTests(SynchronousTestCase):
    """Spill-over."""

    def test_the_first_tier_takes_all(self) -> None:
        """While enough of the first are up, nobody else gets anything."""
        servers = group({1: 4, 2: 4}, backups=1)
        servers[0].set_down("x")
        self.assertEqual(chosen(selection(servers)), {"1": 1000})

    def test_spill_over(self) -> None:
        """With half of the first tier down the second gets 30 %."""
        servers = group({2: 4, 1: 4})
        for server in servers[4:6]:
            server.set_down("x")
        made = selection(servers)
        self.assertEqual([(tier.number, tier.load) for tier in made.tiers], [(1, 70), (2, 30)])
        counts = chosen(made)
        self.assertTrue(650 < counts["1"] < 750, counts)
        self.assertEqual(counts["1"] + counts["2"], 1000)

    def test_candidates_of_all_tiers(self) -> None:
        """A retry goes on in the other tiers when the drawn one has nobody left; none comes twice."""
        servers = group({1: 2, 2: 2})
        servers[0].set_down("x")
        made = selection(servers)
        for _ in range(20):
            met = [server.name for server in made.choose(an_exchange())]
            self.assertEqual(sorted(met), ["1.1", "2.0", "2.1"])

    def test_maint_and_drain_are_not_missed(self) -> None:
        """Servers that were taken out on purpose make no tier unhealthy."""
        servers = group({1: 4, 2: 4})
        for server in servers[1:4]:
            server.set_mode("maint" if server is servers[1] else "drain", "x")
        self.assertEqual(chosen(selection(servers)), {"1": 1000})

    def test_who_is_not_known_is_not_missed(self) -> None:
        """Servers that wait for their first check make no tier unhealthy either."""
        servers = group({1: 4, 2: 4})
        for server in servers[1:4]:
            server.set_checking("not checked yet")
        self.assertEqual(chosen(selection(servers)), {"1": 1000})

    def test_backups(self) -> None:
        """Backups come when no tier has anybody left, and go when one has."""
        servers = group({1: 1, 2: 1}, backups=2)
        made = selection(servers)
        for server in servers[:2]:
            server.set_down("x")
        made.update(servers)
        self.assertEqual((chosen(made), [server.name for server in made.active]), ({"b": 1000}, ["b.0", "b.1"]))
        servers[1].set_up("y")
        made.update(servers)
        self.assertEqual(chosen(made), {"2": 1000})

    def test_backups_do_not_come_first(self) -> None:
        """At the start a backup whose check is over first waits until something is known of the others; one that is in
        use stays, also when a new server has not been checked yet."""
        servers = group({1: 2}, backups=1)
        made = selection(servers)
        for server in servers[:2]:
            server.set_checking("not checked yet")
            made.update(servers)
        self.assertEqual((list(made.choose(an_exchange())), made.active), ([], []))
        servers[0].set_down("x")
        made.update(servers)
        self.assertEqual(chosen(made), {"b": 1000})
        servers[0].set_checking("again")
        made.update(servers)
        self.assertEqual(chosen(made), {"b": 1000})
        servers[1].set_up("y")
        made.update(servers)
        self.assertEqual(chosen(made), {"1": 1000})

    def test_nobody(self) -> None:
        """Without usable servers there are no candidates."""
        for servers in ([], group({1: 1}), group({}, backups=1)):
            for server in servers:
                server.set_down("x")
            made = selection(servers)
            self.assertEqual((list(made.choose(an_exchange())), made.active), ([], []))

    def test_weight_0(self) -> None:
        """A server without weight is no member of its tier."""
        servers = group({1: 2, 2: 1})
        servers[0].set_weight(0, "x")
        self.assertEqual(chosen(selection(servers)), {"1": 1000})


class PanicTests(SynchronousTestCase):
    """Health is not believed when too much is down."""

    def test_panic(self) -> None:
        """Below the threshold all get requests, but for those that were taken out on purpose."""
        servers = group({1: 5})
        for server, change in zip(servers, ("down", "down", "down", "maint"), strict=False):
            server.set_down("x") if change == "down" else server.set_mode("maint", "x")
        made = selection(servers, panic=0.5)
        self.assertEqual([server.name for server in made.active], ["1.0", "1.1", "1.2", "1.4"])
        self.assertTrue(made.tiers[0].panics)
        servers[0].set_up("y")
        made.update(servers)
        self.assertEqual([server.name for server in made.active], ["1.0", "1.4"])
        self.assertFalse(made.tiers[0].panics)

    def test_no_panic_at_the_start(self) -> None:
        """Servers that wait for their first check are no reason for panic, and get nothing in one."""
        servers = group({1: 4})
        for server in servers:
            server.set_checking("not checked yet")
        self.assertEqual(selection(servers, panic=0.5).active, [])
        servers[0].set_up("x")
        self.assertEqual(len(selection(servers, panic=0.5).active), 1)
        servers[0].set_down("x")
        self.assertEqual(selection(servers, panic=0.5).active, [servers[0]])

    def test_no_panic_while_others_can(self) -> None:
        """A second tier, or a backup, that can take the traffic is better than panic."""
        for servers in (group({1: 4, 2: 4}), group({1: 4}, backups=1)):
            for server in servers[:4]:
                server.set_down("x")
            made = selection(servers, panic=0.5)
            self.assertFalse(any(tier.panics for tier in made.tiers))
            self.assertEqual(chosen(made)["1"], 0)

    def test_panic_everywhere(self) -> None:
        """When everything is down and no threshold says otherwise, nobody is chosen; with one, all of the first."""
        servers = group({1: 2, 2: 2})
        for server in servers:
            server.set_down("x")
        self.assertEqual(selection(servers).active, [])
        self.assertEqual(len(selection(servers, panic=0.01).active), 2)
