"""The part of each tier, against the tables of Envoy's documentation."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.balancing.tiers import in_panic, tier_loads

#: (usable, all) of each tier, and the percent that they get.
LOADS: tuple[tuple[tuple[tuple[int, int], ...], list[int]], ...] = (
    (((100, 100), (100, 100)), [100, 0]),
    (((72, 100), (100, 100)), [100, 0]),
    (((71, 100), (100, 100)), [99, 1]),
    (((50, 100), (100, 100)), [70, 30]),
    (((25, 100), (100, 100)), [35, 65]),
    (((25, 100), (25, 100)), [50, 50]),
    (((0, 100), (100, 100)), [0, 100]),
    (((0, 100), (0, 100)), [0, 0]),
    (((25, 100), (50, 100), (100, 100)), [35, 65, 0]),
    (((25, 100), (25, 100), (20, 100)), [37, 35, 28]),
    (((3, 3),), [100]),
    (((1, 1000),), [100]),
    (((0, 0), (1, 2)), [0, 100]),
    ((), []),
)
#: (usable, all) of each tier, the threshold, and who panics.
PANICS = (
    (((49, 100),), 0.5, [True]),
    (((50, 100),), 0.5, [False]),
    (((49, 100), (100, 100)), 0.5, [False, False]),
    (((20, 100), (20, 100)), 0.5, [True, True]),
    (((10, 100), (60, 100)), 0.5, [True, False]),
    (((0, 100),), 0.0, [False]),
    (((0, 0),), 0.5, [False]),
)
counts = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(sorted).map(tuple), max_size=5)


class TierTests(SynchronousTestCase):
    """Spill-over and panic."""

    def test_loads(self) -> None:
        """A tier spills over as soon as fewer than 72 % of its servers are usable."""
        for tiers, loads in LOADS:
            self.assertEqual(tier_loads(tiers), loads, tiers)

    def test_panics(self) -> None:
        """Health is not believed where too few are usable and nobody else could take over."""
        for tiers, threshold, panics in PANICS:
            self.assertEqual(in_panic(tiers, threshold), panics, tiers)

    @given(counts)
    def test_all_of_the_traffic(self, tiers: list[tuple[int, int]]) -> None:
        """All of the traffic is given away, and none to a tier where nothing is usable."""
        loads = tier_loads(tiers)
        self.assertEqual(sum(loads), 100 if any(usable for usable, _ in tiers) else 0)
        for (usable, _), load in zip(tiers, loads, strict=True):
            self.assertGreaterEqual(load, 0)
            if not usable:
                self.assertEqual(load, 0)
