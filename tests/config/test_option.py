"""The declarations of options, and that of every option there is."""

from dataclasses import dataclass

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, value_of
from twisted_relay.config.build import OPTIONS
from twisted_relay.config.health import CHECK
from twisted_relay.config.option import option, options_of, required
from twisted_relay.config.scalars import TIME, count
from twisted_relay.config.tree import SECTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of a test."""

    name: str = ""
    needed: int = required(count(), 0, "How many.", "3")
    wait: float = option(TIME, 2.0, "How long.", "5s")


class OptionTests(SynchronousTestCase):
    """What a declaration gives."""

    def test_declared(self) -> None:
        """The key, what it is for, and the default as it would be written."""
        options = options_of(Section)
        self.assertEqual(list(options), ["needed", "wait"])
        self.assertEqual(
            (options["wait"].key, options["wait"].default, options["wait"].required), ("wait", "2s", False)
        )
        self.assertEqual((options["needed"].default, options["needed"].required), ("", True))

    def test_still_a_dataclass(self) -> None:
        """Without a file, an object has the defaults."""
        self.assertEqual(Section(name="a"), Section(name="a", needed=0, wait=2.0))

    def test_one_line_only(self) -> None:
        """A value of one line points at the second."""
        (fault,) = faults_of(CHECK, "GET /\nGET /b")
        assert fault.span
        self.assertEqual((fault.message, fault.span.line), ('takes one line; "GET /b" is too much', 2))


class EveryOptionTests(SynchronousTestCase):
    """What holds for every option of every section."""

    def test_examples_can_be_written(self) -> None:
        """The example of the reference page is understood."""
        for type, options in OPTIONS.items():
            for each in options.values():
                example = each.example.replace("${ENVIRONMENT:-test}", "test")
                try:
                    each.parser.read(value_of(example))
                except ValueError as error:
                    self.fail(f"[{type}] {each.key} = {example}: {error}")

    def test_defaults_can_be_written(self) -> None:
        """The default of the reference page is what one gets without the option."""
        for type, options in OPTIONS.items():
            for each in options.values():
                if each.default:
                    default = getattr(SECTIONS[type](), each.key)
                    self.assertEqual(each.parser.read(value_of(each.default)), default, f"[{type}] {each.key}")

    def test_documented(self) -> None:
        """Each says in a sentence what it is for."""
        for type, options in OPTIONS.items():
            for each in options.values():
                self.assertRegex(each.doc, r"(?s)\A[A-Z].{20,}\.\Z", f"[{type}] {each.key}")

    def test_every_field_is_an_option(self) -> None:
        """Beside name and place, a section has options only; a parent also has what it has not of a backend."""
        for type, section in SECTIONS.items():
            fields = [field.removesuffix("_") for field in section.__dataclass_fields__]
            if type == "parent":
                fields = [field for field in fields if field in OPTIONS[type] or field not in OPTIONS["backend"]]
            self.assertEqual(["name", "where", *OPTIONS[type]], fields, type)
