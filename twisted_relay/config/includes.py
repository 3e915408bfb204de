"""Reads a file and the files that it includes, into one list of sections.

The sections of included files come after those of the including file. Knows of options only `include`.
"""

import errno
import glob
import os
import stat
from collections.abc import Mapping

from twisted_relay.config.diagnostics import Report
from twisted_relay.config.environment import expand
from twisted_relay.config.reader import RawOption, RawSection, read_text
from twisted_relay.config.words import BadValue, Span, Word, quoted

LARGEST_FILE = 4 * 1024 * 1024
DEEPEST_INCLUDE = 8
MOST_FILES = 1000


def read_files(path: str, environment: Mapping[str, str], report: Report) -> list[RawSection]:
    """The sections of a file and of all that it includes; what is wrong goes to the report."""
    reading = _Files(environment, report)
    reading.read(path, Span(path, 0, 0), 0)
    return reading.sections


class _Files:
    """The files of one run: what was read, and the sections so far."""

    def __init__(self, environment: Mapping[str, str], report: Report) -> None:
        self.sections: list[RawSection] = []
        self._environment = environment
        self._report = report
        self._seen: dict[str, str] = {}

    def read(self, path: str, asked: Span, depth: int) -> None:
        """Read one file; `asked` is where it is named."""
        same = os.path.realpath(path)
        if same in self._seen:
            message = f"{quoted(path)} is already read, from {self._seen[same]}"
            help = "put included files into a folder of their own, such as conf.d/"
            self._report.error(asked, "included-twice", message, help)
            return
        if len(self._seen) >= MOST_FILES:
            self._report.error(asked, "too-many-files", f"more than {MOST_FILES} files are included")
            return
        self._seen[same] = str(asked.location) if asked.line else "the command line"
        data = self._bytes(path, asked)
        if data is None:
            return
        sections = read_text(path, data, self._report)
        self.sections += [section for section in sections if not (depth and _only_includes(section))]
        for section in sections:
            for option in section.options:
                if section.type == "relay" and option.key.text == "include" and not option.broken:
                    self._include(option, depth + 1)

    def _bytes(self, path: str, asked: Span) -> bytes | None:
        try:
            with open(path, "rb") as file:
                if asked.line and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise OSError(errno.EINVAL, "not a file")
                data = file.read(LARGEST_FILE + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self._report.error(asked, "cannot-read", f"cannot read {quoted(path)}: {reason}")
            return None
        if len(data) > LARGEST_FILE:
            limit = f"{LARGEST_FILE // 1024 // 1024} MiB"
            self._report.error(asked, "too-large", f"{quoted(path)} is larger than {limit}")
            return None
        return data

    def _include(self, option: RawOption, depth: int) -> None:
        try:
            words = expand(option, self._environment).words()
        except BadValue as bad:
            for fault in bad.at(option.key.span):
                self._report.error(fault.span or option.key.span, fault.code, f"include: {fault.message}", fault.help)
            return
        if words and depth > DEEPEST_INCLUDE:
            message = f"files include each other more than {DEEPEST_INCLUDE} deep"
            self._report.error(words[0].span, "include-depth", message)
            return
        for word in words:
            for path in _paths(word):
                self.read(path, word.span, depth)


def _paths(word: Word) -> list[str]:
    """The files that a word of `include` means, sorted."""
    pattern = os.path.join(os.path.dirname(word.span.file), word.text)
    if not glob.has_magic(word.text):
        return [pattern]
    base = glob.escape(os.path.dirname(word.span.file))
    return sorted(glob.glob(os.path.join(base, word.text), recursive=True))


def _only_includes(section: RawSection) -> bool:
    """An included file may have such a [relay] section; it is not a second one."""
    return section.type == "relay" and not section.name and all(each.key.text == "include" for each in section.options)
