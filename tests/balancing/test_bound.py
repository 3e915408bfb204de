"""The arithmetic of `bound=`."""

from math import ceil

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import many
from twisted_relay.balancing.bound import Bound

#: (factor, requests in flight, weights, the slots of each): HAProxy's `chash_server_is_eligible`, worked out by hand.
SLOTS = (
    (1.25, 0, (1, 1, 1, 1), [1, 1, 1, 1]),  # 2 slots, at least 1 each
    (1.25, 7, (1, 1, 1, 1), [2, 3, 2, 3]),  # 10
    (1.5, 7, (1, 1, 1, 1), [3, 3, 3, 3]),  # 12
    (1.5, 9, (1, 2), [5, 10]),  # 15
    (1.0, 9, (1, 2), [3, 7]),  # 10
    (2.0, 0, (1, 256), [1, 2]),  # 2, at least 1 each
    (2.0, 128, (1, 256), [1, 257]),  # 258
    (1.01, 0, (1,), [2]),  # 2: 1.01 is rounded up
)


class BoundTests(SynchronousTestCase):
    """Slots."""

    def test_slots(self) -> None:
        """⌈(in flight + 1) · factor⌉, shared by weight, at least one each."""
        for factor, in_flight, weights, expected in SLOTS:
            servers = many(len(weights), weights)
            bound = Bound(factor)
            bound.become(servers)
            bound.in_flight = in_flight
            self.assertEqual([bound.slots(server) for server in servers], expected, f"{factor} {in_flight} {weights}")

    def test_all_slots_are_shared_out(self) -> None:
        """None is lost by rounding, however the weights are."""
        for weights in ((1,), (1, 2, 3), (5, 7, 256)):
            servers = many(13, weights)
            bound = Bound(1.3)
            bound.become(servers)
            for in_flight in range(5000, 5100):
                bound.in_flight = in_flight
                total = sum(bound.slots(server) for server in servers)
                self.assertEqual(total, ceil((in_flight + 1) * 130 / 100))

    def test_a_slot_is_free(self) -> None:
        """As long as there are fewer requests than slots."""
        a, b = many(2)
        bound = Bound(1.5)
        bound.become([a, b])
        bound.in_flight = 3  # 6 slots
        a.active_requests = 3
        self.assertEqual((bound.has_slot(a), bound.has_slot(b)), (False, True))
