"""`relay check` of configurations with lists."""

import argparse
import contextlib
import io
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.cli import check
from twisted_relay.cli.check_lists import check_lists

LISTENER = "[relay]\nstate_dir = .\n[listener:web]\nbind = :80\nredirect = https\n"


class CheckListsTests(SynchronousTestCase):
    """What is said of the files of lists."""

    def check(self, section: str, content: str) -> str:
        """What is printed for a list with this content of its file."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "relay.ini").write_text(f"{LISTENER}[list:ads]\n{section}\n")
        (folder / "ads").write_text(content)
        parser = argparse.ArgumentParser()
        check.configure(parser)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            self.assertEqual(check.run(parser.parse_args([str(folder / "relay.ini")])), 0)
        return output.getvalue().replace(f"{folder.absolute()}/", "").replace(f"{folder}/", "")

    def test_counts(self) -> None:
        """One line says how much is in a list, and in which format."""
        output = self.check("file = ads", "||ads.example^\n||ads.example^\n@@||a.ads.example^\n##.banner\n")
        line = "relay.ini: list ads: 1 entries, 1 exceptions, 1 rules skipped, 0 bad lines (adblock)\n"
        self.assertTrue(output.endswith(line), output)

    def test_bad_lines(self) -> None:
        """The first bad lines are warnings with their places, and the last of them says how many more there are."""
        output = self.check("file = ads", "0.0.0.0 ads.example\n" + "999 x\n" * 7)
        for line in range(2, 7):
            text = f"ads:{line}:1: warning[bad-line]: this line is not in the format of the list\n"
            self.assertEqual(output.count(text), 1, output)
        self.assertNotIn("ads:7:1", output)
        self.assertIn("2 more lines of this list cannot be read", output)
        self.assertIn("7 bad lines (hosts)", output)
        self.assertIn("relay.ini: ok (1 listener, 0 routes, 0 backends), 6 warnings\n", output)

    def test_unusable(self) -> None:
        """A list that would be empty is a warning at its section."""
        output = self.check("file = ads", "<html>\n")
        text = "relay.ini:6:1: warning[bad-list]: [list:ads] would be empty: nothing is listed in ads\n"
        self.assertIn(text, output)

    def test_fetched(self) -> None:
        """What is fetched is not looked at."""
        self.assertIn("list ads: not read, it is fetched\n", self.check("url = https://lists.example/ads", ""))

    def test_no_configuration(self) -> None:
        """Where the configuration has errors no list is read."""
        self.assertEqual(check_lists(None).lines, ())
