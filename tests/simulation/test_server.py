"""Modelled servers: how long they take, what they do at a time, and what a fault does to what is under way."""

import random

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.simulation.clock import VirtualClock
from twisted_relay.simulation.latency import Latency
from twisted_relay.simulation.sections import ServersOptions
from twisted_relay.simulation.server import ModelServer, drawn


class Party:
    """The other end of a connection; notes what comes over it, and when."""

    def __init__(self, server: ModelServer, clock: VirtualClock, *, is_check: bool = False) -> None:
        self.life = 0
        self.is_check = is_check
        self.is_open = True
        self.is_asking = False
        self.seen: list[tuple[str, float]] = []
        self._server = server
        self._clock = clock
        server.callers[self] = None

    def ask(self) -> "Party":
        self.is_asking = True
        self._server.ask(self)
        return self

    def leave(self) -> None:
        """Close the connection."""
        self.is_open = False
        self._server.left(self)

    def _note(self, what: str) -> None:
        self.is_asking = False
        self.seen.append((what, round(self._clock.rightNow, 6)))

    def answer(self, status: int) -> None:
        """See `Caller`."""
        self._note(str(status))

    def answer_check(self, *, healthy: bool) -> None:
        """See `Caller`."""
        self._note("healthy" if healthy else "unhealthy")

    def close(self) -> None:
        """See `Caller`."""
        self.is_open = False
        self._note("closed")

    def reset(self) -> None:
        """See `Caller`."""
        self.is_open = False
        self._note("reset")


class ServerTests(SynchronousTestCase):
    """One server that takes a second for everything."""

    def make(self, **options: object) -> None:
        self.clock = VirtualClock()
        usual: dict[str, object] = {"latency": Latency("constant", 1.0)}
        made = ServersOptions(**(usual | options))  # type: ignore[arg-type]
        self.server = ModelServer("s1", made, self.clock, random.Random(1).random)

    def party(self, *, is_check: bool = False) -> Party:
        return Party(self.server, self.clock, is_check=is_check)

    def test_time(self) -> None:
        """Every answer takes its time, whatever else goes on; a slow or half as quick server takes longer."""
        self.make(speed=0.5)
        one = self.party().ask()
        self.clock.advance(0.5)
        other = self.party().ask()
        self.server.slowness *= 3
        last = self.party().ask()
        self.clock.advance(60.0)
        self.assertEqual([each.seen for each in (one, other, last)], [[("200", 2.0)], [("200", 2.5)], [("200", 6.5)]])

    def test_capacity(self) -> None:
        """With room for two, others wait in the server, in the order in which they came."""
        self.make(capacity=2)
        parties = [self.party().ask() for _ in range(5)]
        self.clock.advance(60.0)
        self.assertEqual([each.seen[0][1] for each in parties], [1.0, 1.0, 2.0, 2.0, 3.0])
        self.assertEqual((self.server.busy, len(self.server.waiting), self.server.asked), (0, 0, 5))

    def test_who_has_left(self) -> None:
        """A server that does not notice does the work all the same; one that does saves it."""
        for stops, expected in ((False, 3.0), (True, 1.5)):
            self.make(capacity=1, stops_when_left=stops)
            first, second, third = (self.party().ask() for _ in range(3))
            self.clock.advance(0.5)
            first.leave()
            second.leave()
            self.clock.advance(60.0)
            self.assertEqual([first.seen, second.seen, third.seen], [[], [], [("200", expected)]])
            self.assertEqual(self.server.busy, 0)

    def test_crash(self) -> None:
        """Everything is reset, what was begun is never answered, and afterwards the server is as new."""
        self.make(capacity=1)
        parties = [self.party().ask() for _ in range(3)]
        idle = self.party()
        self.clock.advance(0.5)
        self.server.crash()
        self.assertEqual([each.seen for each in (*parties, idle)], [[("reset", 0.5)]] * 4)
        self.assertTrue(self.server.is_refusing)
        self.server.come_back()
        after = self.party().ask()
        self.clock.advance(60.0)
        self.assertEqual(after.seen, [("200", 1.5)])
        self.assertEqual((self.server.busy, self.server.is_refusing), (0, False))

    def test_hang(self) -> None:
        """Nothing is answered; afterwards what was due comes at once, and what came meanwhile in its time."""
        self.make(capacity=2)
        before = self.party().ask()
        self.clock.advance(0.5)
        self.server.stop()
        during, waiting = self.party().ask(), self.party().ask()
        self.clock.advance(10.0)
        self.assertEqual([before.seen, during.seen, waiting.seen], [[], [], []])
        self.server.go_on()
        self.clock.advance(60.0)
        self.assertEqual([before.seen, during.seen, waiting.seen], [[("200", 10.5)], [("200", 11.5)], [("200", 11.5)]])
        self.assertEqual(self.server.busy, 0)

    def test_crash_while_it_hangs(self) -> None:
        """What was held is gone, and the end of the hanging brings nothing back."""
        self.make()
        before = self.party().ask()
        self.server.stop()
        during = self.party().ask()
        self.clock.advance(5.0)
        self.server.crash()
        self.server.come_back()
        self.server.go_on()
        self.clock.advance(60.0)
        self.assertEqual([before.seen, during.seen], [[("reset", 5.0)], [("reset", 5.0)]])
        self.assertEqual(self.server.busy, 0)

    def test_retire(self) -> None:
        """Idle connections are closed, what is under way is answered, and nobody new is let in."""
        self.make()
        busy, idle = self.party().ask(), self.party()
        self.clock.advance(0.5)
        self.server.retire()
        self.assertEqual((idle.seen, self.server.is_refusing, self.server.is_closing), ([("closed", 0.5)], True, True))
        self.clock.advance(60.0)
        self.assertEqual(busy.seen, [("200", 1.0)])

    def test_checks(self) -> None:
        """They take as long as requests, are not counted among them, and are what `unhealthy` changes."""
        self.make()
        check = self.party(is_check=True).ask()
        self.clock.advance(1.0)
        self.server.is_unhealthy = True
        again, request = self.party(is_check=True).ask(), self.party().ask()
        self.clock.advance(60.0)
        self.assertEqual(
            [check.seen, again.seen, request.seen], [[("healthy", 1.0)], [("unhealthy", 2.0)], [("200", 2.0)]]
        )
        self.assertEqual(self.server.asked, 1)

    def test_answers(self) -> None:
        """Status codes come in their shares, and errors on top of them."""
        self.make(answers=(("200", 0.8), ("404", 0.2)), latency=Latency("constant", 0.0))
        parties = [self.party().ask() for _ in range(4000)]
        self.server.errors = (0.5, 503)
        self.clock.advance(1.0)
        codes = [each.seen[0][0] for each in parties]
        for code, share in (("503", 0.5), ("404", 0.1), ("200", 0.4)):
            self.assertLess(abs(codes.count(code) / 4000 - share), 0.03, code)

    def test_drawn(self) -> None:
        """Each part of a mix falls on one of its words, also the last one for what rounding leaves."""
        mix = (("200", 0.5), ("404", 0.25), ("500", 0.25))
        for part, code in ((0.0, 200), (0.49, 200), (0.5, 404), (0.74, 404), (0.75, 500), (1.0, 500)):
            self.assertEqual(drawn(mix, part), code, part)
