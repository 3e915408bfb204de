"""An access log as an observer."""

from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.access_log.exchanges import WALL, make_exchange
from twisted_relay.access_log.lines import common
from twisted_relay.access_log.log import INTERVAL, AccessLog
from twisted_relay.config.tree import LogOptions


class AccessLogTests(SynchronousTestCase):
    """`AccessLog`."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.clock = Clock()
        options = LogOptions(name="main", to=str(self.path), format="common")
        self.log = AccessLog(options, self.clock, lambda: WALL)
        self.log.open()
        self.addCleanup(self.log.close)
        self.line = common(make_exchange(), WALL)

    def test_written_within_a_second(self) -> None:
        """A line waits no longer than the interval."""
        self.log(make_exchange())
        self.assertEqual(self.path.read_bytes(), b"")
        self.clock.advance(INTERVAL)
        self.assertEqual(self.path.read_bytes(), self.line)

    def test_reopen(self) -> None:
        """After a rotation a new file is begun."""
        self.log(make_exchange())
        self.path.rename(self.path.with_suffix(".1"))
        self.log.reopen()
        self.assertEqual(self.path.read_bytes(), b"")
        self.assertEqual(self.path.with_suffix(".1").read_bytes(), self.line)

    def test_close(self) -> None:
        """At the end everything is written and no timer is left."""
        self.log(make_exchange())
        self.log.close()
        self.assertEqual(self.path.read_bytes(), self.line)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_dropped(self) -> None:
        """Lines that could not be written are told to metrics, and to the daemon's log."""
        log = AccessLog(LogOptions(name="full", to="/dev/full", format="json"), self.clock)
        log.open()
        log(make_exchange())
        log.close()
        self.assertEqual((log.name, log.dropped), ("full", 1))
