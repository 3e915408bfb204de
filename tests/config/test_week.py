"""Parts of the week, and time zones."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse, value_of
from twisted_relay.config.week import TIMEZONE, parse_week
from twisted_relay.config.words import BadValue, Fault

DAY = 1440
HOUR = 60


def faults(text: str) -> tuple[Fault, ...]:
    """What is said against a text."""
    try:
        parse_week(value_of(text).words())
    except BadValue as bad:
        return bad.faults
    return ()


class WeekTests(SynchronousTestCase):
    """Days and hours."""

    def test_spans(self) -> None:
        """Days, hours, both, several of them, and what goes beyond midnight or the end of the week."""
        for text, expected in (
            ("Mon", [(0, DAY)]),
            ("Mon-Fri", [(0, 5 * DAY)]),
            ("Sat-Mon", [(0, DAY), (5 * DAY, 7 * DAY)]),
            ("Mon-Sun", [(0, 7 * DAY)]),
            ("Tue Thu", [(DAY, 2 * DAY), (3 * DAY, 4 * DAY)]),
            ("Mon 09:00-17:00", [(9 * HOUR, 17 * HOUR)]),
            ("Mon 09:00-12:00 12:00-13:30", [(9 * HOUR, 13 * HOUR + 30)]),
            ("Mon 09:00-12:00 Tue Wed", [(9 * HOUR, 12 * HOUR), (DAY, 3 * DAY)]),
            ("Mon Tue 00:00-01:00", [(0, HOUR), (DAY, DAY + HOUR)]),
            ("Fri 22:00-06:00", [(4 * DAY + 22 * HOUR, 5 * DAY + 6 * HOUR)]),
            ("Sun 23:00-01:00", [(0, HOUR), (6 * DAY + 23 * HOUR, 7 * DAY)]),
            ("Mon 22:00-24:00", [(22 * HOUR, DAY)]),
            ("Mon 22:00-00:00", [(22 * HOUR, DAY)]),
            ("00:00-24:00", [(0, 7 * DAY)]),
            ("12:00-13:00", [(day * DAY + 12 * HOUR, day * DAY + 13 * HOUR) for day in range(7)]),
        ):
            self.assertEqual(list(parse_week(value_of(text).words()).spans), expected, text)

    def test_faults(self) -> None:
        """What is wrong is pointed at, with what would be right."""
        for text, column, help in (
            ("Monday", 7, 'did you mean "Mon"?'),
            ("mon-FRI", 7, "Mon-FRI"),
            ("Mo", 7, "the days are Mon Tue"),
            ("Mon 9-17", 11, "write hours as 09:00-17:00"),
            ("Mon 9:00-17:30", 11, "write hours as 09:00-17:30"),
            ("Mon 09:00", 11, "write hours as 09:00-17:00"),
            ("Mon 09:00-25:00", 11, "from 00:00 to 24:00"),
            ("Mon 24:00-01:00", 11, "from 00:00 to 24:00"),
            ("Mon 09:60-10:00", 11, "from 00:00 to 24:00"),
            ("Mon 09:00-09:00", 11, "leave the hours out"),
        ):
            [fault] = faults(text)
            assert fault.span is not None
            self.assertEqual(fault.span.column, column, text)
            self.assertIn(help, fault.help, text)

    def test_several_faults(self) -> None:
        """All of them are told at once."""
        self.assertEqual(len(faults("Mo 9-17 Tu")), 3)


class ZoneTests(SynchronousTestCase):
    """Names of time zones."""

    def test_names(self) -> None:
        """Those of the time zone database, and that of the machine."""
        for text in ("local", "UTC", "Europe/Berlin"):
            self.assertEqual(parse(TIMEZONE, text), text)

    def test_faults(self) -> None:
        """The nearest name is asked for; paths are no names."""
        for text, help in (
            ("Europe/Berlni", 'did you mean "Europe/Berlin"?'),
            ("zzz", "write a name such as Europe/Berlin"),
            ("../etc/passwd", "write a name such as"),
            ("Europe", ""),
            ("/etc/localtime", ""),
        ):
            [fault] = faults_of(TIMEZONE, text)
            self.assertIn(help, fault.help, text)
