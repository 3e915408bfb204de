"""What follows from a reply: the records that answer a question, or why there are none."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.names.reply import (
    LONGEST_TTL,
    Found,
    LookupFailed,
    Record,
    Reply,
    Service,
    Zone,
    addresses_in,
    answer_of,
)

NAME = "api.internal"
HERE = Record(NAME, "A", 60, "10.0.0.1")
THERE = Record(NAME, "A", 5, "10.0.0.2")


def alias(owner: str, target: str, ttl: int = 60) -> Record:
    """A CNAME record."""
    return Record(owner, "CNAME", ttl, target)


def reply(*answers: Record, code: int = 0) -> Reply:
    """A whole reply."""
    return Reply(code, is_truncated=False, answers=answers)


class AnswerTests(SynchronousTestCase):
    """`answer_of`."""

    def test_records(self) -> None:
        """The records of the name, for as long as the shortest of them holds."""
        found = answer_of(reply(HERE, THERE), NAME, "A")
        self.assertEqual(found, Found((HERE, THERE), 5))
        self.assertEqual((found.addresses, found.services), (("10.0.0.1", "10.0.0.2"), ()))

    def test_services(self) -> None:
        """SRV records, with the records beside them."""
        service = Service(1, 2, 80, "one.internal")
        record = Record(NAME, "SRV", 7, service)
        found = answer_of(Reply(0, is_truncated=False, answers=(record,), additional=(HERE,)), NAME, "SRV")
        self.assertEqual((found.services, found.addresses, found.additional), ((service,), (), (HERE,)))

    def test_aliases(self) -> None:
        """Aliases are followed, in whatever order they stand; the shortest of all decides how long it holds."""
        behind = Record("c", "A", 50, "10.0.0.1")
        found = answer_of(reply(behind, alias("b", "c", 9), alias(NAME, "b")), NAME, "A")
        self.assertEqual(found, Found((behind,), 9))

    def test_records_of_others(self) -> None:
        """What belongs to another name, or is of another kind, is left aside."""
        for strange in (
            Record("evil.example", "A", 60, "10.6.6.6"),
            Record(NAME, "AAAA", 60, "::1"),
            Record("x." + NAME, "A", 60, "10.6.6.6"),
        ):
            self.assertEqual(answer_of(reply(strange, HERE), NAME, "A").records, (HERE,))

    def test_no_answer(self) -> None:
        """Every failure has its word."""
        for given, reason in (
            (reply(), "empty"),
            (reply(Record(NAME, "AAAA", 60, "::1")), "empty"),
            (reply(alias(NAME, "b")), "empty"),
            (reply(alias(NAME, "b"), alias("b", NAME), HERE), "malformed"),
            (reply(code=3), "nxdomain"),
            (reply(HERE, code=3), "nxdomain"),
            (reply(code=2), "servfail"),
            (reply(code=5), "refused"),
            (reply(code=4), "refused"),
            (reply(code=11), "servfail"),
        ):
            failed = self.assertRaises(LookupFailed, answer_of, given, NAME, "A")
            self.assertEqual(failed.reason, reason, given)
            self.assertIn(NAME, str(failed))

    def test_how_long_nothing_holds(self) -> None:
        """The zone of the name says it; other zones are not heard, and aliases may hold for less."""
        ours, other = Zone("internal", 30), Zone("example", 99)
        for zones, answers, expected in (
            ((ours,), (), 30),
            ((other, ours), (), 30),
            ((Zone("", 7),), (), 7),
            ((other, Zone("nternal", 5)), (), None),
            ((), (), None),
            ((ours,), (alias(NAME, "b.internal", 9),), 9),
            ((other,), (alias(NAME, "b.example"),), 60),
        ):
            for code in (0, 3):
                given = Reply(code, is_truncated=False, answers=answers, zones=zones)
                failed = self.assertRaises(LookupFailed, answer_of, given, NAME, "A")
                self.assertEqual(failed.ttl, expected, zones)

    def test_longest(self) -> None:
        """A chain of aliases without times is believed no longer than a week."""
        self.assertEqual(answer_of(reply(Record(NAME, "A", LONGEST_TTL, "10.0.0.1")), NAME, "A").ttl, LONGEST_TTL)

    def test_addresses_in(self) -> None:
        """Address records by owner; others do not count."""
        self.assertEqual(addresses_in([HERE, alias("b", "c"), THERE]), {NAME: [HERE, THERE]})
