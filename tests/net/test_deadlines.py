"""Coarse time limits: kept within a tick, and not upset by one that fails."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.net.deadlines import NEVER, Deadlines


class Thing:
    """Something with a limit; says when it was told."""

    def __init__(self, deadlines: Deadlines, deadline: float, *, leaves: bool = True) -> None:
        self.deadline = deadline
        self.told: list[float] = []
        self._deadlines = deadlines
        self._leaves = leaves
        deadlines.members.add(self)

    def expired(self, now: float) -> None:
        """The time is over."""
        self.told.append(now)
        if self._leaves:
            self.deadline = NEVER


class DeadlinesTests(SynchronousTestCase):
    """A clock, and things with limits."""

    def setUp(self) -> None:
        """The deadlines look every half second."""
        self.clock = Clock()
        self.deadlines = Deadlines(self.clock, self.clock.seconds, 0.5)
        self.deadlines.start()

    def passes(self, seconds: float) -> None:
        """Time passes."""
        self.clock.pump([0.25] * int(seconds / 0.25))

    def test_in_time(self) -> None:
        """Nobody is told before the time is over, everybody within a tick after it, once."""
        things = [Thing(self.deadlines, at) for at in (0.6, 1.0, 5.0, NEVER)]
        self.passes(10.0)
        for thing, earliest in zip(things, (0.6, 1.0, 5.0), strict=False):
            (told,) = thing.told
            self.assertTrue(earliest <= told <= earliest + 0.5, (earliest, told))
        self.assertEqual(things[-1].told, [])

    def test_a_new_deadline(self) -> None:
        """A deadline that is moved is kept at its new time."""
        thing = Thing(self.deadlines, 1.0)
        self.passes(0.75)
        thing.deadline = 3.0
        self.passes(2.0)
        self.assertEqual(thing.told, [])
        self.passes(1.0)
        self.assertEqual(len(thing.told), 1)

    def test_who_does_not_move_on_is_told_again(self) -> None:
        """A thing that neither ends nor sets a new deadline hears of it every tick."""
        thing = Thing(self.deadlines, 1.0, leaves=False)
        self.passes(3.0)
        self.assertEqual(len(thing.told), 5)

    def test_members_that_come_and_go_meanwhile(self) -> None:
        """One that is told may remove others, which are not told then, and add new ones."""
        told: list[str] = []
        deadlines = self.deadlines

        class Remover(Thing):
            def expired(self, now: float) -> None:
                told.append("told")
                deadlines.members.clear()
                deadlines.members.add(Thing(deadlines, NEVER))

        for _ in range(3):
            Remover(deadlines, 1.0)
        self.passes(2.0)
        self.assertEqual(told, ["told"])

    def test_one_that_fails(self) -> None:
        """It is logged, and the others are told all the same, now and later."""

        class Failing(Thing):
            def expired(self, now: float) -> None:
                self.deadline = NEVER
                raise ZeroDivisionError

        for _ in range(3):
            Failing(self.deadlines, 1.0)
        others = [Thing(self.deadlines, at) for at in (1.0, 2.0)]
        self.passes(3.0)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 3)
        self.assertEqual([len(other.told) for other in others], [1, 1])

    def test_stop(self) -> None:
        """After the stop nobody is told; both can be called twice."""
        thing = Thing(self.deadlines, 1.0)
        self.deadlines.start()
        self.deadlines.stop()
        self.deadlines.stop()
        self.passes(3.0)
        self.assertEqual((thing.told, self.clock.getDelayedCalls()), ([], []))
