"""The report of a simulation as text for a terminal: the policies side by side."""

from collections.abc import Callable, Iterator, Sequence

from twisted_relay.config.scalars import show_time
from twisted_relay.simulation.report import MOST_SERVERS, Report
from twisted_relay.simulation.world import Outcome

MOST_CHANGES = 30
"""So many changes of state are printed of each run."""

Cell = Callable[[Outcome], str]


def as_text(report: Report) -> str:
    """The whole report, with line ends."""
    scenario = report.scenario
    heading = (
        f"{scenario.path}: [backend:{scenario.backend.name}], {_count(len(scenario.servers), 'server')}, "
        f"{show_time(scenario.options.duration)}, seed {report.seed}"
    )
    lines = [heading, *how_exact(report), "", *_table(report.outcomes, list(rows(report)))]
    for outcome in report.outcomes:
        lines += _changes(outcome)
    return "".join(f"{line}\n" for line in lines)


def how_exact(report: Report) -> list[str]:
    """What was really simulated, in words: one line, or none for an exact run."""
    first = report.outcomes[0]
    if all(outcome.requests_simulated == outcome.total.requests for outcome in report.outcomes):
        return [f"every one of {first.total.requests:,} requests was simulated"]
    return [
        f"{outcome.policy}: {outcome.requests_simulated:,} of {outcome.total.requests:,} requests were simulated; "
        "quiet time counts as the window before it (--exact simulates all)"
        for outcome in report.outcomes
    ]


def rows(report: Report) -> Iterator[tuple[str, Cell]]:
    """What is told of every run: a name, and how it is shown; the first is the policy."""
    yield "policy", lambda each: each.policy
    yield "requests", lambda each: f"{each.total.requests:,}"
    yield "errors", lambda each: f"{each.total.failed:,}"
    yield "error rate", lambda each: percent(each.total.error_rate)
    for reason in sorted({reason for each in report.outcomes for reason in each.total.errors}):
        yield f"  {reason}", lambda each, reason=reason: f"{each.total.errors[reason]:,}"  # type: ignore[misc]
    yield "clients that left", lambda each: f"{each.total.aborted:,}"
    yield "tries per request", lambda each: f"{each.total.amplification:.4f}"
    for name, part in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)):
        yield name, lambda each, part=part: duration(each.total.times.at(part))  # type: ignore[misc]
    yield "longest", lambda each: duration(each.total.times.longest)
    yield "longest queue", lambda each: f"{each.total.queue:,}"
    for name in sorted({name for each in report.outcomes for name, count in each.total.counted.items() if count}):
        yield name, lambda each, name=name: f"{each.total.counted[name]:,}"  # type: ignore[misc]
    yield from _load_rows(list(report.scenario.servers))


def _load_rows(servers: Sequence[str]) -> Iterator[tuple[str, Cell]]:
    yield "busiest server", lambda each: f"{busiest(each, servers):.2f} x mean"
    if len(servers) <= MOST_SERVERS:
        for name in servers:
            yield f"  {name}", lambda each, name=name: percent(share_of(each, name))  # type: ignore[misc]


def share_of(outcome: Outcome, server: str) -> float:
    """The part of all tries that a server got."""
    return outcome.total.load[server] / (sum(outcome.total.load.values()) or 1)


def busiest(outcome: Outcome, servers: Sequence[str]) -> float:
    """How many times as much as the mean the busiest server got."""
    return max(share_of(outcome, name) for name in servers) * len(servers) if servers else 0.0


def _table(outcomes: Sequence[Outcome], rows: Sequence[tuple[str, Cell]]) -> Iterator[str]:
    cells = [[name, *(cell(outcome) for outcome in outcomes)] for name, cell in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(outcomes) + 1)]
    for name, *others in cells:
        shown = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        yield "  ".join([name.ljust(widths[0]), *shown])


def _changes(outcome: Outcome) -> Iterator[str]:
    if not outcome.state_changes:
        return
    yield ""
    yield f"servers as relay saw them, {outcome.policy}:"
    for change in outcome.state_changes[:MOST_CHANGES]:
        yield f"  {clock_time(change.time):>9}  {change.server} {change.state}: {change.reason}"
    if len(outcome.state_changes) > MOST_CHANGES:
        yield f"  and {len(outcome.state_changes) - MOST_CHANGES:,} more (--format json lists {MOST_CHANGES} and more)"


def percent(part: float) -> str:
    """A part of 1 as people read it."""
    return f"{part * 100:.3g} %" if part >= 0.0001 or not part else f"{part * 100:.1g} %"


def duration(seconds: float) -> str:
    """A short time as people read it."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def clock_time(seconds: float) -> str:
    """A moment of the run: `2m05s`, `13h07m10s`."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}h{minutes:02}m{whole % 60:02}s" if hours else f"{minutes}m{whole % 60:02}s"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
