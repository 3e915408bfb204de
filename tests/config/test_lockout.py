"""`lockout`."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.lockout import LOCKOUT
from twisted_relay.config.values import LockoutSpec


class LockoutTests(SynchronousTestCase):
    """How it is written."""

    def test_right(self) -> None:
        """So many failures in what time, or off; written as it is read."""
        for text, spec in (
            ("10 failures in 5m", LockoutSpec(10, 300.0)),
            ("1 failure in 1s", LockoutSpec(1, 1.0)),
            ("off", None),
        ):
            self.assertEqual(parse(LOCKOUT, text), spec)
            self.assertEqual(parse(LOCKOUT, LOCKOUT.show(spec)), spec)

    def test_wrong(self) -> None:
        """Anything else is refused, with what would be right."""
        for text in ("", "on", "10", "10 errors in 5m", "10 failures in 5", "0 failures in 5m", "1001 failures in 5m"):
            if text:
                self.assertEqual(len(faults_of(LOCKOUT, text)), 1, text)
        self.assertIn("at least 1s", faults_of(LOCKOUT, "3 failures in 10ms")[0].help)
