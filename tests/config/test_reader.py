"""Reading the text of a file: the grammar, where everything stands, and what is refused."""

import configparser
import io

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.diagnostics import Diagnostic, Report
from twisted_relay.config.reader import MOST_SYNTAX_ERRORS, RawSection, read_text

WHITE = (" ", "\t", "\n", "\n  ", "\r\n", "\r", "\x00", "\x0b", "\u2028", "\xa0", "\ufeff")
SIGNS = (
    "[a]",
    "[listener:web]",
    "[b:",
    "]",
    "[",
    "key",
    "bind = :80",
    "x=1",
    "X = 1",
    "=",
    ":",
    "#",
    ";",
    "${A}",
    "\\#",
    "ü",
)
TEXTS = st.lists(st.sampled_from(WHITE + SIGNS) | st.text(max_size=5), max_size=30).map("".join)

FIRST = ("[b]", "[c:d]", "k = v", "l=v w", "m =", "n = # c", "# c", "", "   ", "o = ;x #y", "p = a#b \\#", "q = [")
FURTHER = ("  more", "\tmore = x # y", "    [e]", "  ; c", "  #", "  r = s")
SOUND_TEXTS = st.lists(st.sampled_from(FIRST + FURTHER), max_size=15).map(lambda lines: "[a]\n" + "\n".join(lines))


def read(text: str | bytes) -> tuple[list[RawSection], tuple[Diagnostic, ...]]:
    """The sections and the diagnostics."""
    report = Report()
    sections = read_text("relay.ini", text.encode() if isinstance(text, str) else text, report)
    return sections, report.diagnostics()


def plain(sections: list[RawSection]) -> dict[str, dict[str, list[str]]]:
    """Header → key → lines of the value."""
    return {
        f"{section.type}:{section.name}" if section.name else section.type: {
            option.key.text: [line.text for line in option.lines] for option in section.options
        }
        for section in sections
    }


def codes(text: str | bytes) -> list[str]:
    """What is wrong, as `line:column code`."""
    return [f"{each.line}:{each.column} {each.code}" for each in read(text)[1]]


class GrammarTests(SynchronousTestCase):
    """What is understood."""

    def test_sections_and_options(self) -> None:
        """Headers, keys, values, with and without spaces."""
        sections, diagnostics = read("[relay]\ngrace=1s\n\n[listener:web-1.a_b]\nbind   =  :80\n")
        self.assertEqual(plain(sections), {"relay": {"grace": ["1s"]}, "listener:web-1.a_b": {"bind": [":80"]}})
        self.assertEqual(diagnostics, ())

    def test_comments(self) -> None:
        """Whole lines, also indented ones; after a space; never within a word."""
        text = "# a\n; b\n[relay] # c\n  # d\na = 1 # e\nb = 1#2 ; 3\nc = \\#x # f\nd = ~^/#\n"
        self.assertEqual(plain(read(text)[0]), {"relay": {"a": ["1"], "b": ["1#2 ; 3"], "c": ["\\#x"], "d": ["~^/#"]}})
        self.assertEqual(codes(text), [])

    def test_continuation(self) -> None:
        """Indented lines go on; comments between them do not count, blank lines do but not at the ends."""
        text = "[a]\nk =\n\n    one\n  # no\n\n\tTwo = 2 # c\n\nl = first\n  second\n"
        self.assertEqual(plain(read(text)[0]), {"a": {"k": ["one", "", "Two = 2"], "l": ["first", "second"]}})

    def test_places(self) -> None:
        """Line and column of headers, keys and every line of a value."""
        sections, _ = read("\n[a:b]\nkey  =  one two\n\t three\n")
        (section,) = sections
        (option,) = section.options
        self.assertEqual((section.span.line, section.span.column, section.span.width), (2, 1, 5))
        self.assertEqual((option.key.span.line, option.key.span.column, option.key.span.width), (3, 1, 3))
        words = [word for line in option.lines for word in line.words()]
        self.assertEqual([(each.span.line, each.span.column) for each in words], [(3, 9), (3, 13), (4, 3)])

    def test_line_ends_of_windows(self) -> None:
        """CR LF is a line end too."""
        self.assertEqual(plain(read("[a]\r\nb = c\r\n  d\r\n")[0]), {"a": {"b": ["c", "d"]}})
        self.assertEqual(codes("[a]\r\nb = c\r\n"), [])

    def test_configparser_reads_the_same(self) -> None:
        """Other INI readers read what is accepted, and read the same."""
        self.assert_configparser_agrees("[a]\nk = 1 # c\n\n  2\n# c\n  3\n[b:c]\nl=\n ;c\n  x = y\n\n\nm = ~^/$ %s #\n")

    @given(SOUND_TEXTS | TEXTS)
    def test_configparser_reads_the_same_always(self, text: str) -> None:
        """Whatever is accepted, comes out the same; sections and options that stand twice are found later."""
        sections, diagnostics = read(text)
        names = [(section.type, section.name) for section in sections]
        twice = len(set(names)) < len(names) or any(
            len({option.key.text for option in section.options}) < len(section.options) for section in sections
        )
        if not twice and not any(each.severity == "error" for each in diagnostics):
            self.assert_configparser_agrees(text)

    def assert_configparser_agrees(self, text: str) -> None:
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, inline_comment_prefixes=("#",))
        parser.read_file(io.StringIO(text, newline=None))
        theirs = {header: {key: value.split() for key, value in parser.items(header)} for header in parser.sections()}
        ours = {
            header: {key: " ".join(lines).split() for key, lines in options.items()}
            for header, options in plain(read(text)[0]).items()
        }
        self.assertEqual(ours, theirs)


class RefusalTests(SynchronousTestCase):
    """What is refused, and where it is said."""

    def test_each_has_its_code_and_place(self) -> None:
        """A table of mistakes."""
        for text, wrong in (
            ("a = 1\n", ["1:1 no-section"]),
            ("[a]\nb\n", ["2:1 bad-line"]),
            ("[a]\nbind: :80\n", ["2:1 bad-line"]),
            ("[a]\nMax-Header = 1\n", ["2:1 bad-key"]),
            ("[a]\n= 1\n", ["2:1 bad-key"]),
            ("[a]\nproxy pass = 1\n", ["2:1 bad-key"]),
            ("[A]\n", ["1:1 bad-section"]),
            ("[a:b\n", ["1:1 bad-section"]),
            ("[a:b c]\n", ["1:1 bad-section"]),
            ("[a] b\n", ["1:1 bad-section"]),
            ("[a]\n\n  b = 1\n  c = 1\n", ["3:3 unexpected-indent", "4:3 unexpected-indent"]),
            ("  [a]\n", ["1:3 unexpected-indent"]),
            ("[a]\nb = 1\n  c = 2\n", ["3:3 looks-like-option"]),
            ("[a]\nb = 1\n  [c:d]\n", ["3:3 looks-like-section"]),
            (b"[a]\nb = \xff\nc = \xc3\xa4\xe4\n", ["2:5 bad-encoding", "3:6 bad-encoding"]),
            (b"\xef\xbb\xbf[a]\n", ["1:1 bad-encoding"]),
            ("[a]\nb = \x00 \x01\n# \x1b[1m\n", ["2:5 bad-character", "3:3 bad-character"]),
            ("[a]\nb = 1\rc = 2\n", ["2:6 bad-character"]),
            ("[a]\nb = x\xa0y # \xa0\n", ["2:6 bad-character"]),
            ("[a]\nb = x\u2028y\n", ["2:6 bad-character"]),
        ):
            self.assertEqual(codes(text), wrong, text)

    def test_help_for_other_notations(self) -> None:
        """A colon, a dash, capital letters: the help says how it is written here."""
        for text, help in (
            ("[a]\nbind: :80\n", "write bind = :80"),
            ("[a]\nlisten 80;\n", "write listen = …"),
            (
                "[a]\nMax-Header = 1\n",
                'did you mean "max_header"? names of options have small letters, digits and underscores',
            ),
        ):
            self.assertEqual(read(text)[1][0].help, help)

    def test_options_after_a_bad_header(self) -> None:
        """They are read for their own mistakes, and belong to no known section."""
        sections, _ = read("[a]\nb = 1\n[c:\nd = 1\n")
        self.assertEqual([(section.type, len(section.options)) for section in sections], [("a", 1), ("", 1)])

    def test_no_configuration_at_all(self) -> None:
        """After a hundred mistakes the rest is not read."""
        found = codes(b"\x00\xff\n" * 10_000)
        self.assertEqual(len(found), MOST_SYNTAX_ERRORS + 1)
        self.assertEqual(found[-1], f"{MOST_SYNTAX_ERRORS + 1}:1 too-many-errors")

    @given(st.binary(max_size=200) | TEXTS.map(str.encode))
    def test_no_input_raises(self, data: bytes) -> None:
        """Any bytes give sections or diagnostics, within the lines of the file."""
        sections, diagnostics = read(data)
        lines = data.count(b"\n") + 1
        places = [(each.span.line, each.span.column) for each in sections]
        places += [(each.line, each.column) for each in diagnostics]
        for line, column in places:
            self.assertTrue(1 <= line <= lines and column >= 1, (line, column))
