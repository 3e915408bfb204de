"""Virtual time: order, cancelling and moving of timers."""

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock, LoopingCall
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.simulation.clock import CANCELLED_AT_LEAST, VirtualClock


class VirtualClockTests(SynchronousTestCase):
    """The clock as Twisted's timers and the model's events see it."""

    def setUp(self) -> None:
        self.clock = VirtualClock()
        self.seen: list[tuple[str, float]] = []

    def note(self, name: str) -> None:
        self.seen.append((name, self.clock.seconds()))

    def test_order(self) -> None:
        """Everything happens at its own time; what is due at once happens in the order of asking."""
        self.clock.callLater(2.0, self.note, "c")
        self.clock.after(1.0, self.note, "a")
        self.clock.callLater(1.0, self.note, "b")
        self.clock.after(5.0, self.note, "d")
        self.clock.run_until(3.0)
        self.assertEqual(self.seen, [("a", 1.0), ("b", 1.0), ("c", 2.0)])
        self.assertEqual(self.clock.seconds(), 3.0)
        self.assertTrue(IReactorTime.providedBy(self.clock))

    def test_what_is_asked_for_meanwhile(self) -> None:
        """An event may ask for another one, also for the same moment."""
        self.clock.after(1.0, lambda _: self.clock.after(0.0, self.note, "a"), None)
        self.clock.advance(1.0)
        self.assertEqual(self.seen, [("a", 1.0)])

    def test_cancel_and_reset(self) -> None:
        """Timers can be called off, put off and brought forward, as with the clock of Twisted."""
        for clock in (Clock(), VirtualClock()):
            seen: list[str] = []
            never, later, sooner, delayed = (clock.callLater(5.0, seen.append, name) for name in "nlsd")
            never.cancel()
            later.reset(9.0)
            sooner.reset(1.0)
            delayed.delay(1.0)
            told = []
            for _ in range(10):
                clock.advance(1.0)
                told.append("".join(seen))
            self.assertEqual(told, ["s", "s", "s", "s", "s", "sd", "sd", "sd", "sdl", "sdl"], clock)
            self.assertFalse(any(call.active() for call in (never, later, sooner, delayed)))

    def test_pending(self) -> None:
        """Timers that wait can be asked for, in order; those that were cancelled or called are not among them."""
        late, soon = self.clock.callLater(2.0, self.note, "a"), self.clock.callLater(1.0, self.note, "b")
        self.clock.callLater(3.0, self.note, "c").cancel()
        self.clock.after(0.5, self.note, "d")
        self.assertEqual(list(self.clock.getDelayedCalls()), [soon, late])
        self.clock.advance(1.0)
        self.assertEqual(list(self.clock.getDelayedCalls()), [late])

    def test_cancelled_timers_are_swept_out(self) -> None:
        """A timer for each request, cancelled with its answer, does not fill the memory of a long run."""
        kept = self.clock.callLater(100.0, self.note, "kept")
        for _ in range(5 * CANCELLED_AT_LEAST):
            self.clock.callLater(50.0, self.note, "never").cancel()
        self.assertLess(len(self.clock.heap), 2 * CANCELLED_AT_LEAST + 2)
        self.clock.advance(100.0)
        self.assertEqual(self.seen, [("kept", 100.0)])
        self.assertFalse(kept.active())

    def test_loops(self) -> None:
        """A LoopingCall runs once in each interval."""
        loop = LoopingCall(self.note, "turn")
        loop.clock = self.clock
        loop.start(0.5, now=False)
        self.clock.run_until(1.6)
        loop.stop()
        self.assertEqual(self.seen, [("turn", 0.5), ("turn", 1.0), ("turn", 1.5)])
        self.assertEqual(list(self.clock.getDelayedCalls()), [])
