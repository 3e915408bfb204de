"""Histograms count values below bounds."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.histogram import DURATION_BOUNDS, FAST_BOUNDS, Histogram

#: (value, the place where it is counted, for bounds 1 and 2)
PLACES = ((0.0, 0), (-1.0, 0), (0.5, 0), (1.0, 0), (1.5, 1), (2.0, 1), (2.5, 2), (float("inf"), 2))


class HistogramTests(SynchronousTestCase):
    """`Histogram`."""

    def test_places(self) -> None:
        """A value belongs to the first bound that is not below it, and else to the place above all bounds."""
        for value, place in PLACES:
            histogram = Histogram((1.0, 2.0))
            histogram.observe(value)
            self.assertEqual(histogram.counts, [int(index == place) for index in range(3)], value)

    def test_total(self) -> None:
        """The sum of all values is kept, for averages."""
        histogram = Histogram((1.0,))
        for value in (0.25, 0.5, 8.0):
            histogram.observe(value)
        self.assertEqual((histogram.total, sum(histogram.counts)), (8.75, 3))

    def test_bounds_rise(self) -> None:
        """The bounds that the package uses are in order, which the search relies on."""
        for bounds in (FAST_BOUNDS, DURATION_BOUNDS):
            self.assertEqual(sorted(set(bounds)), list(bounds))
