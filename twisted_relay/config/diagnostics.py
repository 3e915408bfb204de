"""What is wrong or doubtful in a configuration, with its place: collected while reading, rendered elsewhere.

Knows nothing of options. Line 0 means a file as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from twisted_relay.config.words import Fault, Span

Severity = Literal["error", "warning"]

ONE_PER_LINE = frozenset({"looks-like-option", "looks-like-section"})
"""Warnings that an error on the same line makes superfluous."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error or warning. `code` is a stable word for it, `help` says what would be right (it may be empty)."""

    file: str
    line: int
    column: int
    severity: Severity
    code: str
    message: str
    help: str = ""
    source: str = ""
    """The line of the file as it stands there."""
    width: int = 1
    """How many columns the caret underlines."""


class Report:
    """Collects the diagnostics of one run and remembers the lines of the files that they quote."""

    def __init__(self) -> None:
        self._sources: dict[str, Sequence[str]] = {}
        self._found: dict[Diagnostic, None] = {}

    def add_source(self, file: str, lines: Sequence[str]) -> None:
        """Make the lines of a file known; the order of these calls is the order of the files in the report."""
        self._sources[file] = lines

    def error(self, span: Span, code: str, message: str, help: str = "") -> None:
        """Something that makes the configuration unusable."""
        self._add("error", span, Fault(message, help, code=code))

    def warning(self, span: Span, code: str, message: str, help: str = "") -> None:
        """Something that is probably not meant so."""
        self._add("warning", span, Fault(message, help, code=code))

    def _add(self, severity: Severity, span: Span, fault: Fault) -> None:
        lines = self._sources.get(span.file, ())
        source = lines[span.line - 1] if 0 < span.line <= len(lines) else ""
        diagnostic = Diagnostic(
            span.file, span.line, span.column, severity, fault.code, fault.message, fault.help, source, span.width
        )
        self._found.setdefault(diagnostic)

    def has_errors(self) -> bool:
        return any(diagnostic.severity == "error" for diagnostic in self._found)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything found, by file, line and column; each once."""
        order = {file: place for place, file in enumerate(self._sources)}
        wrong = {(each.file, each.line) for each in self._found if each.severity == "error"}
        kept = [each for each in self._found if each.code not in ONE_PER_LINE or (each.file, each.line) not in wrong]
        return tuple(sorted(kept, key=lambda each: (order.get(each.file, -1), each.line, each.column)))
