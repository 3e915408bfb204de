"""Requests and octets by name, since the start and of late."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.accounting.tally import PENDING, Tally, Top

STREAMS = st.lists(
    st.tuples(st.integers(0, 2000).map(str), st.integers(0, 1), st.integers(0, 10_000)), min_size=0, max_size=600
)


def least(top: Top) -> dict[str, tuple[int, int]]:
    """(requests, octets) for sure, by name."""
    return {row.name: (row.requests.least, row.bytes.least) for row in top.rows}


class TallyTests(SynchronousTestCase):
    """`Tally`."""

    def test_both_measures(self) -> None:
        """A row has both numbers, whichever orders them."""
        tally = Tally(10)
        for name, octets in (("a", 1), ("b", 500), ("a", 1)):
            tally.add(name, 1, octets)
        self.assertEqual(list(least(tally.ever("requests", 9)).items()), [("a", (2, 2)), ("b", (1, 500))])
        self.assertEqual(list(least(tally.ever("bytes", 1)).items()), [("b", (1, 500))])
        top = tally.ever("bytes", 1)
        self.assertEqual((top.requests, top.bytes, top.names), (3, 502, 2))

    @given(STREAMS)
    def test_totals(self, stream: list[tuple[str, int, int]]) -> None:
        """Nothing is lost on the way through what waits; the names never have more than all."""
        tally = Tally(8)
        requests: Counter[str] = Counter()
        for name, count, octets in stream:
            tally.add(name, count, octets)
            requests[name] += count
            self.assertLess(len(tally.pending), PENDING)
        for top in (tally.ever("requests", 8), tally.recent("requests", 8)):
            self.assertEqual(top.requests, sum(requests.values()))
            self.assertEqual(top.bytes, sum(octets for _, _, octets in stream))
            self.assertLessEqual(sum(row.requests.least for row in top.rows), top.requests)
            for row in top.rows:
                self.assertTrue(row.requests.least <= requests[row.name] <= row.requests.estimate)

    def test_periods(self) -> None:
        """Of late are this period and the one before; what there was ever stays."""
        tally = Tally(10)
        for name in ("first", "second", "third"):
            tally.add(name, 1, 10)
            if name != "third":
                tally.turn()
        self.assertEqual(least(tally.recent("requests", 9)), {"second": (1, 10), "third": (1, 10)})
        self.assertEqual(set(least(tally.ever("requests", 9))), {"first", "second", "third"})

    def test_a_name_that_moves_much_but_asks_little(self) -> None:
        """What the other measure does not know is said to be between nothing and what it may be."""
        tally = Tally(2)
        tally.add("big", 1, 10**9)
        for number in range(1000):
            tally.add(f"busy{number % 2}", 1, 1)
            if number % 100 == 0:
                tally.flush()
        [row] = tally.ever("bytes", 1).rows
        self.assertEqual((row.name, row.bytes.least, row.requests.least), ("big", 10**9, 0))
        self.assertGreaterEqual(row.requests.estimate, 1)
