"""Which limits an exchange has to pay to."""

from dataclasses import replace
from typing import cast

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.accounting.test_accounting import exchange_to
from twisted_relay.config.tree import ListenerOptions
from twisted_relay.exchange import Exchange
from twisted_relay.net.limit import Limit, Toll
from twisted_relay.upstream.bandwidth import MIN_SWEEP, Bandwidth, maker

OPTIONS = ListenerOptions(name="proxy", mode="forward")


class BandwidthTests(SynchronousTestCase):
    """`Bandwidth`."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.make = maker(cast(IReactorTime, self.clock), self.clock.seconds)
        self.rule = self.make(1000)

    def bandwidth(self, all: int = 0, user: int = 0, client: int = 0) -> Bandwidth:
        options = replace(OPTIONS, bandwidth=all, bandwidth_per_user=user, bandwidth_per_client=client)
        return Bandwidth(options, {"relay.ini:3: allow group guests": self.rule}, self.make)

    def paid(self, bandwidth: Bandwidth, exchange: Exchange) -> tuple[Limit, ...]:
        """The limits of what comes to the client."""
        return tuple(limit.down for limit in bandwidth.limits(exchange))

    def test_free(self) -> None:
        """Without options and rules nothing is paid."""
        self.assertTrue(Bandwidth(OPTIONS, {}, self.make).is_free)
        self.assertFalse(self.bandwidth().is_free)
        for options in (
            replace(OPTIONS, bandwidth=1000),
            replace(OPTIONS, bandwidth_per_user=1000),
            replace(OPTIONS, bandwidth_per_client=1000),
        ):
            self.assertFalse(Bandwidth(options, {}, self.make).is_free)
        self.assertEqual(self.paid(self.bandwidth(), exchange_to("a.example")), ())

    def test_whose(self) -> None:
        """Each user and client has a limit of its own, whatever the connection; a rule has one for all."""
        bandwidth = self.bandwidth(user=1000, client=1000)
        ann, again = exchange_to("a.example", "ann"), exchange_to("b.example", "ann", "192.0.2.2")
        bob, nobody = exchange_to("a.example", "bob"), exchange_to("a.example", client="192.0.2.3")
        users = [self.paid(bandwidth, each)[1:2] for each in (ann, again, bob, nobody)]
        self.assertEqual(users[0], users[1])
        self.assertNotEqual(users[0], users[2])
        self.assertEqual(users[3], ())
        clients = [self.paid(bandwidth, each)[0] for each in (ann, bob, again)]
        self.assertEqual((clients[0] is clients[1], clients[0] is clients[2]), (True, False))
        ann.rule = bob.rule = "relay.ini:3: allow group guests"
        for each in (ann, bob):
            self.assertIs(self.paid(bandwidth, each)[-1], self.rule.down)

    def test_all_of_them(self) -> None:
        """An exchange pays to every limit that holds for it."""
        bandwidth = self.bandwidth(all=1000, user=1000)
        assert bandwidth._all is not None
        exchange = exchange_to("a.example", "ann")
        exchange.rule = "relay.ini:3: allow group guests"
        _, rule, last = self.paid(bandwidth, exchange)
        self.assertEqual((rule, last), (self.rule.down, bandwidth._all.down))

    def test_no_fresh_limit_for_who_comes_again(self) -> None:
        """A client that goes and comes again finds its limit as it left it."""
        bandwidth = self.bandwidth(client=10_000)
        first = Toll(self.paid(bandwidth, exchange_to("a.example")))
        first.spend(50_000)
        first.close()
        for number in range(5 * MIN_SWEEP):
            self.paid(bandwidth, exchange_to("a.example", client=f"10.0.0.{number % 250}"))
        again = Toll(self.paid(bandwidth, exchange_to("a.example")))
        self.assertFalse(again.spend(1))
        again.close()

    def test_memory(self) -> None:
        """However many clients come and go, few limits are kept; who is there keeps its own."""
        bandwidth = self.bandwidth(client=10_000)
        stays = Toll(self.paid(bandwidth, exchange_to("a.example", client="192.0.2.9")))
        for number in range(20_000):
            exchange = exchange_to("a.example", client=f"10.{number >> 8 & 255}.{number & 255}.1")
            self.paid(bandwidth, exchange)
        assert bandwidth._clients is not None
        self.assertLessEqual(len(bandwidth._clients), MIN_SWEEP + 1)
        self.assertEqual(self.paid(bandwidth, exchange_to("a.example", client="192.0.2.9")), tuple(stays._balances))
        stays.close()
