"""Rates as they are written."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.rates import LEAST, MOST, RATE_OR_OFF, parse_rate, show_rate


class RateTests(SynchronousTestCase):
    """`RATE_OR_OFF`."""

    def test_read(self) -> None:
        """Bytes or bits, powers of 1000, or of 1024 with an i."""
        for text, rate in (
            ("10MB/s", 10_000_000),
            ("80Mbit/s", 10_000_000),
            ("1.5kB/s", 1500),
            ("1KB/s", 1000),
            ("8MiB/s", 8 * 1024**2),
            ("1Gbit/s", 125_000_000),
            ("5000B/s", 5000),
            ("off", 0),
        ):
            self.assertEqual(parse(RATE_OR_OFF, text), rate, text)

    def test_refused(self) -> None:
        """What may be bytes or bits is asked back, as is what is no rate."""
        for text, help in (
            ("10M", "bytes or bits? write 10MB/s or 10Mbit/s"),
            ("10Mb/s", "bytes or bits? write 10MB/s or 10Mbit/s"),
            ("10mbps", "bytes or bits? write 10MB/s or 10Mbit/s"),
            ("500K", "bytes or bits? write 500kB/s or 500kbit/s"),
            ("1000000", "bytes or bits? write 1000000B/s or 1000000bit/s"),
            ("10MB", "bytes or bits? write 10MB/s or 10Mbit/s"),
            ("10MB/m", "write bytes or bits per second, such as"),
            ("5iB/s", "write bytes or bits per second, such as"),
            ("0B/s", "write a rate from 1kB/s to 1TB/s"),
            ("900B/s", "write a rate from 1kB/s to 1TB/s"),
            ("2TB/s", "write a rate from 1kB/s to 1TB/s"),
            ("fast", "write bytes or bits per second, such as"),
        ):
            [fault] = faults_of(RATE_OR_OFF, text)
            self.assertIn(help, fault.help, text)

    @given(st.integers(LEAST, MOST))
    def test_shown(self, rate: int) -> None:
        """What is shown is read as the same."""
        self.assertEqual(parse_rate(show_rate(rate)), rate)
