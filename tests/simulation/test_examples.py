"""The scenarios in etc/scenarios show what their comments say."""

from dataclasses import replace
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import only_backend, run
from twisted_relay.config import load
from twisted_relay.config.values import BudgetSpec
from twisted_relay.simulation.scenario import load_scenario
from twisted_relay.simulation.simulate import parse_policies
from twisted_relay.simulation.world import Outcome

FOLDER = Path(__file__).resolve().parent.parent.parent / "etc" / "scenarios"
USUAL_BUDGET = BudgetSpec(0.2, 10.0)
COMPARED = ("round-robin", "least-connections", "least-time")
EXAMPLES = ("one-crash", "slow-server", "rolling-restart", "retry-storm", "flash-crowd")


def run_example(name: str, *, balance: str = "round-robin", budget: BudgetSpec | None = USUAL_BUDGET) -> Outcome:
    """What comes of an example with the configuration beside it, under this policy and with this retry budget."""
    loaded = load(str(FOLDER / "relay.ini"), {})
    options = replace(only_backend(loaded.config), retry_budget=budget)
    fitted = load_scenario(str(FOLDER / f"{name}.ini"), {}, options)
    assert fitted.scenario is not None, fitted.diagnostics
    (policy,) = parse_policies(balance)
    return run(replace(fitted.scenario, backend=replace(fitted.scenario.backend, balance=policy)))


class ExamplesTests(SynchronousTestCase):
    """Each of the five, as it is shipped."""

    def test_all_are_shown(self) -> None:
        """Every file there is one of those that are tested here, begins with its comment, and has no fault."""
        self.assertEqual({path.stem for path in FOLDER.glob("*.ini")}, {*EXAMPLES, "relay"})
        loaded = load(str(FOLDER / "relay.ini"), {})
        self.assertEqual(loaded.diagnostics, ())
        for name in EXAMPLES:
            path = FOLDER / f"{name}.ini"
            self.assertEqual(load_scenario(str(path), {}, only_backend(loaded.config)).diagnostics, (), name)
            comment = path.read_text().partition("\n\n")[0]
            self.assertIn(f"relay simulate etc/scenarios/{name}.ini --config etc/scenarios/relay.ini", comment)
            self.assertIn("What to see:", comment)

    def test_one_crash(self) -> None:
        """No client gets an error, hardly anything is tried twice, and the check finds the server."""
        outcome = run_example("one-crash")
        self.assertEqual((outcome.total.failed, outcome.total.aborted), (0, 0))
        self.assertGreater(outcome.total.tries, outcome.total.requests)
        self.assertLess(outcome.total.amplification, 1.001)
        self.assertIn(("s2", "down"), [(each.server, each.state) for each in outcome.state_changes])

    def test_slow_server(self) -> None:
        """Nobody gets an error. Taking turns gives everybody the slow server's p99; looking at the load or at the time
        does not, and gives that server less."""
        turns, load, time = (run_example("slow-server", balance=each) for each in COMPARED)
        for outcome in (turns, load, time):
            self.assertEqual(outcome.total.failed, 0)
        self.assertGreater(turns.total.times.at(0.99), 0.5)
        self.assertLess(load.total.times.at(0.99), 0.4)
        self.assertLess(time.total.times.at(0.99), 0.2)
        self.assertLess(load.total.load["s3"], 0.8 * turns.total.load["s3"])
        self.assertLess(time.total.load["s3"], 0.8 * turns.total.load["s3"])

    def test_rolling_restart(self) -> None:
        """Five restarts and no error."""
        outcome = run_example("rolling-restart")
        self.assertEqual((outcome.total.failed, outcome.total.aborted), (0, 0))
        self.assertEqual({each.server for each in outcome.state_changes}, {"s1", "s2", "s3", "s4", "s5"})
        self.assertLess(outcome.total.amplification, 1.001)

    def test_retry_storm(self) -> None:
        """While half of all answers are errors, the budget keeps tries per request to its share; without, they soar."""
        for budget, least, most in ((USUAL_BUDGET, 1.2, 1.26), (None, 1.6, 1.9)):
            outcome = run_example("retry-storm", budget=budget)
            first, last = (round(time / outcome.bucket) for time in (180, 300))
            storm = outcome.series[first:last]
            tries, requests = (sum(getattr(each, name) for each in storm) for name in ("tries", "requests"))
            self.assertTrue(least < tries / requests < most, (budget, tries / requests))
            self.assertEqual(sum(each.failed for each in outcome.series[last + 1 :]), 0)

    def test_flash_crowd(self) -> None:
        """A thousand servers share a crowd evenly and without an error."""
        outcome = run_example("flash-crowd")
        self.assertEqual(outcome.total.failed, 0)
        loads = outcome.total.load
        self.assertEqual(len(loads), 1000)
        self.assertLess(max(loads.values()) - min(loads.values()), 10)
