"""The rules of ejection."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.values import EjectSpec
from twisted_relay.health.ejection import Record, Window, ejection_time, may_eject

#: (errors, window, times of failures, the places in `times` at which it is too much).
WINDOWS: tuple[tuple[int, float, tuple[float, ...], tuple[int, ...]], ...] = (
    (1, 10.0, (0.0,), (0,)),
    (3, 10.0, (0.0, 0.0, 0.0), (2,)),
    (3, 10.0, (0.0, 5.0, 10.0), (2,)),
    (3, 10.0, (0.0, 5.0, 10.5), ()),
    (3, 10.0, (0.0, 5.0, 10.5, 15.0), (3,)),
    (3, 10.0, (0.0, 1.0, 20.0, 21.0, 40.0, 41.0), ()),
    (2, 1.0, (0.0, 1.5, 3.0, 3.5, 9.0), (3,)),
)


class WindowTests(SynchronousTestCase):
    """So many failures in so much time."""

    def test_tables(self) -> None:
        """Failures count together as long as the first of them is within the window."""
        for errors, seconds, times, expected in WINDOWS:
            window = Window(EjectSpec(errors, seconds))
            full = tuple(place for place, time in enumerate(times) if window.failed(time))
            self.assertEqual(full, expected, times)

    def test_cleared(self) -> None:
        """After it was cleared it takes as many failures again."""
        window = Window(EjectSpec(2, 10.0))
        self.assertEqual([window.failed(1.0), window.failed(1.0)], [False, True])
        window.clear()
        self.assertEqual([window.failed(1.0), window.failed(1.0)], [False, True])


class RecordTests(SynchronousTestCase):
    """How often a server was ejected lately."""

    def test_grows_and_decays(self) -> None:
        """One more each time; one less for each 10 seconds in which it was not out; never less than none."""
        record = Record()
        for ejected, freed, number in (
            (100.0, 110.0, 1),
            (110.0, 130.0, 2),
            (139.9, 170.0, 3),
            (180.0, 200.0, 3),
            (225.0, 300.0, 2),
            (9999.0, 10009.0, 1),
        ):
            self.assertEqual(record.ejected(ejected), number, ejected)
            record.freed(freed)

    def test_time(self) -> None:
        """The base time for each ejection, up to the longest."""
        self.assertEqual([ejection_time(number, 10.0, 35.0) for number in range(1, 6)], [10.0, 20.0, 30.0, 35.0, 35.0])
        self.assertEqual(ejection_time(1, 30.0, 20.0), 20.0)


class ShareTests(SynchronousTestCase):
    """How many may be out at once."""

    def test_table(self) -> None:
        """A share, rounded down; one always; never the last."""
        for servers, share, most in (
            (1, 0.5, 0),
            (1, 1.0, 0),
            (2, 0.5, 1),
            (2, 1.0, 1),
            (3, 0.5, 1),
            (4, 0.5, 2),
            (5, 0.0, 1),
            (5, 0.1, 1),
            (5, 1.0, 4),
            (9, 0.5, 4),
            (10, 0.5, 5),
            (30, 0.1, 3),
            (100, 0.29, 29),
            (1000, 0.1, 100),
        ):
            out = 0
            while may_eject(out, servers - out, share):
                out += 1
            self.assertEqual(out, most, (servers, share))

    @given(st.integers(0, 50), st.integers(0, 50), st.floats(0, 1))
    def test_one_is_left(self, ejected: int, usable: int, share: float) -> None:
        """Whatever the share, one usable server is left."""
        if may_eject(ejected, usable, share):
            self.assertGreaterEqual(usable - 1, 1)
