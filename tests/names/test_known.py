"""What is known of a name, and for how long."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.names.asked import Answer, failure, records
from twisted_relay.config.sections.process import DnsOptions
from twisted_relay.names.known import FAILURE_HOLDS, SHORTEST, Known, Part, part_of
from twisted_relay.names.reply import FAILURES

OPTIONS = DnsOptions(min_ttl=2.0, max_ttl=100.0, negative_ttl=30.0, stale=600.0)
BEFORE = Part(("10.0.0.1",), 100.0, 90.0, 700.0)
ANSWERS = st.one_of(
    st.builds(lambda ttl: records("A", "10.0.0.2", ttl=ttl), st.integers(0, 604_800)),
    st.builds(failure, st.sampled_from(FAILURES), st.one_of(st.none(), st.integers(0, 604_800))),
)


def reached(address: str) -> bool:
    """Everything has a route."""
    return True


class PartTests(SynchronousTestCase):
    """`part_of`."""

    def test_ends(self) -> None:
        """What follows from each end of a question at 1000 seconds: addresses, and how long they hold."""
        for outcome, before, expected in (
            (records("A", "10.0.0.2", ttl=50), None, (("10.0.0.2",), 50.0)),
            (records("A", "10.0.0.2", ttl=0), None, (("10.0.0.2",), 2.0)),
            (records("A", "10.0.0.2", ttl=999), BEFORE, (("10.0.0.2",), 100.0)),
            (failure("nxdomain", 20), BEFORE, ((), 20.0)),
            (failure("empty", 900), None, ((), 30.0)),
            (failure("empty", 0), None, ((), SHORTEST)),
            (failure("empty"), None, ((), FAILURE_HOLDS)),
            (failure("timeout"), BEFORE, ((), FAILURE_HOLDS)),
        ):
            part = part_of(outcome, before, 1000.0, OPTIONS)
            self.assertEqual((part.addresses, part.until - 1000.0), expected, outcome)

    def test_old_addresses(self) -> None:
        """They are kept while nobody can answer, as long as the option says, however often it is tried."""
        part = BEFORE
        for now in (100.0, 400.0, 699.0):
            part = part_of(failure("servfail"), part, now, OPTIONS)
            self.assertEqual((part.addresses, part.failed), (("10.0.0.1",), "servfail"), now)
        self.assertEqual(part_of(failure("servfail"), part, 700.0, OPTIONS).addresses, ())

    @given(st.lists(st.tuples(ANSWERS, st.floats(0.0, 1e5)), max_size=30), st.booleans())
    def test_any_history(self, history: list[tuple[Answer, float]], keeps: bool) -> None:
        """Whatever happens: times are bounded, nothing is used for too long, and what is kept is never lost."""
        now, known, good_until, was_good = 0.0, Known(OPTIONS, keeps=keeps), float("-inf"), False
        for outcome, later in history:
            now += later
            for kind in known.due(now):
                known.learn(kind, outcome, now)
            known.remember(reached)
            self.assertTrue(all(now < part.until <= now + 100.0 for part in known.parts.values()))
            self.assertTrue(all(part.ask_early <= part.until for part in known.parts.values()))
            if known.has_answer(now):
                was_good = True
                good_until = max(good_until, *(part.stale_until for part in known.parts.values()))
            if known.fresh(now, reached):
                self.assertLess(now, good_until)
            if keeps and was_good:
                self.assertTrue(known.stale(now, reached))
