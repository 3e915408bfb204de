"""Failing servers are named in the log, once."""

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import Group
from twisted_relay.errors import ClientAbort, ConnectRefused, RelayError
from twisted_relay.health.failures import PAUSE, FailureLog

REFUSED = ConnectRefused("127.0.0.1:1: connection refused")
FAILS = "server a of backend app fails requests: 127.0.0.1:1: connection refused"
AGAIN = "server a of backend app answers again"


class FailureLogTests(SynchronousTestCase):
    """`FailureLog`."""

    def setUp(self) -> None:
        """One server is watched."""
        self.group = Group("a")
        self.log = FailureLog(self.group.backend)
        self.log.start()

    def said(self, *outcomes: RelayError | int) -> list[str]:
        """What the log says while requests end like this."""
        with capturedLogs() as captured:
            for outcome in outcomes:
                error, code = (None, outcome) if isinstance(outcome, int) else (outcome, 0)
                for observe in self.group.backend.observers:
                    observe(self.group.servers[0], error, code)
        return [formatEvent(event) for event in captured]

    def test_once(self) -> None:
        """The first failure is explained, those that follow are not; neither is success that was expected."""
        self.assertEqual(self.said(200, REFUSED, REFUSED, REFUSED), [FAILS])
        self.assertEqual(self.said(200, 200), [AGAIN])

    def test_in_turn(self) -> None:
        """A server that fails and answers in turn does not fill the log."""
        flapping: list[RelayError | int] = [REFUSED, 200] * 50
        self.assertEqual(self.said(*flapping), [FAILS, AGAIN])
        self.group.clock.advance(PAUSE)
        self.assertEqual(self.said(REFUSED), [FAILS])

    def test_not_its_fault(self) -> None:
        """What a client did says nothing of the server."""
        self.assertEqual(self.said(ClientAbort("the client left")), [])

    def test_after_it_has_left(self) -> None:
        """What fails at a server that has left is not written of, nor kept: another may have its name."""
        server = self.group.servers[0]
        self.group.backend.leave(server)
        with capturedLogs() as captured:
            self.log.observe(server, REFUSED, 0)
        self.assertEqual((captured, self.log._failing, self.log._warned), ([], set(), {}))

    def test_stop(self) -> None:
        """After that it hears nothing."""
        self.log.stop()
        self.assertEqual(self.said(REFUSED), [])
