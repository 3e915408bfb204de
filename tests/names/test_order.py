"""In which order addresses are tried."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.names.order import MOST_ADDRESSES, in_order

FOUR, SIX = ("10.0.0.1", "10.0.0.2", "10.0.0.3"), ("2001:db8::1", "2001:db8::2")


class OrderTests(SynchronousTestCase):
    """`in_order`."""

    def test_preferences(self) -> None:
        """Kinds take turns, or one kind comes before the other; within a kind the order stays."""
        for prefer, expected in (
            ("both", (SIX[0], FOUR[0], SIX[1], FOUR[1], FOUR[2])),
            ("ipv4", (*FOUR, *SIX)),
            ("ipv6", (*SIX, *FOUR)),
        ):
            self.assertEqual(in_order(FOUR, SIX, prefer, lambda address: True), expected)

    def test_no_route(self) -> None:
        """A kind that has no route comes last, unless neither has one."""
        for prefer in ("both", "ipv6"):
            self.assertEqual(in_order(FOUR, SIX, prefer, lambda address: ":" not in address), (*FOUR, *SIX))
        self.assertEqual(in_order(FOUR, SIX, "ipv4", lambda address: ":" in address), (*SIX, *FOUR))
        self.assertEqual(in_order(FOUR, SIX, "ipv6", lambda address: False), (*SIX, *FOUR))

    @given(st.lists(st.integers(0, 60)), st.lists(st.integers(0, 60)), st.sampled_from(["both", "ipv4", "ipv6"]))
    def test_any(self, four: list[int], six: list[int], prefer: str) -> None:
        """Each address stands once, none is made up, none is lost below the limit, and neither kind is left out."""
        ipv4, ipv6 = [f"10.0.0.{n}" for n in four], [f"2001:db8::{n:x}" for n in six]
        found = in_order(ipv4, ipv6, prefer, lambda address: True)
        self.assertEqual(len(found), min(MOST_ADDRESSES, len(set(ipv4 + ipv6))))
        self.assertEqual(len(found), len(set(found)))
        self.assertLessEqual(set(found), set(ipv4 + ipv6))
        for kind in (ipv4, ipv6):
            kept = [address for address in found if address in kind]
            self.assertEqual(kept, list(dict.fromkeys(kind))[: len(kept)])
