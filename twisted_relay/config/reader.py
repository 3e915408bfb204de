"""Reads the text of one file into sections and options, with line and column of everything.

The grammar is a strict subset of what `configparser` reads with `delimiters=("=",)`, `interpolation=None` and
`inline_comment_prefixes=("#",)`. Knows no option and no type of section; never raises, whatever the bytes are.
"""

import re
from dataclasses import dataclass, field

from twisted_relay.config.diagnostics import Report
from twisted_relay.config.words import Span, Text, Word, quoted

MOST_SYNTAX_ERRORS = 100
"""After so many, the rest of a file is not read: it is not a configuration file."""

_KEY = re.compile(r"[a-z][a-z0-9_]*")
_SECTION = re.compile(r"\[(?P<type>[a-z]+)(?::(?P<name>[A-Za-z0-9_.-]+))?\]")
_ODD = re.compile(r"[^\t\x20-\x7e\xa1-\U0010ffff]|[\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
"""Control characters, and white space other than space and tab."""
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_COMMENT = re.compile(r"[ \t]#")


@dataclass(slots=True)
class RawOption:
    """An option as it is written, before variables are replaced."""

    key: Word
    lines: list[Text] = field(default_factory=list)
    indent: int = 0
    broken: bool = False
    """An error has been reported for it; its value is not to be looked at."""


@dataclass(slots=True)
class RawSection:
    """A section as it is written. Its type is empty when the header was not understood."""

    type: str
    name: str
    span: Span
    options: list[RawOption] = field(default_factory=list)


def read_text(file: str, data: bytes, report: Report) -> list[RawSection]:
    """The sections of a file; what is wrong goes to the report."""
    raw_lines = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    report.add_source(file, [line.decode(errors="replace") for line in raw_lines])
    reading = _Reading(file, report)
    for number, raw in enumerate(raw_lines, 1):
        if reading.errors >= MOST_SYNTAX_ERRORS:
            report.error(Span(file, number, 1), "too-many-errors", "too many errors; the rest of the file was not read")
            break
        reading.read(number, raw)
    for section in reading.sections:
        for option in section.options:
            _drop_empty_ends(option.lines)
    return reading.sections


def _drop_empty_ends(lines: list[Text]) -> None:
    while lines and not lines[-1].text:
        lines.pop()
    while lines and not lines[0].text:
        lines.pop(0)


class _Reading:
    """What is known after each line: the section and the option that the next one belongs to."""

    def __init__(self, file: str, report: Report) -> None:
        self.sections: list[RawSection] = []
        self.errors = 0
        self._file = file
        self._report = report
        self._option: RawOption | None = None

    def read(self, number: int, raw: bytes) -> None:
        line, sound = self._decoded(number, raw)
        stripped = line.strip(" \t")
        if stripped.startswith(("#", ";")):
            return
        if not stripped:
            self._read_blank(number)
            return
        comment = _COMMENT.search(line)
        content = (line[: comment.start()] if comment else line).rstrip(" \t")
        indent = len(content) - len(content.lstrip(" \t"))
        text = Text.plain(content[indent:], Span(self._file, number, indent + 1))
        if not self._spaces_are_plain(text):
            sound = False
        option = self._option
        if option and indent > option.indent:
            self._continue(option, text, sound)
        elif text.text.startswith("["):
            self._open(text, indent, sound)
        else:
            self._start(text, indent, sound)

    def _error(self, span: Span, code: str, message: str, help: str = "") -> None:
        self.errors += 1
        self._report.error(span, code, message, help)

    def _decoded(self, number: int, raw: bytes) -> tuple[str, bool]:
        """The line as text, and whether it is sound. At most one error."""
        try:
            line = raw.decode()
        except UnicodeDecodeError as error:
            column = len(raw[: error.start].decode(errors="replace")) + 1
            span = Span(self._file, number, column)
            message = f"byte 0x{raw[error.start]:02x} is not valid UTF-8"
            self._error(span, "bad-encoding", message, "save the file as UTF-8")
            return raw.decode(errors="replace"), False
        if number == 1 and line.startswith("\ufeff"):
            self._error(
                Span(self._file, 1, 1), "bad-encoding", "the file begins with a byte order mark", "save it without"
            )
            return line[1:], False
        if control := _CONTROL.search(line):
            span = Span(self._file, number, control.start() + 1)
            message = f"control character U+{ord(control[0]):04X} in the file"
            self._error(span, "bad-character", message, "a configuration file is plain text")
            return line, False
        return line, True

    def _spaces_are_plain(self, text: Text) -> bool:
        odd = _ODD.search(text.text)
        if not odd or _CONTROL.match(odd[0]):
            return True
        message = f"white space U+{ord(odd[0]):04X} is neither space nor tab"
        self._error(text.part(*odd.span()).span, "bad-character", message, "write an ordinary space")
        return False

    def _read_blank(self, number: int) -> None:
        """A blank line within a value belongs to it, as in `configparser`."""
        if self._option and self._option.lines:
            self._option.lines.append(Text.plain("", Span(self._file, number, 1)))

    def _continue(self, option: RawOption, text: Text, sound: bool) -> None:
        option.broken |= not sound
        option.lines.append(text)
        if text.looks_like_option or text.looks_like_section:
            kind, noun = ("option", "an option") if text.looks_like_option else ("section", "a section")
            message = f"this line continues {quoted(option.key.text)}"
            help = f"start it in the first column to make it {noun} of its own"
            self._report.warning(text.words()[0].span, f"looks-like-{kind}", message, help)

    def _open(self, text: Text, indent: int, sound: bool) -> None:
        self._option = None
        if indent:
            self._indented(text)
        match = _SECTION.fullmatch(text.text)
        if match:
            self.sections.append(RawSection(match["type"], match["name"] or "", text.span))
            return
        self.sections.append(RawSection("", "", text.span))
        if sound:
            message = f"{quoted(text.text)} is not a section header"
            help = "write [type] or [type:name]; a name has letters, digits, dots, dashes and underscores"
            self._error(text.span, "bad-section", message, help)

    def _start(self, text: Text, indent: int, sound: bool) -> None:
        key, equals, value = text.text.partition("=")
        word = text.part(0, len(key.rstrip(" \t")))
        option = RawOption(word, indent=indent, broken=not sound)
        self._option = option
        if sound and not equals:
            option.broken = True
            self._error(
                text.span, "bad-line", f"{quoted(text.text)} is neither an option nor a section", _line_help(text)
            )
        elif sound and not _KEY.fullmatch(word.text):
            option.broken = True
            self._error(word.span, "bad-key", f"{quoted(word.text)} is not the name of an option", _key_help(word.text))
        elif sound and not self.sections:
            option.broken = True
            self._error(word.span, "no-section", f"{quoted(word.text)} stands before the first section", _BEFORE_HELP)
        elif indent:
            self._indented(text)
        if self.sections:
            self.sections[-1].options.append(option)
        start = len(text.text) - len(value.lstrip(" \t"))
        if start < len(text.text):
            option.lines.append(_tail(text, start))

    def _indented(self, text: Text) -> None:
        message = "this line is indented, but continues nothing"
        self._error(text.words()[0].span, "unexpected-indent", message, "start it in the first column")


_BEFORE_HELP = "write a header such as [listener:web] above it"


def _line_help(text: Text) -> str:
    first = text.words()[0].text
    if match := re.match(r"([a-z][a-z0-9_]*)[ \t]*:[ \t]*(.*)", text.text):
        return f"write {match[1]} = {match[2]}"[:120]
    return f"write {first} = …" if _KEY.fullmatch(first) else "write key = value"


def _key_help(key: str) -> str:
    plain = re.sub(r"[ \t-]+", "_", key.lower())
    hint = f'did you mean "{plain}"? ' if _KEY.fullmatch(plain) else ""
    return hint + "names of options have small letters, digits and underscores"


def _tail(text: Text, start: int) -> Text:
    return Text(text.text[start:], text.file, text.line, text.columns[start:])
