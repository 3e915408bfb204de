"""A bucket of tokens, on whatever clock."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.net.bucket import Bucket

STEPS = st.lists(st.tuples(st.floats(0, 10), st.integers(0, 5000)), max_size=60)


class BucketTests(SynchronousTestCase):
    """`Bucket`."""

    def test_fills(self) -> None:
        """Full at first; it fills at its rate, and never beyond its burst."""
        bucket = Bucket(100.0, 50.0, now=0.0)
        self.assertEqual(bucket.level(0.0), 50.0)
        bucket.take(50, 0.0)
        self.assertEqual([bucket.level(now) for now in (0.1, 0.4, 9.0)], [10.0, 40.0, 50.0])

    def test_wait(self) -> None:
        """How long until so much may pass; for more than the burst a full bucket is enough."""
        bucket = Bucket(100.0, 50.0, now=0.0)
        self.assertEqual([bucket.wait(octets, 0.0) for octets in (0, 50, 1000)], [0.0, 0.0, 0.0])
        bucket.take(80, 0.0)
        self.assertEqual([bucket.wait(octets, 0.0) for octets in (0, 20, 50, 1000)], [0.3, 0.5, 0.8, 0.8])

    def test_given_back(self) -> None:
        """What was not used can be given back, up to the burst."""
        bucket = Bucket(100.0, 50.0, now=0.0)
        bucket.take(30, 0.0)
        bucket.take(-20, 0.0)
        self.assertEqual(bucket.level(0.0), 40.0)
        bucket.take(-20, 0.0)
        self.assertEqual(bucket.level(0.0), 50.0)

    def test_a_clock_that_stands(self) -> None:
        """A moment before the last one is the last one."""
        bucket = Bucket(100.0, 50.0, now=5.0)
        bucket.take(50, 5.0)
        self.assertEqual((bucket.level(1.0), bucket.level(5.1)), (0.0, 100.0 * (5.1 - 5.0)))

    @given(STEPS)
    def test_never_faster(self, steps: list[tuple[float, int]]) -> None:
        """Who waits as long as it is told passes in any time no more than burst, rate and the last piece."""
        bucket = Bucket(1000.0, 800.0, now=0.0)
        now, passed = 0.0, 0
        for pause, octets in steps:
            now += pause
            now += bucket.wait(octets, now)
            bucket.take(octets, now)
            passed += octets
            self.assertLessEqual(passed, 800.0 + 1000.0 * now + 5000 + 1e-3)
