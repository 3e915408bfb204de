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
        self.soak("--actions", "150")

    def test_through_parents(self) -> None:
        """The same when everything goes out through an HTTP proxy and a SOCKS5 proxy."""
        self.soak("--actions", "120", "--parents")

    def soak(self, *options: str) -> None:
        """Let it run."""
        child = Child(self, *ATTENDED, sys.executable, SOAK, "--pause", "0", "--seed", "4", *options)
        status, output, errors = child.finish()
        self.assertEqual((status, errors), (0, ""), output)
        self.assertIn("PASS: ", output.splitlines()[-1])
