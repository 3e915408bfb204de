"""`relay check`: says everything that is wrong in configuration files, and starts nothing.

The exit status is 0 when all files can be used (warnings allowed) and 1 when one cannot. Must not import the reactor.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TextIO

from twisted_relay.cli.check_lists import check_lists
from twisted_relay.config import Config, Diagnostic, Loaded, load
from twisted_relay.config.render import as_github, as_json, as_text, coloured, plain, visible

FORMATS = ("text", "json", "github")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="a configuration file, such as relay.ini")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="text for people and editors, one JSON object, or annotations for GitHub's workflows (default: text)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Check the files and print what was found; 0 when all can be used, else 1."""
    files: list[str] = arguments.files
    checked = {file: _checked(file) for file in files}
    out = sys.stdout
    if arguments.format == "json":
        print_text(as_json([each for loaded, _ in checked.values() for each in loaded.diagnostics]), out)
    else:
        for file, (loaded, lines) in checked.items():
            _print_one(file, loaded, arguments.format, out)
            for line in lines:
                print_text(f"{visible(file)}: {line}", out)
    return 0 if all(loaded.config for loaded, _ in checked.values()) else 1


def _checked(file: str) -> tuple[Loaded, tuple[str, ...]]:
    """What came of reading a file, its lists among it, and a line on each of these."""
    loaded = load(file, os.environ)
    lists = check_lists(loaded.config)
    return replace(loaded, diagnostics=(*loaded.diagnostics, *lists.warnings)), lists.lines


def _print_one(file: str, loaded: Loaded, format: str, out: TextIO) -> None:
    paint = coloured if wants_colour(out, os.environ) else plain
    for diagnostic in loaded.diagnostics:
        print_text(as_github(diagnostic) if format == "github" else as_text(diagnostic, paint), out)
    print_text(summary(file, loaded), out)


def summary(file: str, loaded: Loaded) -> str:
    """One line: what the file holds, or how many errors."""
    counted = _counted(loaded.diagnostics)
    if loaded.config is None:
        return f"{visible(file)}: {counted}"
    return f"{visible(file)}: ok ({_contents(loaded.config)})" + (f", {counted}" if counted else "")


def _contents(config: Config) -> str:
    return ", ".join(
        (
            _number(len(config.listeners), "listener"),
            _number(len(config.routes), "route"),
            _number(len(config.backends), "backend"),
        )
    )


def _counted(diagnostics: Sequence[Diagnostic]) -> str:
    errors = sum(each.severity == "error" for each in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [_number(errors, "error")] * bool(errors) + [_number(warnings, "warning")] * bool(warnings)
    return ", ".join(parts)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def wants_colour(out: TextIO, environment: Mapping[str, str]) -> bool:
    """Colour is for terminals, unless NO_COLOR says otherwise (https://no-color.org)."""
    return out.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def print_text(text: str, out: TextIO) -> None:
    """Print text; what the terminal's encoding lacks is escaped."""
    encoding = out.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=out)
