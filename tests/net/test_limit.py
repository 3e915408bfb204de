"""Bandwidth that is shared, in virtual time."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.net.limit import BURST_TIME, MAX_TURN, MIN_TURN, Limit, Toll

RATE = 1_000_000
SECOND = 1.0


class Sender:
    """Sends pieces as fast as it may."""

    def __init__(self, limits: list[Limit], piece: int = 10_000, left: int = 1 << 60) -> None:
        self.toll = Toll(limits)
        self.toll.resume = self.send
        self.piece = piece
        self.left = left
        self.sent = 0

    def send(self) -> None:
        """Send until it must wait."""
        goes_on = True
        while goes_on and self.left > 0:
            self.sent += self.piece
            self.left -= self.piece
            goes_on = self.toll.spend(self.piece)
        if self.left <= 0:
            self.toll.close()


class LimitTests(SynchronousTestCase):
    """`Limit` and `Toll`."""

    def setUp(self) -> None:
        self.clock = Clock()

    def about(self, found: float, wanted: float, within: float) -> None:
        """A number is near another."""
        self.assertLessEqual(abs(found - wanted), within, f"{found}, wanted {wanted}")

    def limit(self, rate: int = RATE) -> Limit:
        return Limit(rate, self.clock, self.clock.seconds)

    def senders(self, count: int, *limits: Limit, piece: int = 10_000) -> list[Sender]:
        """So many who begin at once."""
        made = [Sender(list(limits), piece) for _ in range(count)]
        for each in made:
            each.send()
        return made

    def passes(self, seconds: float) -> None:
        """Time passes, in small steps."""
        for _ in range(round(seconds / 0.005)):
            self.clock.advance(0.005)

    def is_at_rest(self, limit: Limit, *senders: Sender) -> None:
        """When all have ended there is no timer, nobody waits, and nothing is kept."""
        for each in senders:
            each.toll.close()
        self.assertEqual((self.clock.getDelayedCalls(), len(limit._waiting), limit.tolls), ([], 0, 0))

    def test_rate(self) -> None:
        """One alone gets the whole rate, after a burst of a quarter of a second."""
        limit = self.limit()
        [sender] = self.senders(1, limit)
        self.assertLessEqual(sender.sent, BURST_TIME * RATE + 20_000)
        self.passes(10 * SECOND)
        self.assertTrue(10.0 * RATE <= sender.sent <= (10.1 + BURST_TIME) * RATE, sender.sent)
        self.is_at_rest(limit, sender)

    def test_shared_alike(self) -> None:
        """Those who share a limit get the same, also one with large pieces among small ones, and nobody starves."""
        limit = self.limit()
        senders = [*self.senders(6, limit), *self.senders(2, limit, piece=60_000)]
        self.passes(SECOND)
        before = [each.sent for each in senders]  # whoever came first has had the burst
        self.passes(10 * SECOND)
        came = [each.sent - sent for each, sent in zip(senders, before, strict=True)]
        self.about(sum(came), 10 * RATE, 0.2 * RATE)
        for each in came:
            self.about(each, 10 * RATE / 8, 0.06 * 10 * RATE / 8)
        self.is_at_rest(limit, *senders)

    def test_who_comes_later(self) -> None:
        """One who comes while others wait gets its share from then on."""
        limit = self.limit()
        senders = self.senders(3, limit)
        self.passes(5 * SECOND)
        [late] = self.senders(1, limit)
        self.passes(4 * SECOND)
        self.about(late.sent, RATE, 0.1 * RATE)
        self.is_at_rest(limit, late, *senders)

    def test_one_timer(self) -> None:
        """However many wait, there is one timer for them."""
        limit = self.limit()
        senders = self.senders(500, limit)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.passes(SECOND)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.is_at_rest(limit, *senders)

    def test_pieces_larger_than_the_burst(self) -> None:
        """What has come in one piece is paid afterwards: the rate holds over time."""
        limit = self.limit(10_000)
        [sender] = self.senders(1, limit, piece=65_536)
        self.passes(60 * SECOND)
        self.assertTrue(600_000 - 65_536 <= sender.sent <= 600_000 + 2 * 65_536, sender.sent)
        self.is_at_rest(limit, sender)

    def test_several_limits(self) -> None:
        """The narrow one holds for those who share it, the wide one for all; who waits there takes nothing here."""
        wide, narrow = self.limit(), self.limit(RATE // 10)
        slow, fast = self.senders(2, narrow, wide), self.senders(1, wide)
        self.passes(10 * SECOND)
        self.about(sum(each.sent for each in slow), RATE, 0.1 * RATE)
        self.about(fast[0].sent, 9 * RATE, 0.2 * RATE)
        self.is_at_rest(wide, *slow, *fast)
        self.is_at_rest(narrow)

    def test_limits_of_one_rate(self) -> None:
        """Two limits of the same rate are that rate together, also for pieces larger than a burst."""
        limits = self.limit(RATE // 10), self.limit(RATE // 10)
        [sender] = self.senders(1, *limits, piece=65_536)
        self.passes(20 * SECOND)
        self.about(sender.sent, 2 * RATE, 0.1 * RATE)
        for limit in limits:
            self.is_at_rest(limit, sender)

    def test_leaving(self) -> None:
        """Who leaves while it waits pays what it has used, no more, and the others go on."""
        limit, other = self.limit(), self.limit(RATE // 2)
        senders = self.senders(4, other, limit)
        self.passes(SECOND)
        for each in senders[:3]:
            each.toll.close()
            each.toll.close()
        before = senders[3].sent
        self.passes(10 * SECOND)
        self.about(senders[3].sent - before, 5 * RATE, 0.1 * RATE)
        self.is_at_rest(limit, senders[3])
        self.is_at_rest(other)

    def test_what_was_not_used_is_given_back(self) -> None:
        """Many short transfers get the rate together, although each pays for a whole turn first."""
        limit = self.limit()
        done = 0
        for _ in range(2000):
            self.clock.advance(0.005)
            sender = Sender([limit], piece=1000, left=1000)
            sender.send()
            done += not limit._waiting
        self.assertEqual(done, 2000)
        self.clock.advance(1.0)
        self.assertTrue(limit.is_at_rest)

    def test_what_comes_while_it_waits(self) -> None:
        """What is on its way when a transfer is stopped is paid before it goes on."""
        limit = self.limit()
        [sender] = self.senders(1, limit)
        resumed: list[float] = []
        sender.toll.resume = lambda: resumed.append(self.clock.seconds())
        self.assertTrue(sender.toll.held)
        self.assertFalse(sender.toll.spend(RATE))
        self.passes(0.9 * SECOND)
        self.assertEqual(resumed, [])
        self.passes(0.3 * SECOND)
        self.assertEqual((len(resumed), sender.toll.held), (1, False))
        self.is_at_rest(limit, sender)

    def test_a_fault(self) -> None:
        """One that fails when it may go on is logged, and the others go on."""
        limit = self.limit()
        senders = self.senders(3, limit)

        def fail() -> None:
            raise ZeroDivisionError

        senders[0].toll.resume = fail
        self.passes(SECOND)
        self.assertGreater(min(each.sent for each in senders[1:]), RATE // 4)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.is_at_rest(limit, *senders)

    def test_turns(self) -> None:
        """A turn is a fiftieth of a second, within bounds."""
        for rate, turn in ((1000, MIN_TURN), (RATE, 20_000), (10**10, MAX_TURN)):
            self.assertEqual(Toll([self.limit(rate)]).room, turn)
        self.assertEqual(Toll([self.limit(RATE), self.limit(10 * RATE)]).room, 20_000)

    def test_many(self) -> None:
        """Turns are short when many wait, so that nobody waits for long."""
        limit = self.limit(20 * RATE)
        senders = self.senders(1000, limit, piece=16_384)
        self.passes(3 * SECOND)
        for _ in range(3):
            before = [each.sent for each in senders]
            self.passes(2 * SECOND)
            self.assertTrue(all(each.sent > sent for each, sent in zip(senders, before, strict=True)))
            self.about(sum(each.sent for each in senders) - sum(before), 40 * RATE, RATE)
        self.is_at_rest(limit, *senders)
