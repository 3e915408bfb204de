"""Draws in proportion to shares."""

from collections import Counter
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import many
from twisted_relay.balancing.draws import Draws


class DrawsTests(SynchronousTestCase):
    """One, two, and all others."""

    def test_every_number_has_its_server(self) -> None:
        """The unit interval is split in proportion to the shares, in file order."""
        servers = many(3, (1, 2, 5))
        for number, expected in ((0.0, 0), (0.1249, 0), (0.125, 1), (0.3749, 1), (0.375, 2), (0.9999999999999999, 2)):
            draws = Draws(lambda number=number: number)  # type: ignore[misc]
            draws.become(servers)
            self.assertIs(draws.one(), servers[expected], number)

    def test_another(self) -> None:
        """The second is never the first, however improbable the others are."""
        draws = Draws(Random(1).random)
        servers = many(3, (256, 1, 1))
        draws.become(servers)
        seconds = Counter(draws.another(servers[1]) for _ in range(1000))
        self.assertEqual(set(seconds), {servers[0], servers[2]})
        stuck = Draws(lambda: 0.5)
        stuck.become(servers)
        self.assertIs(stuck.another(servers[0]), servers[2])

    def test_others(self) -> None:
        """All others come, in an order that differs from draw to draw."""
        draws = Draws(Random(1).random)
        servers = many(6)
        draws.become(servers)
        orders = {tuple(draws.others({servers[0]})) for _ in range(50)}
        self.assertGreater(len(orders), 20)
        for order in orders:
            self.assertEqual(set(order), set(servers[1:]))

    def test_nobody(self) -> None:
        """Of none there are no others."""
        draws = Draws(Random(1).random)
        draws.become([])
        self.assertEqual(list(draws.others(set())), [])
