"""Several policies in one run of the command, and faults of relay itself."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import CRASH, run, scenario
from twisted_relay.config.words import BadValue
from twisted_relay.health.monitor import Monitor
from twisted_relay.simulation.report import Report, as_data
from twisted_relay.simulation.simulate import RelayFailed, parse_policies, simulate


class PoliciesTests(SynchronousTestCase):
    """What `simulate` gives for one or more policies."""

    def test_side_by_side(self) -> None:
        """Each process gives what a run alone gives, in the order that was asked for."""
        made = scenario(self.mktemp(), CRASH)
        policies = parse_policies("least-connections, round-robin,hash header:X-User bound=150%")
        together = simulate(made, policies, 1, exact=True)
        self.assertEqual(
            [outcome.policy for outcome in together],
            ["least-connections", "round-robin", "hash header:x-user bound=150%"],
        )
        for policy, outcome in zip(policies, together, strict=True):
            alone = run(replace(made, backend=replace(made.backend, balance=policy)))
            data = [as_data(Report(made, 1, True, [each])) for each in (alone, outcome)]
            self.assertEqual(*data)

    def test_processes_of_their_own(self) -> None:
        """They inherit nothing of this one, whose threads may hold locks: what is changed here is unknown there."""
        made = scenario(self.mktemp(), CRASH)

        def fail(monitor: Monitor, *arguments: object) -> None:
            raise ZeroDivisionError("only in this process")

        self.patch(Monitor, "_ended", fail)
        policies = parse_policies("round-robin,random")
        self.assertEqual(len(simulate(made, policies, 1, exact=True)), 2)

    def test_a_fault_of_relay(self) -> None:
        """What the daemon would catch and log ends the run, with where it happened: the results would mean nothing."""
        made = scenario(self.mktemp(), CRASH)

        def fail(monitor: Monitor, *arguments: object) -> None:
            raise ZeroDivisionError("in a check")

        self.patch(Monitor, "_ended", fail)
        failed = self.assertRaises(RelayFailed, simulate, made, [made.backend.balance], 1, exact=True)
        self.assertIn("in a check", str(failed))
        self.flushLoggedErrors(ZeroDivisionError)

    def test_wrong(self) -> None:
        """What is no policy is refused, and so is nothing."""
        for text in ("round-robin,", "", "hash", "round robin"):
            self.assertRaises(BadValue, parse_policies, text)
