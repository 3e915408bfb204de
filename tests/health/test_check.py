"""One check under way: it ends once, whatever it does."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import Group
from twisted_relay.health.check import CutShort, Probe
from twisted_relay.upstream.server import Server


class Mute(Exception):
    """An exception that cannot even be shown."""

    def __str__(self) -> str:
        raise ValueError


class Waiting:
    """A check that waits for `answer`; called off, it raises `last`, or goes on waiting without one."""

    def __init__(self, last: Exception | None) -> None:
        self.answer: Deferred[None] = Deferred()
        self.later: Deferred[None] = Deferred()
        self._last = last

    async def probe(self, server: Server) -> None:
        """See `Check`."""
        try:
            await self.answer
        except CancelledError:
            if self._last is None:
                await self.later
            else:
                raise self._last from None


class Case:
    """A probe with 2 s to answer, and what was said at its end."""

    def __init__(self, last: Exception | None = CancelledError()) -> None:  # noqa: B008
        self.clock = Clock()
        self.check = Waiting(last)
        self.said: list[str] = []
        self.probe = Probe(self.check, Group("s1").servers[0], self.clock, self.said.append)
        self.probe.start(2.0)


class ProbeTests(SynchronousTestCase):
    """`Probe`."""

    def test_good(self) -> None:
        """A check that returns found nothing wrong; its time limit is gone."""
        case = Case()
        case.check.answer.callback(None)
        self.assertEqual((case.said, case.clock.getDelayedCalls()), ([""], []))

    def test_an_exception_without_words(self) -> None:
        """An exception that cannot be shown is a failed check as well."""
        case = Case()
        case.check.answer.errback(Mute())
        (said,) = case.said
        self.assertTrue(said.startswith("the check itself failed: Mute: "), said)

    def test_too_late(self) -> None:
        """Who does not answer in time has failed, and what was waited for is said if the check knows."""
        for last, said in (
            (CancelledError(), "no answer within 2 s"),
            (CutShort("GET /: no connection"), "GET /: no connection within 2 s"),
            (ZeroDivisionError("x"), "no answer within 2 s"),
        ):
            case = Case(last)
            case.clock.advance(2)
            self.assertEqual((case.said, case.clock.getDelayedCalls()), ([said], []))

    def test_who_does_not_heed(self) -> None:
        """A check that goes on when it is called off does not keep anybody waiting, and says nothing later."""
        case = Case(None)
        case.clock.advance(2)
        self.assertEqual(case.said, ["no answer within 2 s"])
        case.check.later.callback(None)
        self.assertEqual(case.said, ["no answer within 2 s"])

    def test_called_off(self) -> None:
        """A check that was called off counts for nothing, whether it heeds that or not."""
        for last in (CancelledError(), CutShort("x"), ZeroDivisionError("x"), None):
            case = Case(last)
            case.probe.cancel()
            case.probe.cancel()
            case.clock.advance(10)
            self.assertEqual((case.said, case.clock.getDelayedCalls()), ([], []))
