"""The state machine of the circuit breaker."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.values import BreakerSpec
from twisted_relay.upstream.circuit import NEXT, Circuit, Event, State, Window

HALF = BreakerSpec(share=0.5, window=10.0, requests=4)


def a_circuit(spec: BreakerSpec = HALF) -> Circuit:
    """Open for 10 s, then half-open for 20 s."""
    return Circuit(spec, 10.0, 20.0)


def ends(circuit: Circuit, now: float, outcomes: str) -> None:
    """Requests that were let in just now end: `.` well, `x` not."""
    for outcome in outcomes:
        circuit.ended(now, failed=outcome == "x", era=circuit.era)


def let_in(circuit: Circuit, now: float, requests: int) -> int:
    """How many of so many requests are let in."""
    return sum(circuit.admits(now) for _ in range(requests))


class WindowTests(SynchronousTestCase):
    """What happened lately."""

    def test_slides(self) -> None:
        """What is older than the window is forgotten, a tenth of it at a time."""
        window = Window(10.0)
        for now, requests, failures, expected in (
            (0.0, 1, 1, (1, 1)),
            (0.5, 2, 0, (3, 1)),
            (1.0, 1, 1, (4, 2)),
            (9.9, 1, 0, (5, 2)),
            (10.0, 0, 0, (2, 1)),
            (11.0, 0, 0, (1, 0)),
            (500.0, 1, 1, (1, 1)),
        ):
            window.ended(now, requests, failures)
            self.assertEqual((window.requests, window.failures), expected, now)
        window.clear()
        window.ended(500.0, 0, 0)
        self.assertEqual((window.requests, window.failures), (0, 0))

    @given(st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=60), st.sampled_from((0.1, 1.0, 10.0)))
    def test_counts_add_up(self, events: list[tuple[float, bool]], seconds: float) -> None:
        """Never more than all of the window's time, never less than nine tenths of it, at every moment."""
        window, now, ended = Window(seconds), 1000.0, list[tuple[float, bool]]()
        for pause, failed in events:
            now += pause
            ended.append((now, failed))
            window.ended(now, 1, int(failed))
            young = [one for one in ended if one[0] > now - 0.8999 * seconds]
            recent = [one for one in ended if one[0] >= now - 1.0001 * seconds]
            self.assertTrue(len(young) <= window.requests <= len(recent))
            self.assertTrue(sum(bad for _, bad in young) <= window.failures <= sum(bad for _, bad in recent))


class StateTests(SynchronousTestCase):
    """Closed, open, half-open."""

    def test_table(self) -> None:
        """Closed opens when it trips; open waits; half-open opens when it trips and closes when it has waited."""
        self.assertEqual(
            {(state.value, event.value): after.value for (state, event), after in NEXT.items()},
            {
                ("closed", "tripped"): "open",
                ("open", "waited"): "half-open",
                ("half-open", "tripped"): "open",
                ("half-open", "waited"): "closed",
            },
        )
        self.assertEqual({event for _, event in NEXT}, set(Event))

    def test_what_trips(self) -> None:
        """The share of failures among enough requests; a good one may complete the number."""
        for outcomes, state in (
            ("xxx", State.CLOSED),
            ("xxxx", State.OPEN),
            ("..xx", State.OPEN),
            ("xxx.", State.OPEN),
            ("...xx", State.CLOSED),
            ("...xxx", State.OPEN),
            ("." * 100 + "x" * 99, State.CLOSED),
        ):
            circuit = a_circuit()
            ends(circuit, 100.0, outcomes)
            self.assertEqual(circuit.state, state, outcomes)

    def test_reason(self) -> None:
        """It says how many failed."""
        circuit = a_circuit()
        ends(circuit, 100.0, "..x..xxx")
        self.assertEqual(circuit.reason, "4 of 8 requests within 10 s have failed")

    def test_old_failures(self) -> None:
        """Failures that are older than the window do not count."""
        circuit = a_circuit()
        for now in range(100, 200, 4):
            ends(circuit, now, "x")
        self.assertEqual(circuit.state, State.CLOSED)

    def test_round(self) -> None:
        """Open lets nobody in until its time is over; then a part, then all."""
        circuit = a_circuit()
        ends(circuit, 100.0, "xxxx")
        self.assertEqual(let_in(circuit, 109.9, 50), 0)
        self.assertEqual((circuit.state, circuit.left(109.0)), (State.OPEN, 1.0))
        self.assertEqual(let_in(circuit, 110.0, 50), 1)
        self.assertEqual(circuit.state, State.HALF_OPEN)
        for now, part in ((110.0, 0.0), (115.0, 0.25), (120.0, 0.5), (129.0, 0.95)):
            self.assertEqual(circuit.admission(now), part)
        self.assertEqual([let_in(circuit, now, 100) for now in (115.0, 120.0, 125.0)], [25, 50, 75])
        self.assertEqual(let_in(circuit, 130.0, 100), 100)
        self.assertEqual(circuit.state, State.CLOSED)

    def test_half_open_begins_with_a_request(self) -> None:
        """A recovery is no use while nobody asks: its time begins with the first request."""
        circuit = a_circuit()
        ends(circuit, 100.0, "xxxx")
        self.assertEqual(let_in(circuit, 500.0, 10), 1)
        self.assertEqual(circuit.left(500.0), 20.0)

    def test_trips_again(self) -> None:
        """Failures of the recovery open it again for its whole time, and the next recovery begins anew."""
        circuit = a_circuit()
        ends(circuit, 100.0, "xxxx")
        let_in(circuit, 110.0, 1)
        ends(circuit, 112.0, "...")
        self.assertEqual(circuit.state, State.HALF_OPEN)
        ends(circuit, 112.0, "xxx")
        self.assertEqual((circuit.state, circuit.left(112.0)), (State.OPEN, 10.0))
        self.assertEqual([let_in(circuit, now, 9) for now in (121.9, 122.0)], [0, 1])

    def test_what_was_let_in_before(self) -> None:
        """Requests that were let in before it opened say nothing of the backend after that."""
        circuit = a_circuit()
        before = circuit.era
        ends(circuit, 100.0, "xxxx")
        for now in (105.0, 111.0):
            let_in(circuit, now, 1)
            for _ in range(9):
                circuit.ended(now, failed=True, era=before)
                circuit.failed_late(now, 99.0)
        self.assertEqual((circuit.state, circuit.window.requests), (State.HALF_OPEN, 0))

    def test_broken_later(self) -> None:
        """A response that breaks off makes a failure of what seemed a success."""
        circuit = a_circuit()
        ends(circuit, 100.0, "....")
        circuit.failed_late(101.0, 100.0)
        self.assertEqual((circuit.window.requests, circuit.window.failures, circuit.state), (4, 1, State.CLOSED))
        circuit.failed_late(101.0, 100.0)
        self.assertEqual(circuit.state, State.OPEN)

    @given(st.lists(st.floats(0, 2), max_size=200))
    def test_admission_rises(self, pauses: list[float]) -> None:
        """In a recovery the part that is let in never falls, and no more are let in than the parts add up to, but for
        the first one; nor fewer, but for the part of one."""
        circuit, now = a_circuit(), 110.0
        ends(circuit, 100.0, "xxxx")
        parts, admitted = list[float](), 0
        for pause in [0.0, *pauses]:
            now += pause
            if now - 110.0 >= 20.0:
                break
            admitted += circuit.admits(now)
            parts.append(circuit.admission(now))
            self.assertTrue(sum(parts) - 1e-6 <= admitted <= 1 + sum(parts) + 1e-6)
        self.assertTrue(all(one <= other for one, other in pairwise(parts)))

    @given(
        st.lists(
            st.tuples(st.floats(0, 4), st.sampled_from(("ask", "good", "bad", "late"))),
            max_size=150,
        )
    )
    def test_whatever_happens(self, events: list[tuple[float, str]]) -> None:
        """Nobody is let in while it is open, everybody while it is closed; no state lasts longer than it should once
        somebody asks; counts are never negative."""
        circuit, now, eras = a_circuit(), 0.0, list[int]()
        for pause, event in events:
            now += pause
            if event == "ask":
                before, left = circuit.state, circuit.left(now)
                admitted = circuit.admits(now)
                self.assertEqual(circuit.state is before, before is State.CLOSED or left > 0.0)
                self.assertTrue(admitted or circuit.state is not State.CLOSED)
                self.assertFalse(admitted and circuit.state is State.OPEN)
                self.assertGreater(circuit.left(now), 0.0)
                eras += [circuit.era] * admitted
            elif event == "late":
                circuit.failed_late(now, now)
            elif eras:
                circuit.ended(now, failed=event == "bad", era=eras.pop(0))
            self.assertTrue(circuit.window.requests >= 0 <= circuit.window.failures)
            self.assertTrue(circuit.state is not State.OPEN or not circuit.window.requests)
