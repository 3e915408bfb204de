"""Tables for people."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.cli.tables import octets, table


class TablesTests(SynchronousTestCase):
    """`octets` and `table`."""

    def test_octets(self) -> None:
        """Three digits and the unit that is easiest to read."""
        for count, text in (
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1 kB"),
            (1536, "1.54 kB"),
            (999_499, "999 kB"),
            (999_500, "1 MB"),
            (5 * 10**12, "5 TB"),
            (10**21, "1e+03 EB"),
        ):
            self.assertEqual(octets(count), text)

    def test_table(self) -> None:
        """Words to the left, numbers to the right, no blanks at the end."""
        self.assertEqual(
            table(("A", "N"), [("one", "1"), ("b", "100")], "N"), ["  A      N", "  one    1", "  b    100"]
        )
