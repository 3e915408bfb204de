"""Each kind of condition: what it takes, what it does not, and what it says of it."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from twisted.trial.unittest import SynchronousTestCase

from tests.rules.reading import Names, connect, get, rules_of
from twisted_relay.rules import Asked, Listed, Rules, Ruling

ANNA = replace(connect("a.example"), user="anna", groups=frozenset({"staff", "ops"}))


def is_denied(rules: Rules, asked: Asked, when: float = 0.0) -> bool:
    """Whether the first rule, which denies, took it."""
    ruling = rules.judge(asked, ("192.0.2.1",), when)
    assert isinstance(ruling, Ruling)
    return not ruling.allowed


def at(text: str, zone: str = "UTC", fold: int = 0) -> float:
    """Seconds since 1970 of a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


class ConditionTests(SynchronousTestCase):
    """Conditions that look at what the client said."""

    def test_conditions(self) -> None:
        """What each takes and does not take; `not` turns it round."""
        for text, taken, left in (
            ("user anna ben", ANNA, replace(ANNA, user="carl")),
            ("user anna", ANNA, replace(ANNA, user="")),
            ("user anna", ANNA, replace(ANNA, user="Anna")),
            ("group ops x", ANNA, replace(ANNA, groups=frozenset({"staff"}))),
            ("client 10.1.0.0/16 ::1", ANNA, replace(ANNA, client="10.2.0.1")),
            ("client 10.1.0.0/16", replace(ANNA, client="::ffff:10.1.0.9"), replace(ANNA, client="")),
            ("domain example.org", connect("example.org"), connect("a.example.org")),
            ("domain .example.org", connect("example.org"), connect("notexample.org")),
            ("domain .example.org", connect("a.b.example.org"), connect("example.org.evil.example")),
            ("domain .org x.net", connect("a.org"), connect("a.x.net")),
            ("domain .example.org", connect("example.org"), connect("org")),
            ("domain .example.org", connect("example.org"), connect("192.0.2.1")),
            ("port 443 8000-8999", connect("a", 8000), connect("a", 9000)),
            ("port 8000-8999", connect("a", 8999), connect("a", 7999)),
            ("method GET HEAD", get("http://a.example/"), connect("a.example")),
            ("url http://a.example/x*", get("http://a.example/x/y?z"), get("http://a.example/y")),
            ("url http://a.example/x", get("http://a.example/x"), get("http://a.example/x?y")),
            ("url *.exe", get("http://b.example/a.exe"), get("http://b.example/a.exe?")),
            ("url ~http://[^/]+/(a|b)$", get("http://b.example/b"), get("http://b.example/c")),
            ("url *", get("http://b.example/b"), connect("b.example")),
        ):
            for word in ("", "not "):
                rules = rules_of(f"deny {word}{text}", "allow all")
                self.assertIs(is_denied(rules, taken), not word, f"{word}{text}")
                self.assertIs(is_denied(rules, left), bool(word), f"{word}{text}")

    def test_lists(self) -> None:
        """One of the lists is enough; a list that is swapped is asked from then on."""
        lists: dict[str, Listed] = {"ads": Names("ads.example"), "more": Names("more.example")}
        rules = rules_of("deny list ads more", "allow all", lists=lists)
        answers = [is_denied(rules, connect(name)) for name in ("ads.example", "more.example", "other.example")]
        self.assertEqual(answers, [True, True, False])
        lists["ads"] = Names("other.example")
        answers = [is_denied(rules, connect(name)) for name in ("ads.example", "more.example", "other.example")]
        self.assertEqual(answers, [False, True, True])

    def test_hits(self) -> None:
        """A list counts what it has taken of traffic, and nothing of what is only explained."""
        ads = Names("ads.example", "192.0.2.1", has_networks=True)
        rules = rules_of("deny list ads", "allow all", lists={"ads": ads})
        for host, hits in (("ads.example", 1), ("other.example", 2), ("192.0.2.7", 2)):
            asked = connect(host)
            for each in (asked, replace(asked, is_trial=True)):
                rules.judge(each, (host,) if host[0] == "1" else ("192.0.2.1",), 0.0)
            list(rules.explain(replace(asked, is_trial=True), "192.0.2.1", 0.0))
            self.assertEqual(ads.hits, hits, host)

    def test_all_conditions_of_a_line(self) -> None:
        """Each of them must hold."""
        rules = rules_of("deny domain .a.example port 443 not domain .x.a.example", "allow all")
        for host, port, denied in (
            ("a.example", 443, True),
            ("a.example", 80, False),
            ("y.x.a.example", 443, False),
            ("b.example", 443, False),
        ):
            self.assertIs(is_denied(rules, connect(host, port)), denied, host)

    def test_words(self) -> None:
        """What was looked at is told."""
        lists = {"ads": Names("ads.example")}
        for text, asked, words in (
            ("user ben", ANNA, "user is anna"),
            ("user ben", connect("a"), "the user is not known"),
            ("group x", ANNA, "anna is in ops, staff"),
            ("group x", replace(ANNA, groups=frozenset()), "anna is in no group"),
            ("group x", connect("a"), "the user is not known"),
            ("client ::1", ANNA, "client is 10.1.2.3"),
            ("client ::1", replace(ANNA, client=""), "client is a UNIX socket"),
            ("domain b", connect("a.example"), "domain is a.example"),
            ("destination ::1", connect("a.example"), "destination is 192.0.2.1"),
            ("port 80", connect("a.example"), "port is 443"),
            ("method GET", connect("a.example"), "method is CONNECT"),
            ("url *x", connect("a.example"), "a tunnel shows no URL"),
            ("url *x", get("http://a.example/"), "URL is http://a.example/"),
            ("list ads", connect("a.example"), "a.example is not listed"),
            ("not list ads", connect("ads.example"), "ads.example is in list ads as ads.example"),
            ("time Mon", connect("a.example"), "it is Thu 00:00 in UTC"),
            ("port 443 user ben", connect("a.example"), "the user is not known"),
        ):
            rules = rules_of(f"deny {text}", "allow all", lists=lists)
            verdict = next(rules.explain(asked, "192.0.2.1", 0.0))
            self.assertEqual((verdict.matches, verdict.why), (False, words), text)


class TimeTests(SynchronousTestCase):
    """The time of the week, where the clients are."""

    def check(self, text: str, zone: str, moments: tuple[tuple[float, bool], ...]) -> None:
        """At each of these moments the condition holds or not."""
        rules = rules_of(f"deny time {text}", "allow all", timezone=zone)
        for when, holds in moments:
            self.assertIs(is_denied(rules, connect("a"), when), holds, f"{text}: {datetime.fromtimestamp(when)}")

    def test_hours(self) -> None:
        """From the first minute up to the last, on those days."""
        self.check(
            "Mon-Fri 09:00-17:00",
            "UTC",
            (
                (at("2024-01-01 08:59:59"), False),
                (at("2024-01-01 09:00:00"), True),
                (at("2024-01-05 16:59:59.9"), True),
                (at("2024-01-05 17:00:00"), False),
                (at("2024-01-06 12:00:00"), False),
            ),
        )

    def test_beyond_midnight(self) -> None:
        """The night belongs to the day on which it begins."""
        self.check(
            "Sun 22:00-06:00",
            "UTC",
            (
                (at("2024-01-07 05:00"), False),
                (at("2024-01-07 22:00"), True),
                (at("2024-01-08 05:59"), True),
                (at("2024-01-08 06:00"), False),
            ),
        )

    def test_zone(self) -> None:
        """Hours are those of the zone."""
        self.check("Mon 09:00-10:00", "Asia/Kolkata", ((at("2024-01-01 03:30"), True), (at("2024-01-01 09:30"), False)))

    def test_summer(self) -> None:
        """The same hours in winter and in summer, although the clock has changed."""
        zone = "Europe/Berlin"
        for day in ("2024-03-29", "2024-04-02", "2024-10-25", "2024-10-28"):
            self.check(
                "09:00-17:00",
                zone,
                (
                    (at(f"{day} 08:59", zone), False),
                    (at(f"{day} 09:00", zone), True),
                    (at(f"{day} 17:00", zone), False),
                ),
            )

    def test_the_hour_that_is_not_there(self) -> None:
        """On the night in which the clock goes forward, 02:00-03:00 never comes."""
        before = at("2024-03-31 00:59:59")  # 01:59:59 in Berlin; a second later it is 03:00
        self.check("02:00-03:00", "Europe/Berlin", ((before, False), (before + 1, False)))
        self.check("01:00-04:00", "Europe/Berlin", ((before, True), (before + 1, True), (before + 3601, False)))

    def test_the_hour_that_is_there_twice(self) -> None:
        """On the night in which the clock goes back, 02:00-03:00 is two hours long."""
        start = at("2024-10-27 02:00", "Europe/Berlin", fold=0)
        moments = ((start - 1, False), (start, True), (start + 3600, True), (start + 7199, True), (start + 7200, False))
        self.check("02:00-03:00", "Europe/Berlin", moments)

    def test_the_zone_of_the_machine(self) -> None:
        """`local` is what the machine's clock shows."""
        when = at("2024-01-03 12:00")
        local = datetime.fromtimestamp(when)
        now = f"{('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')[local.weekday()]} {local:%H:%M}-24:00"
        self.check(now, "local", ((when, True), (when - 60, False)))
