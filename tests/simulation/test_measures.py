"""What is measured: percentiles to one per cent, and windows that stand for others."""

import random

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.simulation.measures import Measures, Tally, Times


class TimesTests(SynchronousTestCase):
    """A histogram of times."""

    def test_percentiles(self) -> None:
        """Of whatever times, percentiles are right to 2 %."""
        draw = random.Random(3)
        for low, high in ((0.0005, 0.002), (0.01, 0.3), (1.0, 900.0)):
            values = [draw.uniform(low, high) for _ in range(20_000)]
            times = Times()
            for start in range(0, len(values), 1000):
                times.add(values[start : start + 1000], 1)
            ordered = sorted(values)
            for part in (0.01, 0.5, 0.9, 0.99, 0.999, 1.0):
                expected = ordered[min(len(ordered) - 1, int(part * len(ordered)))]
                self.assertLess(abs(times.at(part) - expected), 0.02 * expected, (low, part))
            self.assertAlmostEqual(times.mean, sum(values) / len(values))
            self.assertEqual((times.count, times.longest), (len(values), ordered[-1]))

    def test_extremes(self) -> None:
        """No time at all, no time that is measurable, and more than an hour are counted too."""
        times = Times()
        self.assertEqual((times.at(0.5), times.mean), (0.0, 0.0))
        times.add([], 5)
        times.add([0.0, 0.0, 1e9], 1)
        self.assertEqual((times.count, times.longest), (3, 1e9))
        self.assertLessEqual(times.at(0.5), 0.0001)
        self.assertGreater(times.at(1.0), 3600.0)

    def test_weights(self) -> None:
        """A time that stands for others counts as often."""
        times = Times()
        times.add([0.01], 99)
        times.add([1.0], 1)
        self.assertEqual(times.count, 100)
        self.assertLess(times.at(0.99), 0.011)
        self.assertGreater(times.at(0.991), 0.9)
        self.assertAlmostEqual(times.total, 1.99)


class MeasuresTests(SynchronousTestCase):
    """Many windows together."""

    def test_nothing(self) -> None:
        """Without a request there is no rate of anything."""
        measures = Measures()
        self.assertEqual((measures.error_rate, measures.amplification, measures.failed), (0.0, 0.0, 0))

    def test_windows(self) -> None:
        """Everything in a window is taken as often as the window counts."""
        tally = Tally()
        tally.ended, tally.tries, tally.aborted = 10, 15, 1
        tally.latencies = [0.1] * 9
        for reason in ("timeout", "status 500", "timeout"):
            tally.failed(reason)
        measures = Measures()
        measures.add(tally, {"s1": 15}, {"redispatches": 2}, 1)
        measures.add(tally, {"s2": 15}, {"redispatches": 2}, 3)
        self.assertEqual((measures.requests, measures.tries, measures.aborted), (40, 60, 4))
        self.assertEqual(dict(measures.errors), {"timeout": 8, "status 500": 4})
        self.assertEqual((measures.failed, measures.error_rate, measures.amplification), (12, 0.3, 1.5))
        self.assertEqual(dict(measures.load), {"s1": 15, "s2": 45})
        self.assertEqual(measures.counted["redispatches"], 8)
        self.assertEqual(measures.times.count, 36)
