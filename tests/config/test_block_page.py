"""config.block_page: a page of the operator's, and whom people may ask."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.block_page import CONTACT, LARGEST_PAGE, PLACEHOLDERS, read_block_page
from twisted_relay.config.words import BadValue


class PageTests(SynchronousTestCase):
    """Files."""

    def file(self, content: bytes) -> str:
        """The path of a file with this content."""
        path = Path(self.mktemp())
        path.write_bytes(content)
        return str(path)

    def test_good(self) -> None:
        """Every placeholder may stand in it, and braces of other kinds, as style sheets have them."""
        text = "<style>p { color: red } a{margin:0}</style>\n" + " ".join(f"{{{each}}}" for each in PLACEHOLDERS)
        self.assertEqual(read_block_page(self.file(text.encode())), text)
        self.assertEqual(read_block_page(self.file("\ufeff<p>\u00e9 {id}".encode())), "<p>\u00e9 {id}")

    def test_wrong(self) -> None:
        """What does not exist is named with its line; a page is text of bounded size."""
        for content, words in (
            (b"<p>\n{hots}", ("line 2 of ", "{hots} is not known")),
            (b"\xff\xfe", ("is not UTF-8 text",)),
            (b"x" * (LARGEST_PAGE + 1), ("larger than 1 MiB",)),
        ):
            with self.assertRaises(BadValue) as raised:
                read_block_page(self.file(content))
            for word in words:
                self.assertIn(word, str(raised.exception))
        with self.assertRaises(BadValue):
            read_block_page(self.mktemp())

    def test_hints(self) -> None:
        """A misspelled placeholder gets a question."""
        with self.assertRaises(BadValue) as raised:
            read_block_page(self.file(b"{hots} {url}"))
        helps = [fault.help for fault in raised.exception.faults]
        self.assertEqual(helps[0], 'did you mean "host"?')
        self.assertIn("there are: title, reason, host", helps[1])


class ContactTests(SynchronousTestCase):
    """Whom people may ask."""

    def test_one_line(self) -> None:
        """Any line of text is taken, and nothing that is longer or cannot be printed."""
        for text in ("help@example.org", "https://help.example.org/?a=b", "the desk in room 7, B\u00fcro"):
            self.assertEqual(parse(CONTACT, text), text)
        for text in ("x" * 201, "two\nlines", "a\x07b"):
            self.assertEqual(len(faults_of(CONTACT, text)), 1, text)
