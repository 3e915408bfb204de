"""The reference page of all options, made from their declarations: `python -m twisted_relay.config.reference`."""

import inspect
import sys
from collections.abc import Iterator

from twisted_relay.config.build import RELAY, Grammar
from twisted_relay.config.option import Option

_INTRODUCTION = """\
# Configuration reference

<!-- Made from the declarations in twisted_relay/config/sections. Do not edit; run:
     python -m twisted_relay.config.reference > docs/reference/configuration.md -->

The configuration is one INI file, which may include others. `relay check FILE` reports everything that is wrong in it.

## The file

```ini
# a comment
[listener:web]                  # a section: its type and its name
bind = 127.0.0.1:8080
backend = app

[backend:app]
servers =                       # a value may go on over indented lines
    http://127.0.0.1:3001
    http://127.0.0.1:3002
check = GET /health
```

* A section begins with `[type]` or `[type:name]`. Names have letters, digits, `.`, `-` and `_`. None stands twice.
* An option is `key = value`, the key in the first column. No option stands twice in a section.
* Indented lines continue the value above them. In options that take a list, each line is one item, or several words.
* `#` or `;` begins a comment line. `#` after a space ends a value; write `\\#` for the sign itself.
* `[defaults:TYPE]` gives defaults to all sections of a type: listener, tls, route, backend, rules, parent, list, log.
* `${NAME}` in a value is replaced by an environment variable, `${NAME:-default}` by the default when that is unset or
  empty; unset without a default is an error. `$$` is a dollar sign; a `$` before anything else stands for itself.
* Relative paths are relative to the file that they stand in.
* The file is UTF-8, at most 4 MiB. Other INI readers can read it: in Python,
  `configparser.ConfigParser(delimiters=("=",), interpolation=None, inline_comment_prefixes=("#",))`.

## Values

| What | How it is written |
|---|---|
| time | with a unit: `500ms`, `10s`, `5m`, `1h30m`, `7d`; only `0` has none |
| size | bytes, or powers of 1024: `512`, `8k`, `10M`, `1G`, also `8kiB`, `10MiB`, `1GiB` |
| on or off | `on`, `off`; also `yes`, `no`, `true`, `false` |
| percentage | `10%` |
| network | `10.0.0.0/8`, `fd00::/8`, or one address: `127.0.0.1`, `::1` |
"""


def reference_page() -> str:
    """The whole page as Markdown."""
    return "\n".join([_INTRODUCTION, *sections_of(RELAY)])


def sections_of(grammar: Grammar) -> Iterator[str]:
    """The parts of a reference page, one for each section and each option, as Markdown."""
    for type, section in grammar.sections.items():
        title = f"[{type}]" if type in grammar.singletons else f"[{type}:NAME]"
        yield f"## {title}\n"
        yield f"{inspect.cleandoc(section.__doc__ or '')}\n"
        for option in grammar.options[type].values():
            yield _option(option)


def _option(option: Option) -> str:
    if option.required:
        default = "required"
    else:
        default = f"default `{option.default}`" if option.default else "no default"
    lines = [f"### {option.key}", "", f"*{option.parser.kind}* · {default}", "", option.doc, "", "```ini"]
    return "\n".join([*lines, written(option), "```", ""])


def written(option: Option) -> str:
    """The example of an option as it may stand in a file."""
    lines = option.example.splitlines()
    if len(lines) == 1:
        return f"{option.key} = {lines[0]}"
    return "\n".join([f"{option.key} =", *(f"    {line}" for line in lines)])


if __name__ == "__main__":
    sys.stdout.write(reference_page())
