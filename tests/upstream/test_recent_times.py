"""How long the answers of the last while took."""

import random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.upstream.recent_times import LEAST, PERIOD, RecentTimes

START = 1000.0


class RecentTimesTests(SynchronousTestCase):
    """The percentile."""

    def observed(self, times: list[float]) -> RecentTimes:
        """All at once."""
        recent = RecentTimes(0.95)
        for seconds in times:
            recent.observe(START, seconds)
        return recent

    def test_too_few(self) -> None:
        """Below a hundred answers nothing is said."""
        recent = self.observed([0.1] * (LEAST - 1))
        self.assertIsNone(recent.percentile(START))
        recent.observe(START, 0.1)
        self.assertIsNotNone(recent.percentile(START))

    def test_percentile(self) -> None:
        """It is the true one, or up to a tenth above it."""
        times = [number / 1000 for number in range(1, 1001)]
        random.Random(1).shuffle(times)
        found = self.observed(times).percentile(START)
        assert found is not None
        self.assertTrue(0.93 <= found <= 0.95 * 1.1, found)

    @given(st.lists(st.floats(0.001, 50.0), min_size=4, max_size=30))
    def test_any_times(self, different: list[float]) -> None:
        """At least the share of all times is at or below it, and it is not needlessly high."""
        times = different * 32
        found = self.observed(times).percentile(START)
        assert found is not None
        self.assertGreaterEqual(sum(seconds <= found for seconds in times), 0.95 * len(times) - 1e-9)
        self.assertLess(sum(seconds <= found / 1.11 for seconds in times), 0.95 * len(times) + 1e-9)

    def test_out_of_range(self) -> None:
        """Times below and above what is told apart count as the nearest that is."""
        self.assertEqual(self.observed([0.0] * 128).percentile(START), 0.001)
        slowest = self.observed([1000.0] * 128).percentile(START)
        assert slowest is not None
        self.assertTrue(50 < slowest < 70)

    def test_forgetting(self) -> None:
        """What is older than two periods does not count any more."""
        recent = self.observed([1.0] * 128)
        for second in range(2):
            for _ in range(128):
                recent.observe(START + PERIOD * (second + 1), 0.01)
        found = recent.percentile(START + 2 * PERIOD)
        assert found is not None
        self.assertLess(found, 0.012)

    def test_silence(self) -> None:
        """After a long silence nothing is known."""
        recent = self.observed([1.0] * 128)
        self.assertIsNotNone(recent.percentile(START + PERIOD))
        self.assertIsNone(recent.percentile(START + 10 * PERIOD))
