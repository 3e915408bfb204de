"""When the daemon says that traffic may come."""

import os
from typing import Any, cast

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import config_of, load_files
from twisted_relay.service import Relay

TEXT = """\
[listener:web]
bind = 127.0.0.1:8080
backend = app

[backend:app]
servers = http://127.0.0.1:3001 http://127.0.0.1:3002
check = GET /
"""


class ReadinessTests(SynchronousTestCase):
    """What `/-/ready` says."""

    def test_the_first_checks(self) -> None:
        """The servers of the start must have been checked once; later it does not matter how they are."""
        folder = self.mktemp()
        os.mkdir(folder)
        relay = Relay(config_of(load_files(folder, {"relay.ini": TEXT})), cast(Any, MemoryReactorClock()))
        self.assertEqual(relay.why_unready(), "starting")
        relay.unready = ""
        one, two = relay.backends["app"].servers
        for server in (one, two):
            server.set_checking("not checked yet")
        self.assertEqual(relay.why_unready(), "checking the servers of backend app")
        one.set_up("good check")
        self.assertEqual(relay.why_unready(), "checking the servers of backend app")
        two.set_down("refused")
        self.assertEqual(relay.why_unready(), "")
        one.set_checking("a new one")
        self.assertEqual(relay.why_unready(), "")
