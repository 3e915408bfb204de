"""What a route allows."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.downstream.plan import Plan
from twisted_relay.exchange import Exchange
from twisted_relay.http.message import Answered


def nowhere(exchange: Exchange, answered: Answered) -> None:
    """Answers never."""


class PlanTests(SynchronousTestCase):
    """Protocols that a client may upgrade to."""

    def test_upgrades(self) -> None:
        """Every protocol that the client names must be allowed, without regard to case and version."""
        websocket = frozenset((b"websocket",))
        for allowed, protocols, verdict in (
            (frozenset[bytes](), b"websocket", False),
            (frozenset[bytes](), b"", False),
            (None, b"anything/1", True),
            (websocket, b"websocket", True),
            (websocket, b"WebSocket/13", True),
            (websocket, b"websocket, h2c", False),
            (websocket, b"h2c", False),
            (websocket, b"", False),
            (websocket, b"websocket,", False),
            (websocket | {b"h2c"}, b"websocket , H2C", True),
        ):
            plan = Plan("r", nowhere, upgrades=allowed)
            self.assertIs(plan.allows_upgrade(protocols), verdict, (allowed, protocols))
