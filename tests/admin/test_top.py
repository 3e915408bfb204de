"""Who uses the forward proxies most, as JSON."""

from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from tests.accounting.test_accounting import exchange_to
from twisted_relay.accounting.accounting import Accounting
from twisted_relay.admin.json_input import JSON, Refused
from twisted_relay.admin.top import Top
from twisted_relay.config.sections.process import KINDS


class TopTests(SynchronousTestCase):
    """`Top`."""

    def setUp(self) -> None:
        self.accounting = Accounting(10, KINDS, 0.0)
        self.top = Top(self.accounting, lambda: 60.0)
        for host, octets, times in (("a.example", 100, 3), ("b.example", 5000, 1), ("c.example", 100, 2)):
            for _ in range(times):
                self.accounting(exchange_to(host, "ann", octets=octets))

    def names(self, **asked: str) -> list[str]:
        """The names, in their order."""
        return [cast(str, each["name"]) for each in cast("list[JSON]", self.top.answer(asked)["top"])]

    def test_answer(self) -> None:
        """Without a query: destinations by requests since the start, with all and all others."""
        answer = self.top.answer({"limit": "1"})
        row = {"name": "a.example", "requests": 3, "requests_at_most": 3, "bytes": 300, "bytes_at_most": 300}
        self.assertEqual(
            answer,
            {
                "of": "destinations",
                "by": "requests",
                "window": "start",
                "seconds": 60.0,
                "total": {"requests": 6, "bytes": 5500},
                "other": {"requests": 3, "bytes": 5200},
                "names": 3,
                "top": [row],
            },
        )

    def test_choices(self) -> None:
        """By what, of what, and when."""
        self.assertEqual(self.names(), ["a.example", "c.example", "b.example"])
        self.assertEqual(self.names(by="bytes"), ["b.example", "a.example", "c.example"])
        self.assertEqual(self.names(of="users"), ["ann"])
        self.assertEqual(self.names(of="clients", window="recent"), ["192.0.2.1"])

    def test_adds_up(self) -> None:
        """With more names than there is room for, names and others are still all that there was."""
        for number in range(3000):
            self.accounting(exchange_to(f"{number % 700}.example", octets=10 + number))
        for asked in ({}, {"by": "bytes"}, {"window": "recent"}, {"window": "recent", "by": "bytes", "limit": "3"}):
            answer = self.top.answer(asked)
            rows = cast("list[dict[str, int]]", answer["top"])
            other, total = cast("dict[str, int]", answer["other"]), cast("dict[str, int]", answer["total"])
            self.assertEqual(total["requests"], 3006)
            for measure in ("requests", "bytes"):
                self.assertGreaterEqual(other[measure], 0)
                self.assertEqual(sum(row[measure] for row in rows) + other[measure], total[measure])
                self.assertTrue(all(row[measure] <= row[f"{measure}_at_most"] for row in rows))

    def test_refused(self) -> None:
        """What is not understood is refused with what would be right; so is a kind that is not counted."""
        for asked, help in (
            ({"by": "size"}, "write one of requests, bytes"),
            ({"of": "destination"}, 'did you mean "destinations"?'),
            ({"windw": "recent"}, 'did you mean "window"?'),
            ({"limit": "0"}, "write a whole number from 1 to 1000"),
            ({"limit": "²"}, "write a whole number from 1 to 1000"),
            ({"limit": "-1"}, "write a whole number from 1 to 1000"),
        ):
            self.assertEqual(self.assertRaises(Refused, self.top.answer, asked).help, help)
        only = Top(Accounting(10, ("users",), 0.0), lambda: 0.0)
        self.assertEqual(self.assertRaises(Refused, only.answer, {"of": "clients"}).help, "write one of users")
        self.assertEqual(only.answer({})["of"], "users")

    def test_off(self) -> None:
        """Where nothing is counted it is said how to change that."""
        refused = self.assertRaises(Refused, Top(None, lambda: 0.0).answer, {})
        self.assertEqual((refused.status, refused.help), (404, "write top = 100 in [accounting] and start again"))
