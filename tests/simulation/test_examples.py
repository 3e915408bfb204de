"""The scenarios in etc/scenarios show what their comments say."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import only_backend, run
from twisted_relay.config import load
from twisted_relay.simulation.scenario import load_scenario
from twisted_relay.simulation.world import Outcome

FOLDER = Path(__file__).resolve().parent.parent.parent / "etc" / "scenarios"
EXAMPLES = ("one-crash", "slow-server", "rolling-restart", "retry-storm", "flash-crowd")


def run_example(name: str) -> Outcome:
    """What comes of an example with the configuration beside it."""
    loaded = load(str(FOLDER / "relay.ini"), {})
    fitted = load_scenario(str(FOLDER / f"{name}.ini"), {}, only_backend(loaded.config))
    assert fitted.scenario is not None, fitted.diagnostics
    return run(fitted.scenario)


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
        """Nobody gets an error, and the slow server is in everybody's p99."""
        outcome = run_example("slow-server")
        self.assertEqual(outcome.total.failed, 0)
        self.assertGreater(outcome.total.times.at(0.99), 0.4)

    def test_rolling_restart(self) -> None:
        """Five restarts and no error."""
        outcome = run_example("rolling-restart")
        self.assertEqual((outcome.total.failed, outcome.total.aborted), (0, 0))
        self.assertEqual({each.server for each in outcome.state_changes}, {"s1", "s2", "s3", "s4", "s5"})
        self.assertLess(outcome.total.amplification, 1.001)

    def test_retry_storm(self) -> None:
        """Errors reach the clients while they last, and do not multiply the load."""
        outcome = run_example("retry-storm")
        self.assertGreater(outcome.total.failed, 0)
        worst = max(each.amplification for each in outcome.series)
        self.assertLess(worst, 1.25)

    def test_flash_crowd(self) -> None:
        """A thousand servers share a crowd evenly and without an error."""
        outcome = run_example("flash-crowd")
        self.assertEqual(outcome.total.failed, 0)
        loads = outcome.total.load
        self.assertEqual(len(loads), 1000)
        self.assertLess(max(loads.values()) - min(loads.values()), 10)
