"""When a server is checked, and what follows from the results."""

from dataclasses import replace
from itertools import pairwise

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, deferLater
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import OPTIONS
from twisted_relay.config.sections.backend import BackendOptions
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.health.monitor import FIRST_WITHIN, CheckFailed, Monitor, Random, RiseAndFall
from twisted_relay.upstream.server import Server

#: (rise, fall, results in order: + good, - failed; whether the server is up after each: u or d).
RESULTS = (
    (2, 3, "+++", "uuu"),
    (2, 3, "---", "uud"),
    (2, 3, "--+--+--+", "uuuuuuuuu"),
    (2, 3, "---+-+-++", "uuddddddu"),
    (2, 3, "---++---", "uudduuud"),
    (1, 1, "-+-+", "dudu"),
    (3, 1, "-++-+++", "ddddddu"),
    (1, 4, "----+---+----", "uuuduuuuuuuud"),
)


class RiseAndFallTests(SynchronousTestCase):
    """Counting results in a row."""

    def test_tables(self) -> None:
        """A server falls and rises after as many contrary results in a row as it takes, not before."""
        for rise, fall, results, states in RESULTS:
            counter = RiseAndFall(rise, fall)
            seen = ""
            for result in results:
                before = counter.is_up
                changed = counter.passed() if result == "+" else counter.failed()
                self.assertEqual(changed, counter.is_up != before, results)
                seen += "u" if counter.is_up else "d"
            self.assertEqual(seen, states, results)


class ScriptedCheck:
    """A check that takes `seconds` and then finds what `problem` says; None: nothing is wrong."""

    def __init__(self, clock: Clock) -> None:
        self.problem: Exception | None = None
        self.seconds: float | None = 0.0
        """None: it never ends."""
        self.times: list[float] = []
        self.cancelled = 0
        self._clock = clock

    async def probe(self, server: Server) -> None:
        """See `Check`."""
        self.times.append(self._clock.seconds())
        if self.seconds != 0.0:
            await self._wait(self.seconds)
        if self.problem is not None:
            raise self.problem

    async def _wait(self, seconds: float | None) -> None:
        try:
            await (Deferred[None]() if seconds is None else deferLater(self._clock, seconds))
        except CancelledError:
            self.cancelled += 1
            raise


class Watch:
    """A monitor of one server in virtual time."""

    def __init__(self, options: BackendOptions = OPTIONS, random: Random = lambda: 0.0) -> None:
        self.clock = Clock()
        self.check = ScriptedCheck(self.clock)
        self.server = Server(ServerSpec("s1", "http", Address("10.0.0.1", 80)), options, self.clock.seconds)
        self.monitor = Monitor(self.server, self.check, self.clock, random)
        self.monitor.start()

    def run(self, seconds: float) -> None:
        """Let time pass, finely."""
        self.clock.pump([0.125] * int(seconds * 8))


class TimingTests(SynchronousTestCase):
    """When checks are made."""

    def test_soon_and_then_at_every_interval(self) -> None:
        """The first check does not wait for an interval; the others are an interval apart."""
        watch = Watch()
        watch.run(16)
        self.assertEqual(watch.check.times, [0.125, 0.125, 5.125, 10.125, 15.125])

    def test_servers_have_their_own_moments(self) -> None:
        """All servers are checked soon, and then their checks are spread over the interval."""
        for part in (0.0, 0.25, 0.5, 1.0):
            watch = Watch(random=lambda part=part: part)  # type: ignore[misc]
            watch.run(30)
            first, second, third = watch.check.times[:3]
            self.assertEqual(first, max(0.125, part * FIRST_WITHIN))
            self.assertEqual(second, first + part * 5.0)
            self.assertEqual(third, second + 5.0)

    def test_jitter(self) -> None:
        """The time between two checks varies by no more than the jitter, and does not drift."""
        numbers = iter((0.0, 0.0, *[0.0, 1.0, 0.5, 1.0, 0.0, 0.25] * 10))
        watch = Watch(replace(OPTIONS, check_jitter=0.2), random=lambda: next(numbers))
        watch.run(120)
        times = watch.check.times[1:]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        self.assertEqual((min(gaps), max(gaps)), (4.0, 6.0))
        self.assertEqual(len(times), 24)

    def test_a_slow_check_is_not_overtaken(self) -> None:
        """The next check waits for the one before: a server never has two of them."""
        watch = Watch(replace(OPTIONS, check_timeout=60.0))
        watch.run(1)
        watch.check.seconds = 12.0
        watch.run(40)
        self.assertEqual(watch.check.times, [0.125, 0.125, 5.125, 20.125, 35.125])

    def test_duration(self) -> None:
        """How long the last check took is known."""
        watch = Watch()
        watch.check.seconds = 0.5
        watch.run(3)
        self.assertEqual(watch.server.last_check_duration, 0.5)


def fail(server: Server, before: str) -> None:
    """Someone who cannot cope with a change."""
    raise ZeroDivisionError


class ResultTests(SynchronousTestCase):
    """What follows from checks."""

    def test_down_and_up(self) -> None:
        """After three failed checks a server is down, after two good ones it is up again."""
        watch = Watch()
        watch.run(1)
        watch.check.problem = CheckFailed("GET /health answered 503")
        watch.run(10)
        self.assertEqual(watch.server.state, "up")
        watch.run(5)
        self.assertEqual(watch.server.state, "down")
        self.assertEqual(watch.server.reason, "GET /health answered 503 (3 failures in a row)")
        watch.check.problem = None
        watch.run(5)
        self.assertEqual(watch.server.state, "down")
        watch.run(5)
        self.assertEqual((watch.server.state, watch.server.reason), ("up", "2 good checks in a row"))
        self.assertEqual(watch.server.counters.checks, {"success": 4, "failure": 3})

    def test_no_answer_in_time(self) -> None:
        """A check without an answer is called off after its time and has failed."""
        watch = Watch(replace(OPTIONS, check_fall=1))
        watch.check.seconds = None
        watch.run(2)
        self.assertEqual(watch.server.state, "up")
        watch.run(1)
        self.assertEqual((watch.server.state, watch.server.reason), ("down", "no answer within 2 s (1 failure)"))
        self.assertEqual(watch.check.cancelled, 1)

    def test_a_fault_in_a_check_is_a_failed_check(self) -> None:
        """Whatever a check raises, checking goes on."""
        watch = Watch(replace(OPTIONS, check_fall=2))
        watch.check.problem = ZeroDivisionError("division by zero")
        watch.run(1)
        self.assertEqual(watch.server.state, "down")
        self.assertIn("ZeroDivisionError: division by zero", watch.server.reason)
        watch.check.problem = None
        watch.run(10)
        self.assertEqual(watch.server.state, "up")

    def test_a_fault_in_the_consequences_does_not_end_checking(self) -> None:
        """Who cannot cope with a change of state is logged, and the next checks are made."""
        watch = Watch(replace(OPTIONS, check_fall=1))
        watch.server.on_change = fail
        watch.check.problem = CheckFailed("x")
        watch.run(21)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(watch.check.times), 6)

    def test_only_changes_are_logged(self) -> None:
        """One line when a server goes down and one when it is up again, in words."""
        watch = Watch()
        with capturedLogs() as events:
            watch.check.problem = CheckFailed("GET /health answered 503")
            watch.run(60)
            watch.check.problem = None
            watch.run(60)
        self.assertEqual(
            [(event["log_level"], formatEvent(event)) for event in events],
            [
                (
                    LogLevel.warn,
                    "server s1 of backend app is down: GET /health answered 503 (3 failures in a row)",
                ),
                (LogLevel.info, "server s1 of backend app is up: 2 good checks in a row"),
            ],
        )


class StopTests(SynchronousTestCase):
    """A monitor that is stopped."""

    def test_at_any_moment(self) -> None:
        """Nothing runs on and nothing changes, whether it was waiting or a check was under way."""
        for moment in (0.0, 0.125, 1.0, 3.0, 4.5, 5.75):
            watch = Watch(replace(OPTIONS, check_fall=1, check_jitter=0.5), random=lambda: 0.5)
            watch.check.seconds = 1.0
            watch.check.problem = CheckFailed("too late")
            watch.clock.pump([0.125] * int(moment * 8))
            known = (watch.server.state, dict(watch.server.counters.checks), len(watch.check.times))
            watch.monitor.stop()
            self.assertEqual(watch.clock.getDelayedCalls(), [], moment)
            watch.monitor.stop()
            self.assertEqual((watch.server.state, watch.server.counters.checks, len(watch.check.times)), known, moment)
