"""The wiring of what programs bring themselves."""

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.known import SlowVerifier, basic
from twisted_relay.config.tree import AuthOptions, Config, ListenerOptions, RouteOptions
from twisted_relay.config.values import Address
from twisted_relay.service import make_service


class GivenTests(SynchronousTestCase):
    """`make_service`."""

    def test_verifiers(self) -> None:
        """A program's own verifier knows the passwords of a section, whose files are not read."""
        config = Config(
            listeners=(ListenerOptions(name="web", bind=(Address("127.0.0.1", 80),)),),
            routes=(RouteOptions(name="all", respond=204, auth="staff"),),
            auth={"staff": AuthOptions(name="staff", users_file="/nowhere")},
        )
        verifier = SlowVerifier({"alice": "right"})
        service = make_service(config, cast(Any, MemoryReactorClock()), {"staff": verifier})
        [authenticator] = service.relay.authentication.authenticators
        asked = authenticator.check(basic("alice", "right"), "192.0.2.1")
        verifier.answer()
        assert isinstance(asked, Deferred)
        self.assertEqual(self.successResultOf(asked).name, "alice")
