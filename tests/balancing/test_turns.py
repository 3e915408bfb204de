"""Whose turn it is, in both ways of finding it."""

from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import many
from twisted_relay.balancing.policy import Candidate
from twisted_relay.balancing.turns import MOST_SHARES, NO_SERVERS, EvenTurns, SmoothTurns, turns_of


class TurnsTests(SynchronousTestCase):
    """Turns, taken and not taken."""

    def test_which_way(self) -> None:
        """Few different shares are taken in nginx's order, many by deadlines."""
        few = many(100, range(1, MOST_SHARES + 1))
        self.assertIsInstance(turns_of(few, NO_SERVERS), SmoothTurns)
        self.assertIsInstance(turns_of(many(100, range(1, MOST_SHARES + 2)), NO_SERVERS), EvenTurns)

    def test_others(self) -> None:
        """Those that have been met are not there: they neither get a turn nor pay for one."""
        for weights in ((1,), (3, 2, 1), range(1, 31)):
            servers = many(30, weights)
            turns = turns_of(servers, NO_SERVERS)
            met: set[Candidate] = set(servers[:29])
            for _ in range(5):
                self.assertIs(turns.take_other(met), servers[29])
            self.assertIsNone(turns.take_other(set(servers)))
            self.assertIn(turns.take(), servers[:29])

    def test_credit(self) -> None:
        """Nobody is ever more than a turn and a half ahead or behind."""
        for weights in ((1,), (3, 2, 1), range(1, 31)):
            turns = turns_of(many(30, weights), NO_SERVERS)
            for _ in range(100):
                turns.take()
                self.assertLess(max(map(abs, turns.credits().values())), 1.5)

    def test_old_entries_do_not_gather(self) -> None:
        """Retries leave nothing behind that grows."""
        servers = many(30, (3, 2, 1))
        turns = SmoothTurns(servers, {})
        for _ in range(2000):
            first = turns.take()
            turns.take_other({first})
        self.assertLess(sum(len(each.queue) for each in turns._classes), 4 * len(servers))

    def test_order_survives_a_server_that_leaves(self) -> None:
        """Among equals the others keep their order."""
        servers = many(5)
        turns = turns_of(servers, NO_SERVERS)
        turns.take(), turns.take()
        left = [servers[0], servers[1], servers[3], servers[4]]
        after = turns_of(left, turns)
        self.assertEqual([after.take() for _ in left], [servers[3], servers[4], servers[0], servers[1]])
        self.assertEqual(Counter(after.take() for _ in range(8)), dict.fromkeys(left, 2))
