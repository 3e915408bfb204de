"""Settings behind the main part of a value."""

from dataclasses import dataclass

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.option import Parser, one_line
from twisted_relay.config.scalars import parse_size, parse_time
from twisted_relay.config.settings import with_settings


@dataclass(frozen=True)
class Spec:
    """Something with two settings."""

    seconds: float = 1.0
    octets: int = 2


KNOWN = {"every": ("seconds", parse_time), "size": ("octets", parse_size)}
SPEC: Parser[Spec] = one_line(
    "x", lambda line: with_settings(Spec(), line.words()[1:], KNOWN, "write every=TIME or size=SIZE"), str
)


class SettingsTests(SynchronousTestCase):
    """Words of the form name=value."""

    def test_values(self) -> None:
        """Each sets its field, in any order; the rest keep their defaults."""
        for text, spec in (
            ("x", Spec()),
            ("x size=1k", Spec(octets=1024)),
            ("x size=3 every=2s", Spec(2.0, 3)),
        ):
            self.assertEqual(parse(SPEC, text), spec)

    def test_refused(self) -> None:
        """What is not known, has no value, a bad one, or stands twice is pointed at."""
        for text, column, message in (
            ("x evry=2s", 9, '"evry=2s" is not valid'),
            ("x every", 9, '"every" is not valid'),
            ("x size=1 every=", 16, '"every=" is not valid'),
            ("x every=2", 9, '"2" is not valid'),
            ("x size=1 size=1", 16, "size stands twice"),
        ):
            (fault,) = faults_of(SPEC, text)
            assert fault.span
            self.assertEqual((fault.span.column, fault.message), (column, message), text)
