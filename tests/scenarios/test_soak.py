"""The soak of benchmarks/soak.py, made short: every action of its clients, some of them several times."""

import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.origins import ATTENDED
from tests.support.child import Child

SOAK = Path(__file__).resolve().parents[2] / "benchmarks" / "soak.py"


class SoakTests(SynchronousTestCase):
    """Clients and origins, good and bad; the configuration stands in the script."""

    def test_all_adds_up(self) -> None:
        """Afterwards nothing is open, no descriptor or timer is left, and the relay has counted what clients saw."""
        child = Child(self, *ATTENDED, sys.executable, SOAK, "--actions", "150", "--pause", "0", "--seed", "4")
        status, output, errors = child.finish()
        self.assertEqual((status, errors), (0, ""), output)
        self.assertIn("PASS: ", output.splitlines()[-1])
