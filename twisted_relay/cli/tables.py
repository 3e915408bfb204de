"""Tables for people: columns below each other, numbers to the right, octets in the unit that is easiest to read."""

from collections.abc import Collection, Sequence

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def octets(count: int) -> str:
    """So many octets: `1.5 MB` (powers of 1000, as for rates)."""
    number = float(count)
    for unit in _UNITS[:-1]:
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} {_UNITS[-1]}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str]) -> list[str]:
    """Lines of a table; the columns with these heads are numbers."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if title in right else cell.ljust(width)
            for title, cell, width in zip(head, row, widths, strict=True)
        ).rstrip()
        for row in (head, *rows)
    ]
