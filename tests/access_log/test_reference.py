"""The reference page of access logs is what the table says."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.access_log.fields import FIELDS
from twisted_relay.access_log.reference import reference_page

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "reference" / "access-log.md"
COMMAND = "python -m twisted_relay.access_log.reference > docs/reference/access-log.md"


class ReferenceTests(SynchronousTestCase):
    """`docs/reference/access-log.md`."""

    def test_current(self) -> None:
        """The page in the repository is the one that the table makes, and says how."""
        if PAGE.read_text() != reference_page():
            self.fail(f"docs/reference/access-log.md is out of date; run: {COMMAND}")
        self.assertIn(COMMAND, reference_page())

    def test_every_field(self) -> None:
        """Each has a row."""
        for field in FIELDS:
            self.assertIn(f"| `{field.name}` | {field.kind} | {field.help} |\n", reference_page())
