"""When a server is checked, and what follows from the results."""

import asyncio
import re
from dataclasses import replace
from itertools import pairwise, product

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, deferLater
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import OPTIONS
from twisted_relay.config.sections.backend import BackendOptions
from twisted_relay.config.values import Address, CheckWindow, ServerSpec
from twisted_relay.health.check import LONGEST
from twisted_relay.health.monitor import CheckFailed, Monitor, Random
from twisted_relay.upstream.server import Server


class ScriptedCheck:
    """A check that takes `seconds` and then finds what `problem` says; None: nothing is wrong."""

    def __init__(self, clock: Clock) -> None:
        self.problem: BaseException | None = None
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


CHECKING = replace(OPTIONS, check_initial="checking")


class Watch:
    """A monitor of one server in virtual time."""

    def __init__(self, options: BackendOptions = OPTIONS, random: Random = lambda: 0.0, after: float = 0.0) -> None:
        self.clock = Clock()
        self.check = ScriptedCheck(self.clock)
        self.server = Server(ServerSpec("s1", "http", Address("10.0.0.1", 80)), options, self.clock.seconds)
        self.monitor = Monitor(self.server, self.check, self.clock, random)
        self.monitor.start(after)

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

    def test_after_a_while(self) -> None:
        """The first check can be put off."""
        watch = Watch(after=3.0)
        watch.run(4)
        self.assertEqual(watch.check.times[0], 3.0)

    def test_servers_have_their_own_moments(self) -> None:
        """After the first checks, which come all at once, the others are spread over the interval."""
        for part in (0.0, 0.25, 0.5, 1.0):
            watch = Watch(random=lambda part=part: part)  # type: ignore[misc]
            watch.run(30)
            first, second, third = watch.check.times[:3]
            self.assertEqual((first, second), (0.125, 0.125 + part * 5.0))
            self.assertEqual(third, second + 5.0)

    def test_jitter(self) -> None:
        """The time between two checks varies by no more than the jitter, up and down."""
        numbers = iter((0.0, *[0.0, 1.0, 0.5, 1.0, 0.0, 0.25] * 10))
        watch = Watch(replace(OPTIONS, check_jitter=0.2), random=lambda: next(numbers))
        watch.run(120)
        times = watch.check.times[1:]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        self.assertEqual(gaps[:6], [4.0, 6.0, 5.0, 6.0, 4.0, 4.5])
        self.assertEqual((min(gaps), max(gaps)), (4.0, 6.0))

    def test_a_slow_check_is_not_overtaken(self) -> None:
        """The next check comes an interval after the end of the one before: a server never has two of them."""
        watch = Watch(replace(OPTIONS, check_timeout=60.0))
        watch.run(1)
        watch.check.seconds = 12.0
        watch.run(40)
        self.assertEqual(watch.check.times, [0.125, 0.125, 5.125, 22.125, 39.125])

    def test_fast_in_transition(self) -> None:
        """Results that speak against the state are looked into at once; when it is settled there is time again."""
        watch = Watch()
        watch.run(6)
        watch.check.problem = CheckFailed("x")
        watch.run(10)
        self.assertEqual(watch.check.times, [0.125, 0.125, 5.125, 10.125, 11.125, 12.125])
        watch.run(2)
        watch.check.problem = None
        watch.run(6)
        self.assertEqual(watch.check.times[6:], [17.125, 22.125, 23.125])

    def test_fast_while_nothing_is_known(self) -> None:
        """Until the first verdict checks come fast."""
        watch = Watch(replace(CHECKING, check_fall=5))
        watch.check.problem = CheckFailed("x")
        watch.run(4)
        self.assertEqual(watch.check.times, [0.125, 1.125, 2.125, 3.125])

    def test_fast_is_never_slow(self) -> None:
        """A fast interval that is longer than the usual one is not kept to."""
        watch = Watch(replace(CHECKING, check_interval=0.5, check_fall=5))
        watch.check.problem = CheckFailed("x")
        watch.run(2)
        self.assertEqual(watch.check.times, [0.125, 0.625, 1.125, 1.625])

    def test_down(self) -> None:
        """A server that is down may be asked less often, until it answers."""
        watch = Watch(replace(CHECKING, check_fall=1, check_down_interval=20.0), random=lambda: 0.5)
        watch.check.problem = CheckFailed("x")
        watch.run(60)
        self.assertEqual(watch.check.times, [0.125, 10.125, 30.125, 50.125])
        watch.check.problem = None
        watch.run(20)
        self.assertEqual(watch.check.times[4:], [70.125, 71.125, 76.125])

    def test_what_is_known_of_the_last_one(self) -> None:
        """How long the last check took is known, and what it found."""
        watch = Watch()
        self.assertEqual((watch.server.last_check, watch.server.last_check_duration), ("", 0.0))
        watch.check.seconds = 0.5
        watch.run(2)
        self.assertEqual((watch.server.last_check, watch.server.last_check_duration), ("good", 0.5))
        watch.check.problem = CheckFailed("GET /health answered 503")
        watch.run(6)
        self.assertEqual(watch.server.last_check, "GET /health answered 503")


#: What a check may raise, and what is said of it; the last one's text is long.
FAULTS: tuple[tuple[BaseException, str], ...] = (
    (ZeroDivisionError("division by zero"), "the check itself failed: ZeroDivisionError: division by zero"),
    (re.error("unbalanced parenthesis"), "the check itself failed: error: unbalanced parenthesis"),
    (CancelledError(), "the check itself failed: CancelledError: "),
    (asyncio.CancelledError(), "the check itself failed: CancelledError: "),
    (GeneratorExit(), "the check itself failed: GeneratorExit: "),
    (SystemExit(3), "the check itself failed: SystemExit: 3"),
    (CheckFailed(), "the check failed"),
    (CheckFailed("x" * 1000), "x" * LONGEST + "…"),
)


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
        watch.run(5.5)
        self.assertEqual(watch.server.state, "up")
        watch.run(1)
        self.assertEqual(watch.server.state, "down")
        self.assertEqual(watch.server.reason, "GET /health answered 503 (3 failures in a row)")
        watch.check.problem = None
        watch.run(5)
        self.assertEqual(watch.server.state, "down")
        watch.run(1)
        self.assertEqual((watch.server.state, watch.server.reason), ("up", "2 good checks in a row"))
        self.assertEqual(watch.server.counters.checks, {"success": 4, "failure": 3})

    def test_checking(self) -> None:
        """A server of which nothing is known waits for its first check; a good one is enough."""
        watch = Watch(CHECKING)
        self.assertEqual((watch.server.state, watch.server.is_checking), ("down", True))
        self.assertEqual(watch.server.reason, "not checked yet")
        watch.run(1)
        self.assertEqual((watch.server.state, watch.server.is_checking), ("up", False))
        self.assertEqual(watch.server.reason, "the first check was good")

    def test_checking_in_vain(self) -> None:
        """It takes all failures to call it down; that it is news although it got nothing before."""
        watch = Watch(CHECKING)
        told: list[str] = []
        watch.server.on_change = lambda server, before: told.append(f"{before} {server.state} {server.is_checking}")
        watch.check.problem = CheckFailed("GET /health answered 503")
        watch.run(2)
        self.assertEqual((watch.server.is_checking, told), (True, []))
        watch.run(1)
        self.assertEqual((watch.server.state, watch.server.is_checking), ("down", False))
        self.assertEqual(watch.server.reason, "GET /health answered 503 (3 failures in a row)")
        self.assertEqual((told, len(watch.server.history)), (["down down False"], 2))

    def test_initially_up(self) -> None:
        """A server that is said to be up gets requests before its first check."""
        watch = Watch(replace(OPTIONS, check_initial="up"))
        self.assertEqual((watch.server.state, list(watch.server.history)), ("up", []))

    def test_initially_down(self) -> None:
        """A server that is said to be down needs its good checks in a row, and nobody waits for it."""
        watch = Watch(replace(OPTIONS, check_initial="down"))
        watch.run(1)
        self.assertEqual((watch.server.state, watch.server.is_checking), ("down", False))
        watch.run(1)
        self.assertEqual((watch.server.state, watch.server.reason), ("up", "2 good checks in a row"))

    def test_grace(self) -> None:
        """Without any verdict for too long a server is served as if it were up, and its history says why."""
        watch = Watch(replace(CHECKING, check_fall=20))
        watch.check.problem = CheckFailed("GET /health answered 503")
        with capturedLogs() as events:
            watch.run(9.875)
            self.assertEqual(watch.server.state, "down")
            watch.run(1)
        self.assertEqual((watch.server.state, watch.server.is_checking), ("up", False))
        reason = "no verdict within 10 s, the last check: GET /health answered 503"
        self.assertEqual(watch.server.history[-1][1:], ("up", reason))
        self.assertEqual(
            [formatEvent(event) for event in events], [f"server s1 of backend app gets requests: {reason}"]
        )
        watch.run(20)
        self.assertEqual(watch.server.state, "down")

    def test_grace_of_a_check_without_end(self) -> None:
        """Also when not even the first check has ended."""
        watch = Watch(replace(CHECKING, check_timeout=60.0, check_interval=60.0))
        watch.check.seconds = None
        watch.run(11)
        self.assertEqual(
            (watch.server.state, watch.server.reason), ("up", "no verdict within 10 s, the first check has not ended")
        )

    def test_no_grace(self) -> None:
        """With a grace of 0 a server is never served without a verdict."""
        watch = Watch(replace(CHECKING, check_fall=1000, check_grace=0.0))
        watch.check.problem = CheckFailed("x")
        watch.run(100)
        self.assertTrue(watch.server.is_checking)

    def test_a_verdict_ends_the_grace(self) -> None:
        """A server that was judged in time stays as it was judged."""
        watch = Watch(replace(CHECKING, check_fall=1))
        watch.check.problem = CheckFailed("x")
        watch.run(60)
        self.assertEqual(watch.server.state, "down")

    def test_window(self) -> None:
        """With a window a server that fails now and then stays up, and falls when too much of it failed."""
        watch = Watch(replace(OPTIONS, check_window=CheckWindow(3, 8), check_fast_interval=5.0))
        for _ in range(5):
            watch.check.problem = CheckFailed("x")
            watch.run(10)
            watch.check.problem = None
            watch.run(10)
        self.assertEqual(list(watch.server.history), [])
        watch.check.problem = CheckFailed("x")
        watch.run(60)
        self.assertEqual(watch.server.reason, "x (6 of the last 8 checks failed)")

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
        for fault, said in FAULTS:
            watch = Watch(replace(OPTIONS, check_fall=2))
            watch.check.problem = fault
            watch.run(2)
            self.assertEqual((watch.server.state, watch.server.reason), ("down", f"{said} (2 failures in a row)"))
            watch.check.problem = None
            watch.run(10)
            self.assertEqual(watch.server.state, "up", said)

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
        for initial, moment in product(("checking", "up", "down"), (0.0, 0.125, 1.0, 3.0, 4.5, 5.75)):
            watch = Watch(replace(OPTIONS, check_fall=2, check_jitter=0.5, check_initial=initial), random=lambda: 0.5)
            watch.check.seconds = 1.0
            watch.check.problem = CheckFailed("too late")
            watch.clock.pump([0.125] * int(moment * 8))
            known = (watch.server.state, dict(watch.server.counters.checks), len(watch.check.times))
            watch.monitor.stop()
            self.assertEqual(watch.clock.getDelayedCalls(), [], moment)
            watch.monitor.stop()
            self.assertEqual((watch.server.state, watch.server.counters.checks, len(watch.check.times)), known, moment)
