"""A file of servers, as `discover = file:PATH` reads it: one on each line, written as in `servers`.

Blank lines do not count, nor does what follows a `#` at the start of a line or after white space.
"""

import re
from collections.abc import Callable

from twisted_relay.config.addresses import parse_server, parse_url
from twisted_relay.config.certificates import read_bounded
from twisted_relay.config.values import ServerSpec
from twisted_relay.config.words import BadValue, Fault, Span, Text, parse_lines, quoted

LARGEST_FILE = 1024 * 1024
"""Ten thousand servers take about half of it."""
MOST_FAULTS = 5
"""More faults of one file are not told one by one."""

_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#.*")


def read_server_file(path: str, parse: Callable[[str], ServerSpec] = parse_url) -> tuple[ServerSpec, ...]:
    """The servers in a file, whose URLs `parse` reads; raises `BadValue` with the place of each fault."""
    try:
        return parse_server_file(path, read_bounded(path, LARGEST_FILE), parse)
    except BadValue as bad:
        raise BadValue(*bad.at(Span(path, 0, 0))) from None


def parse_server_file(
    path: str, content: bytes, parse: Callable[[str], ServerSpec] = parse_url
) -> tuple[ServerSpec, ...]:
    """The servers in the content of a file, each once; `path` is for the faults. Raises `BadValue`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadValue(Fault("is not UTF-8 text", span=Span(path, line, 1))) from None
    items = [item for number, line in enumerate(text.split("\n"), 1) if (item := _item(line, path, number))]
    servers = parse_lines(items, lambda line: parse_server(line, parse))
    return _each_once(servers, items)


def _item(line: str, path: str, number: int) -> Text | None:
    """What stands on a line, without its comment."""
    text = _COMMENT.sub("", line.rstrip("\r"))
    stripped = text.strip(" \t")
    if not stripped:
        return None
    return Text.plain(stripped, Span(path, number, len(text) - len(text.lstrip(" \t")) + 1))


def _each_once(servers: tuple[ServerSpec, ...], items: list[Text]) -> tuple[ServerSpec, ...]:
    """The servers without repetitions; two different ones may not have one name."""
    found: dict[str, ServerSpec] = {}
    faults = []
    for server, item in zip(servers, items, strict=True):
        if found.setdefault(server.name, server) != server:
            message = f"another server is called {quoted(server.name)}"
            faults.append(Fault(message, "put a name of its own before the URL", item.span))
    if faults:
        raise BadValue(*faults)
    return tuple(found.values())


def fault_lines(bad: BadValue) -> list[str]:
    """The faults of a file in words, `FILE:LINE:COLUMN: what is wrong`; of many, the first ones."""
    lines = [_fault_line(fault) for fault in bad.faults[:MOST_FAULTS]]
    left = len(bad.faults) - MOST_FAULTS
    return [*lines, f"and {left} more"] if left > 0 else lines


def _fault_line(fault: Fault) -> str:
    span, hint = fault.span, f" ({fault.help})" if fault.help else ""
    place = f"{span.location}: " if span and span.line else ""
    return f"{place}{fault.message}{hint}"
