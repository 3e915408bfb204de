"""What the tests of the configuration share: reading single values and whole files from texts."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from twisted_relay.config import Config, Diagnostic, Loaded, load
from twisted_relay.config.option import Parser
from twisted_relay.config.words import BadValue, Fault, Span, Text, Value, Word

T = TypeVar("T")


def value_of(text: str) -> Value:
    """A value as if it stood after `key = ` in line 1, its further lines indented below."""
    lines = [Text.plain(line, Span("relay.ini", number, 7)) for number, line in enumerate(text.split("\n"), 1)]
    return Value(Word("key", Span("relay.ini", 1, 1, 3)), tuple(lines))


def parse(parser: Parser[T], text: str) -> T:
    """What a parser makes of a text; raises `BadValue`."""
    return parser.read(value_of(text))


def faults_of(parser: Parser[T], text: str) -> tuple[Fault, ...]:
    """What a parser says against a text, nothing if it takes it."""
    try:
        parse(parser, text)
    except BadValue as bad:
        return bad.faults
    return ()


def load_files(folder: str, files: Mapping[str, str | bytes], environment: Mapping[str, str] | None = None) -> Loaded:
    """Write files to a new folder and load the first of them."""
    for name, content in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load(str(Path(folder, next(iter(files)))), environment or {})


def places(loaded: Loaded) -> list[str]:
    """The diagnostics as `line:column: severity[code]`, without the file."""
    return [f"{each.line}:{each.column}: {each.severity}[{each.code}]" for each in loaded.diagnostics]


def config_of(loaded: Loaded) -> Config:
    """The configuration; fails with the diagnostics when there is none."""
    if loaded.config is None:
        raise AssertionError(f"not loaded: {loaded.diagnostics}")
    return loaded.config


def only(loaded: Loaded) -> Diagnostic:
    """The single diagnostic there is."""
    if len(loaded.diagnostics) != 1:
        raise AssertionError(f"not one diagnostic: {loaded.diagnostics}")
    return loaded.diagnostics[0]
