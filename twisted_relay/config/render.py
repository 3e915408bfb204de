"""Diagnostics as text for people and editors (the gcc form), as JSON, and as annotations of GitHub's workflows.

Knows nothing of how they came about. Colour is written only when it is asked for.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TypeAlias

from twisted_relay.config.diagnostics import Diagnostic

_RED, _YELLOW, _CYAN, _BOLD, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[36m", "\x1b[1m", "\x1b[0m"
_WIDEST_SOURCE = 160

Paint: TypeAlias = Callable[[str, str], str]
"""Text and style → text."""


def plain(text: str, _style: str) -> str:
    """Text without colour."""
    return text


def coloured(text: str, style: str) -> str:
    """Text in a style."""
    return f"{style}{text}{_PLAIN}"


def as_text(diagnostic: Diagnostic, paint: Paint = plain) -> str:
    """`file:line:col: severity[code]: message`, the line of the file with a caret, and the help."""
    place = f"{diagnostic.file}:{diagnostic.line}:{diagnostic.column}" if diagnostic.line else diagnostic.file
    style = _BOLD + (_RED if diagnostic.severity == "error" else _YELLOW)
    label = paint(f"{diagnostic.severity}[{diagnostic.code}]", style)
    gutter = " " * (len(str(diagnostic.line)) + 1)
    lines = [f"{paint(visible(place), _BOLD)}: {label}: {visible(diagnostic.message)}"]
    if diagnostic.source and diagnostic.line:
        source, indent, width = _window(diagnostic)
        lines += [
            f"{gutter}|",
            f"{diagnostic.line} | {source}",
            f"{gutter}| {indent}{paint('^' * width, style)}",
        ]
    if diagnostic.help:
        lines.append(f"{gutter}= {paint('help', _CYAN)}: {visible(diagnostic.help)}")
    return "\n".join(lines)


def _window(diagnostic: Diagnostic) -> tuple[str, str, int]:
    """What is shown of the source line, the white space before the caret, and the caret's width."""
    start = max(0, diagnostic.column - 1 - _WIDEST_SOURCE // 2) if len(diagnostic.source) > _WIDEST_SOURCE else 0
    source = diagnostic.source[start : start + _WIDEST_SOURCE]
    before = source[: diagnostic.column - 1 - start]
    indent = "".join("\t" if char == "\t" else " " for char in before)
    room = len(source) - len(before)
    return _one_column_each(source), indent, max(1, min(diagnostic.width, room))


def _one_column_each(text: str) -> str:
    """A line of a file with a stand-in for every character that a terminal would not print."""
    return "".join(char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


def visible(text: str) -> str:
    """Text on one line, with escapes for every character that a terminal would not print."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text
    )


def as_github(diagnostic: Diagnostic) -> str:
    """A workflow command that shows the diagnostic beside the line of a pull request."""
    place = f"file={_property(diagnostic.file)}"
    if diagnostic.line:
        place += f",line={diagnostic.line},col={diagnostic.column}"
    text = diagnostic.message + (f"\n{diagnostic.help}" if diagnostic.help else "")
    return f"::{diagnostic.severity} {place},title={diagnostic.code}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_json(diagnostics: Sequence[Diagnostic]) -> str:
    """One JSON object: the diagnostics as a list, and how many errors and warnings there are."""
    errors = sum(each.severity == "error" for each in diagnostics)
    return json.dumps(
        {
            "errors": errors,
            "warnings": len(diagnostics) - errors,
            "diagnostics": [asdict(each) for each in diagnostics],
        },
        indent=2,
    )
