"""Distributions of times: what is drawn has the percentiles that were asked for."""

import random
from statistics import mean, quantiles

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.simulation.latency import Latency, sampler

#: distribution → (mean, median, 99th percentile)
EXPECTED = (
    (Latency("constant", 0.02), (0.02, 0.02, 0.02)),
    (Latency("uniform", 0.01, 0.03), (0.02, 0.02, 0.0298)),
    (Latency("exponential", 0.02), (0.02, 0.01386, 0.0921)),
    (Latency("lognormal", 0.02, 0.2), (0.0326, 0.02, 0.2)),
)


class LatencyTests(SynchronousTestCase):
    """What is drawn."""

    def test_percentiles(self) -> None:
        """A hundred thousand samples have the mean, the median and the 99th percentile of the distribution."""
        for latency, expected in EXPECTED:
            draw = sampler(latency, random.Random(1).random)
            samples = [draw() for _ in range(100_000)]
            cuts = quantiles(samples, n=100)
            for found, wanted in zip((mean(samples), cuts[49], cuts[98]), expected, strict=True):
                self.assertLess(abs(found - wanted), 0.03 * wanted, latency)

    def test_seed(self) -> None:
        """The same chance gives the same times."""
        one, other = (sampler(EXPECTED[3][0], random.Random(7).random) for _ in range(2))
        self.assertEqual([one() for _ in range(100)], [other() for _ in range(100)])
