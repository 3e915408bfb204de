"""Variables in values."""

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.environment import expand
from twisted_relay.config.reader import RawOption
from twisted_relay.config.words import BadValue, Fault, Span, Text, Value, Word


def expanded(text: str, environment: Mapping[str, str] | None = None) -> Value:
    """The value of an option that stands so in line 1, from column 7 on."""
    key = Word("key", Span("relay.ini", 1, 1, 3))
    return expand(RawOption(key, [Text.plain(text, Span("relay.ini", 1, 7))]), environment or {})


def faults(text: str, environment: Mapping[str, str] | None = None) -> list[Fault]:
    """What is said against it."""
    try:
        expanded(text, environment)
    except BadValue as bad:
        return list(bad.faults)
    return []


class ExpansionTests(SynchronousTestCase):
    """What is replaced and what is not."""

    def test_replaced(self) -> None:
        """Variables, defaults for unset and empty ones, dollar and number signs."""
        for text, result in (
            ("a${X}b", "a1b"),
            ("${X}${X}", "11"),
            ("${NOT:-d}", "d"),
            ("${EMPTY:-d}", "d"),
            ("${X:-d}", "1"),
            ("${NOT:-}x", "x"),
            ("a ${NOT:-}", "a"),
            ("$${X}", "${X}"),
            ("$$$$", "$$"),
            ("\\#fff", "#fff"),
            ("${DOLLAR}", "${X}"),
        ):
            self.assertEqual(expanded(text, {"X": "1", "EMPTY": "", "DOLLAR": "${X}"}).text, result, text)

    def test_left_alone(self) -> None:
        """A dollar sign of an expression stays."""
        for text in ("~^/a$", "~^(/a$|/b$)", "$X", "$", "a$ b", "$1"):
            self.assertEqual(expanded(text).text, text)

    def test_refused(self) -> None:
        """Unset variables, names that are none, unprintable values; every one in the line."""
        self.assertEqual(
            [(each.code, each.span and each.span.column) for each in faults("${A} x ${B-c} ${} ${C")],
            [("unset-variable", 7), ("bad-variable", 14), ("bad-variable", 21), ("bad-variable", 25)],
        )
        for value in ("a\nb", "\x00", "\x1b[1m", "\udcff"):
            self.assertEqual([each.code for each in faults("${A}", {"A": value})], ["bad-variable"])

    def test_help(self) -> None:
        """A similar variable is named, else how to give a default."""
        self.assertEqual(faults("${PROT}", {"PORT": "1"})[0].help, 'did you mean "PORT"?')
        self.assertEqual(faults("${PORT}")[0].help, "set it, or write ${PORT:-default}")

    def test_several_words(self) -> None:
        """A variable may hold several words; each is said to stand where the variable stands."""
        words = expanded("a ${X} b", {"X": "c d"}).words()
        self.assertEqual([word.text for word in words], ["a", "c", "d", "b"])
        self.assertEqual([word.span.column for word in words], [7, 9, 9, 14])
        self.assertEqual(words[2].span.width, 4)

    def test_too_much(self) -> None:
        """A line cannot grow without end."""
        self.assertEqual(len(faults("${A}" * 100, {"A": "x" * 100_000})), 1)
