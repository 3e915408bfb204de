"""The lists of a configuration, read in full for `relay check`: how much is in them, and what of it cannot be read."""

from collections.abc import Iterator
from dataclasses import dataclass

from twisted_relay.config.diagnostics import Diagnostic
from twisted_relay.config.tree import Config, ListOptions
from twisted_relay.lists.reading import Report, Unusable, compile_list


@dataclass(frozen=True, slots=True)
class CheckedLists:
    """What is doubtful about the lists of a configuration, and a line on each."""

    warnings: tuple[Diagnostic, ...] = ()
    lines: tuple[str, ...] = ()


def check_lists(config: Config | None) -> CheckedLists:
    """Read the files of every list; what comes from a URL is not looked at."""
    warnings: list[Diagnostic] = []
    lines = []
    for options in config.lists.values() if config is not None else ():
        if not options.file:
            lines.append(f"list {options.name}: not read, it is fetched")
            continue
        try:
            report = compile_list(options.file, options.format, options.max_size, lambda _: None)
        except Unusable as error:
            message = f"[list:{options.name}] would be empty: {error}"
            where = options.where
            warnings.append(Diagnostic(where.file, where.line, where.column, "warning", "bad-list", message))
            continue
        warnings += _bad_lines(report)
        lines.append(_line(options, report))
    return CheckedLists(tuple(warnings), tuple(lines))


def _bad_lines(report: Report) -> Iterator[Diagnostic]:
    shown = report.read.first_bad
    for number, bad in enumerate(shown, 1):
        more = report.read.bad - len(shown) if number == len(shown) else 0
        help = f"{more} more lines of this list cannot be read" if more else ""
        message = "this line is not in the format of the list"
        yield Diagnostic(bad.file, bad.line, 1, "warning", "bad-line", message, help, bad.text, len(bad.text))


def _line(options: ListOptions, report: Report) -> str:
    read = report.read
    parts = [f"{report.listed.count} entries", f"{report.excepted.count} exceptions", f"{read.skipped} rules skipped"]
    return f"list {options.name}: {', '.join(parts)}, {read.bad} bad lines ({' and '.join(sorted(read.formats))})"
