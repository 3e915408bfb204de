"""`relay run` and `relay demo` as processes: they are `twistd relay`."""

import signal
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.child import LIFETIME, Child

RELAY = (
    sys.executable,
    "-c",
    f"import signal, sys; signal.alarm({LIFETIME}); from twisted_relay.cli import main; sys.exit(main())",
)
CONFIGURATION = """\
[listener:web]
bind = 127.0.0.1:0

[route:hello]
respond = 200
"""


class RunTests(SynchronousTestCase):
    """A daemon started by the command of ours."""

    def test_it_serves_until_it_is_told_to_stop(self) -> None:
        """`relay run` stays in the foreground, logs as twistd does, and ends with status 0."""
        path = Path(self.mktemp()).absolute()
        path.write_text(CONFIGURATION)
        relay = Child(self, *RELAY, "run", "--config", path)
        self.assertIn("twistd", relay.read_until("is running"))
        relay.signal(signal.SIGTERM)
        status, output, errors = relay.finish()
        self.assertEqual((status, errors), (0, ""), output)

    def test_a_bad_configuration(self) -> None:
        """The exit status is the same as twistd's: 78. The file may stand alone or after -c."""
        for argv in (("-c", "no-such-file.ini"), ("no-such-file.ini",)):
            status, _, errors = Child(self, *RELAY, "run", *argv).finish()
            self.assertEqual(status, 78)
            self.assertIn("no-such-file.ini", errors)
