"""Text with its place."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import value_of
from twisted_relay.config.words import BadValue, Fault, Span, Text, not_valid, parse_words, quoted


class WordsTests(SynchronousTestCase):
    """Where words stand, and what is said against them."""

    def test_words_know_their_place(self) -> None:
        """Only space and tab separate words; each has its line, column and width."""
        words = value_of("a  bc\td\ne").words()
        self.assertEqual([word.text for word in words], ["a", "bc", "d", "e"])
        self.assertEqual(
            [(word.span.line, word.span.column, word.span.width) for word in words[1:]],
            [(1, 10, 2), (1, 13, 1), (2, 7, 1)],
        )

    def test_faults_of_all_words(self) -> None:
        """Each refused word is a fault at its place; a fault with a place keeps it."""
        elsewhere = Span("other.ini", 9, 9)

        def refuse(text: str) -> str:
            if text == "c":
                raise BadValue(Fault("there", span=elsewhere))
            raise not_valid(text, "write something else")

        with self.assertRaises(BadValue) as caught:
            parse_words(value_of("a\nb c").words(), refuse)
        faults = caught.exception.faults
        self.assertEqual(
            [fault.span and (fault.span.line, fault.span.column) for fault in faults], [(1, 7), (2, 7), (9, 9)]
        )
        self.assertEqual(str(caught.exception), '"a" is not valid; "b" is not valid; there')

    def test_quoted(self) -> None:
        """Long texts are cut, what cannot be printed is escaped."""
        self.assertEqual(quoted("a\nb"), '"a\\x0ab"')
        self.assertEqual(len(quoted("x" * 1000)), 62)

    def test_what_looks_like_an_option(self) -> None:
        """A key, a space and an equals sign; parameters and fields do not look so."""
        for text, looks in (
            ("a = b", True),
            ("a_1 =", True),
            ("a=b", False),
            ("X-A = b", False),
            ("s1 http://a?b = c", False),
        ):
            self.assertIs(Text.plain(text, Span("", 1, 1)).looks_like_option, looks, text)

    def test_what_looks_like_a_section(self) -> None:
        """IPv6 addresses with a port do not look so."""
        for text, looks in (
            ("[relay]", True),
            ("[backend:a]", True),
            ("[::1]:80", False),
            ("[::1]", False),
            ("a [relay]", False),
        ):
            self.assertIs(Text.plain(text, Span("", 1, 1)).looks_like_section, looks, text)
