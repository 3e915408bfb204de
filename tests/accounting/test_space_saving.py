"""The sketch, against exact counts."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.accounting.space_saving import SpaceSaving, merged

NAMES = st.sampled_from("abcdefghijklmnop")
WEIGHED = st.tuples(NAMES, st.integers(1, 1000))
STREAMS = st.lists(st.one_of(st.tuples(NAMES, st.just(1)), WEIGHED), max_size=300)
CAPACITIES = st.integers(1, 20)
Stream = list[tuple[str, int]]


def sketch_of(stream: Stream, capacity: int) -> SpaceSaving:
    """A sketch that has seen all of it."""
    sketch = SpaceSaving(capacity)
    for key, weight in stream:
        sketch.add(key, weight)
    return sketch


def exact(*streams: Stream) -> Counter[str]:
    """What each key truly has."""
    counts: Counter[str] = Counter()
    for stream in streams:
        for key, weight in stream:
            counts[key] += weight
    return counts


class SpaceSavingTests(SynchronousTestCase):
    """`SpaceSaving`."""

    @given(STREAMS, CAPACITIES)
    def test_bounds(self, stream: Stream, capacity: int) -> None:
        """What a key has lies between what is told at least and at most, also if it is not there."""
        sketch, truth = sketch_of(stream, capacity), exact(stream)
        for key in "abcdefghijklmnopz":
            found = sketch.find(key)
            self.assertLessEqual(found.least, truth[key])
            self.assertLessEqual(truth[key], found.estimate)

    @given(STREAMS, CAPACITIES)
    def test_heavy_keys_are_there(self, stream: Stream, capacity: int) -> None:
        """A key with more than its share is there, no error is larger than that, and there are never too many."""
        sketch, truth = sketch_of(stream, capacity), exact(stream)
        top = sketch.top(capacity)
        there = {each.key for each in top}
        self.assertLessEqual(len(top), capacity)
        self.assertLessEqual({key for key, count in truth.items() if count * capacity > sketch.total}, there)
        self.assertTrue(all(each.error * capacity <= sketch.total for each in top))

    @given(STREAMS, CAPACITIES)
    def test_adds_up(self, stream: Stream, capacity: int) -> None:
        """The total is that of all keys, and those that are there have no more for sure than it."""
        sketch = sketch_of(stream, capacity)
        self.assertEqual(sketch.total, sum(weight for _, weight in stream))
        self.assertLessEqual(sum(each.least for each in sketch.top(capacity)), sketch.total)
        if len(sketch) == capacity:
            self.assertEqual(sum(each.estimate for each in sketch.top(capacity)), sketch.total)

    @given(STREAMS)
    def test_exact_while_there_is_room(self, stream: Stream) -> None:
        """With room for all keys nothing is estimated."""
        found = {each.key: (each.estimate, each.error) for each in sketch_of(stream, 16).top(16)}
        self.assertEqual(found, {key: (count, 0) for key, count in exact(stream).items()})

    @given(STREAMS, STREAMS, CAPACITIES)
    def test_merged(self, one: Stream, other: Stream, capacity: int) -> None:
        """Two sketches together keep the bounds, and every key with more than twice its share."""
        both = merged([sketch_of(one, capacity), sketch_of(other, capacity)], capacity)
        truth = exact(one, other)
        self.assertEqual(both.total, sum(truth.values()))
        for key in "abcdefghijklmnopz":
            found = both.find(key)
            self.assertTrue(found.least <= truth[key] <= found.estimate, (found, truth[key]))
        there = {each.key for each in both.top(capacity)}
        self.assertLessEqual({key for key, count in truth.items() if count * capacity > 2 * both.total}, there)

    @given(STREAMS, STREAMS, CAPACITIES)
    def test_merged_goes_on(self, one: Stream, other: Stream, capacity: int) -> None:
        """A sketch that was put together counts on like another."""
        both = merged([sketch_of(one, capacity), SpaceSaving(capacity)], capacity)
        for key, weight in other:
            both.add(key, weight)
        truth = exact(one, other)
        for each in both.top(capacity):
            self.assertTrue(each.least <= truth[each.key] <= each.estimate)

    def test_order(self) -> None:
        """The surest first, then by name."""
        sketch = sketch_of([("b", 5), ("a", 5), ("c", 9), ("d", 1), ("e", 3)], 4)
        self.assertEqual([(each.key, each.least) for each in sketch.top(9)], [("c", 9), ("a", 5), ("b", 5), ("e", 3)])
        self.assertEqual([each.key for each in sketch.top(2)], ["c", "a"])
        self.assertEqual([each.error for each in sketch.top(9)], [0, 0, 0, 1])

    def test_nothing(self) -> None:
        """What has no weight is no key, and there must be room for one."""
        sketch = sketch_of([("a", 0), ("b", -3)], 2)
        self.assertEqual((len(sketch), sketch.total, sketch.floor, sketch.top(2)), (0, 0, 0, []))
        self.assertRaises(ValueError, SpaceSaving, 0)

    def test_heap_is_bounded(self) -> None:
        """However many keys come and go, one entry of the heap is kept for each that is there."""
        sketch = sketch_of([(str(number % 5000), 1 + number % 7) for number in range(20_000)], 50)
        self.assertEqual((len(sketch), len(sketch._heap)), (50, 50))
