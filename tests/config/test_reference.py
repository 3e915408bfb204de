"""The reference page is what the declarations say."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import load_files
from twisted_relay.config.build import OPTIONS
from twisted_relay.config.reference import reference_page, written
from twisted_relay.config.tree import SINGLETONS

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "reference" / "configuration.md"
COMMAND = "python -m twisted_relay.config.reference > docs/reference/configuration.md"


class ReferenceTests(SynchronousTestCase):
    """`docs/reference/configuration.md`."""

    def test_current(self) -> None:
        """The page in the repository is the one that the declarations make."""
        if PAGE.read_text() != reference_page():
            self.fail(f"docs/reference/configuration.md is out of date; run: {COMMAND}")

    def test_names_its_command(self) -> None:
        """Who opens the page learns how it is made."""
        self.assertIn(COMMAND, reference_page())

    def test_every_option(self) -> None:
        """Each has its heading under its section's, with type, default, text and example."""
        for type, options in OPTIONS.items():
            end = "]" if type in SINGLETONS else ":"
            section = reference_page().split(f"\n## [{type}{end}")[1].split("\n## ")[0]
            for option in options.values():
                text = section.split(f"\n### {option.key}\n")[1].split("\n### ")[0]
                for part in (option.parser.kind, option.default or "", option.doc, written(option)):
                    self.assertIn(part, text)

    def test_examples_are_understood(self) -> None:
        """Examples can be copied into a file: none is refused for how it is written."""
        for type, options in OPTIONS.items():
            header = f"[{type}]" if type in ("relay", "admin", "metrics") else f"[{type}:x]"
            for option in options.values():
                loaded = load_files(self.mktemp(), {"relay.ini": f"{header}\n{written(option)}\n"})
                codes = {each.code for each in loaded.diagnostics}
                self.assertEqual(
                    codes & {"bad-value", "bad-line", "unknown-option", "unset-variable"}, set(), option.key
                )
