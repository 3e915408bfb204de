"""An exchange finishes once, and tells everyone."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Request


class ExchangeTests(SynchronousTestCase):
    """The life of an exchange."""

    def setUp(self) -> None:
        """A new one."""
        self.exchange = Exchange(Request(b"GET", b"/a?b", Fields()), Origin("192.0.2.1", b"http", 80, b""), 5.0)

    def test_begin(self) -> None:
        """It knows its request as received, also after the target was rewritten."""
        self.exchange.request.target = b"/elsewhere"
        self.assertEqual(self.exchange.request_line, (b"GET", b"/a?b"))
        self.assertEqual((self.exchange.started, self.exchange.finished, self.exchange.code), (5.0, 0.0, 0))

    def test_finish_once(self) -> None:
        """Its observers hear of it once, in their order."""
        told: list[str] = []
        self.exchange.observers = (lambda exchange: told.append("a"), lambda exchange: told.append("b"))
        self.exchange.finish(7.0)
        self.exchange.finish(8.0)
        self.assertEqual((told, self.exchange.finished), (["a", "b"], 7.0))

    def test_an_observer_that_fails(self) -> None:
        """It is logged; the others hear all the same, and traffic goes on."""
        told: list[Exchange] = []

        def fail(exchange: Exchange) -> None:
            raise ZeroDivisionError

        self.exchange.observers = (fail, told.append)
        self.exchange.finish(7.0)
        self.assertEqual(told, [self.exchange])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_abandon_once(self) -> None:
        """Whoever works on it is told once, and only the one who works now."""
        told: list[str] = []
        self.exchange.abandon()
        self.exchange.cancel = lambda: told.append("first")
        self.exchange.cancel = lambda: told.append("second")
        self.exchange.abandon()
        self.exchange.abandon()
        self.assertEqual(told, ["second"])

    def test_finished_is_not_abandoned(self) -> None:
        """After the end nobody is left to be told."""
        told: list[str] = []
        self.exchange.cancel = lambda: told.append("late")
        self.exchange.finish(7.0)
        self.exchange.abandon()
        self.assertEqual(told, [])
