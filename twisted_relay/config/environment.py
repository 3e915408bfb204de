r"""Replaces `${NAME}`, `${NAME:-default}`, `$$` and `\#` in values.

It comes after the reading of lines, so that a variable can add neither lines nor sections. A `$` before anything else
stands for itself, so that regular expressions keep theirs.
"""

import re
from collections.abc import Mapping

from twisted_relay.config.reader import RawOption
from twisted_relay.config.suggest import did_you_mean
from twisted_relay.config.words import BadValue, Fault, Text, Value, parse_lines

_SPECIAL = re.compile(r"\\#|\$\$|\$\{[^}]*\}?")
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<otherwise>:-(?P<default>[^}]*))?\}")
_LONGEST_LINE = 1024 * 1024


def expand(option: RawOption, environment: Mapping[str, str]) -> Value:
    """The value of an option with variables replaced; raises `BadValue`."""
    return Value(option.key, parse_lines(option.lines, lambda line: _expand_line(line, environment)))


def _expand_line(line: Text, environment: Mapping[str, str]) -> Text:
    if "$" not in line.text and "\\#" not in line.text:
        return line
    text, columns, faults, done = "", list[int](), list[Fault](), 0
    for match in _SPECIAL.finditer(line.text):
        start, end = match.span()
        text += line.text[done:start]
        columns.extend(line.columns[done:start])
        done = end
        try:
            replacement = _replacement(match[0], environment)
        except BadValue as bad:
            faults.extend(bad.at(line.part(start, end).span))
            continue
        text += replacement
        columns.extend([line.columns[start]] * len(replacement))
        if len(text) > _LONGEST_LINE:
            faults.append(Fault("the line is too long with its variables replaced", span=line.part(start, end).span))
            break
    if faults:
        raise BadValue(*faults)
    text += line.text[done:]
    columns.extend(line.columns[done:])
    return _stripped(text, columns, line)


def _stripped(text: str, columns: list[int], line: Text) -> Text:
    """Without the white space that a variable may have brought to the ends."""
    start = len(text) - len(text.lstrip(" \t"))
    end = max(start, len(text.rstrip(" \t")))
    return Text(text[start:end], line.file, line.line, columns[start : end + 1])


def _replacement(special: str, environment: Mapping[str, str]) -> str:
    if special in ("\\#", "$$"):
        return special[1]
    match = _VARIABLE.fullmatch(special)
    if not match:
        help = "write ${NAME} or ${NAME:-default}, or $$ for a dollar sign"
        raise BadValue(Fault("this is not the name of a variable", help, code="bad-variable"))
    name, found = match["name"], environment.get(match["name"])
    if match["otherwise"] and not found:
        return match["default"]
    if found is None:
        hint = did_you_mean(name, environment) or f"set it, or write ${{{name}:-default}}"
        raise BadValue(Fault(f"the environment variable {name} is not set", hint, code="unset-variable"))
    if not all(char.isprintable() or char == "\t" for char in found):
        help = "line ends and control characters cannot stand in a value"
        raise BadValue(
            Fault(f"the environment variable {name} holds unprintable characters", help, code="bad-variable")
        )
    return found
