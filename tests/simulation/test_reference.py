"""The reference page of scenarios is what the declarations say."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import loaded
from twisted_relay.config.reference import written
from twisted_relay.simulation.reference import reference_page
from twisted_relay.simulation.sections import SCENARIO
from twisted_relay.simulation.values import CLIENT_ACTIONS, SERVER_ACTIONS

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "reference" / "scenarios.md"
COMMAND = "python -m twisted_relay.simulation.reference > docs/reference/scenarios.md"


class ReferenceTests(SynchronousTestCase):
    """`docs/reference/scenarios.md`."""

    def test_current(self) -> None:
        """The page in the repository is the one that the declarations make, and says how."""
        self.assertIn(COMMAND, reference_page())
        if PAGE.read_text() != reference_page():
            self.fail(f"docs/reference/scenarios.md is out of date; run: {COMMAND}")

    def test_complete(self) -> None:
        """Every option and every thing that can happen stands there."""
        for options in SCENARIO.options.values():
            for option in options.values():
                self.assertIn(f"\n### {option.key}\n", reference_page())
        for word, meaning in (SERVER_ACTIONS | CLIENT_ACTIONS).items():
            self.assertIn(f"| `{word}` | {meaning} |", reference_page())

    def test_examples_are_understood(self) -> None:
        """Examples can be copied into a file: none is refused for how it is written."""
        for type, options in SCENARIO.options.items():
            header = f"[{type}]" if type in SCENARIO.singletons else f"[{type}:s1]"
            for option in options.values():
                codes = {each.code for each in loaded(self.mktemp(), f"{header}\n{written(option)}\n").diagnostics}
                self.assertEqual(codes & {"bad-value", "bad-line", "unknown-option"}, set(), option.key)
