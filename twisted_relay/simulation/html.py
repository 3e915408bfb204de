"""The report of a simulation as one HTML page that needs nothing else: no script, no font, no address."""

from collections.abc import Callable, Iterator
from html import escape

from twisted_relay import __version__
from twisted_relay.config.scalars import show_time
from twisted_relay.simulation.charts import Band, Line, Times, bar_chart, line_chart, state_strips
from twisted_relay.simulation.measures import Measures
from twisted_relay.simulation.report import MOST_SERVERS, Report
from twisted_relay.simulation.style import STATE_COLOURS, STYLE
from twisted_relay.simulation.text import clock_time, duration, how_exact, percent, rows, share_of
from twisted_relay.simulation.world import Outcome

MOST_BANDS = 60
"""Of more events the charts would show nothing but events."""
MOST_CHANGES = 200
"""So many changes of state are listed of each run."""

Value = Callable[[Measures], float]
Show = Callable[[float], str]


def as_html(report: Report) -> str:
    """The whole page."""
    scenario = report.scenario
    title = f"{scenario.path.rpartition('/')[2].removesuffix('.ini')}: a simulated outage"
    return "".join(
        (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>',
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>",
            *_head(report),
            *(_table(report) if len(report.outcomes) > 1 else ()),
            *_charts(report),
            *(_table(report) if len(report.outcomes) == 1 else ()),
            *_changes(report),
            f"<footer>relay {escape(__version__)} · seed {report.seed} · the same seed gives the same page</footer>",
            "</main></body></html>\n",
        )
    )


def _head(report: Report) -> Iterator[str]:
    scenario = report.scenario
    yield f"<h1>{escape(scenario.path.rpartition('/')[2])}</h1>"
    yield (
        f"<p>backend {escape(scenario.backend.name)} · {len(scenario.servers):,} servers · "
        f"{show_time(scenario.options.duration)} of virtual time</p>"
    )
    yield from (f"<p>{escape(line)}</p>" for line in how_exact(report))
    if len(report.outcomes) == 1:
        total = report.outcomes[0].total
        yield '<div class="cards">'
        for value, name in (
            (f"{total.requests:,}", "requests"),
            (percent(total.error_rate), "errors"),
            (f"{total.amplification:.3f}", "tries per request"),
            (duration(total.times.at(0.5)), "median"),
            (duration(total.times.at(0.99)), "p99"),
            (f"{total.aborted:,}", "clients that left"),
        ):
            yield f"<div><b>{value}</b><span>{name}</span></div>"
        yield "</div>"


def _table(report: Report) -> Iterator[str]:
    (_, policy), *others = rows(report)
    yield (
        '<section><h2>Side by side</h2><div class="wide"><table><tr><th></th>'
        if len(report.outcomes) > 1
        else ('<section><h2>In numbers</h2><div class="wide"><table><tr><th></th>')
    )
    yield from (f"<th>{escape(policy(outcome))}</th>" for outcome in report.outcomes)
    yield "</tr>"
    for name, cell in others:
        cells = "".join(f"<td>{escape(cell(outcome))}</td>" for outcome in report.outcomes)
        yield f"<tr><td>{escape(name)}</td>{cells}</tr>"
    yield "</table></div></section>"


def _section(title: str, hint: str, content: str) -> str:
    small = f"<small>{hint}</small>" if hint else ""
    return f"<section><h2>{title}{small}</h2>{content}</section>"


# -- charts -------------------------------------------------------------------------------------------------------


def _charts(report: Report) -> Iterator[str]:
    times = Times(report.scenario.options.duration, _bands(report))
    step = report.outcomes[0].bucket
    hint = "shaded: events of the scenario" if times.bands else ""
    yield _section(
        "Requests per second",
        hint,
        line_chart(times, [_line("requests", report.outcomes[0], 0, lambda each: each.requests / step)], step, _plain),
    )
    yield _section(
        "Error rate",
        "errors that clients got, of all requests",
        _over_time(report, times, lambda each: each.error_rate, percent),
    )
    yield _section("Latency", "p99, dashed: median; logarithmic", _latency_chart(report, times))
    yield _section(
        "Tries per request",
        "1 is no retries",
        _over_time(report, times, lambda each: each.amplification, lambda value: f"{value:.3g}"),
    )
    if any(each.queue for outcome in report.outcomes for each in outcome.series):
        queue = _over_time(report, times, lambda each: float(each.queue), _plain)
        yield _section("Queue", "requests that wait in relay for a server with room", queue)
    many = len(report.scenario.servers) > MOST_SERVERS
    hint = "part of all tries" + (", from the busiest server to the idlest" if many else "")
    yield _section("Load per server", hint, _load_chart(report))
    yield from _states(report, times)


def _bands(report: Report) -> list[Band]:
    """The events, each with its end."""
    bands: list[Band] = []
    open_since: dict[tuple[str, tuple[str, ...]], float] = {}
    for change in report.scenario.changes:
        key = (change.event, change.names)
        if change.begins:
            open_since[key] = change.time
        elif key in open_since:
            bands.append(Band(change.event, open_since.pop(key), change.time))
    bands += [Band(event, start, report.scenario.options.duration) for (event, _), start in open_since.items()]
    return bands if len(bands) <= MOST_BANDS else []


def _line(name: str, outcome: Outcome, colour: int, value: Value, *, dashed: bool = False) -> Line:
    values = [value(each) if each.requests else None for each in outcome.series]
    return Line(name, values, colour, dashed)


def _over_time(report: Report, times: Times, value: Value, show: Show) -> str:
    lines = [_line(each.policy, each, colour, value) for colour, each in enumerate(report.outcomes)]
    return line_chart(times, lines, report.outcomes[0].bucket, show)


def _latency_chart(report: Report, times: Times) -> str:
    several = len(report.outcomes) > 1
    lines = []
    for colour, outcome in enumerate(report.outcomes):
        name = f"{outcome.policy} " if several else ""
        lines.append(_line(f"{name}p99", outcome, colour, lambda each: each.times.at(0.99)))
        lines.append(_line(f"{name}median", outcome, colour, lambda each: each.times.at(0.5), dashed=True))
    return line_chart(times, lines, report.outcomes[0].bucket, duration, logarithmic=True)


def _load_chart(report: Report) -> str:
    servers = list(report.scenario.servers)
    if len(servers) <= MOST_SERVERS:
        groups = [(each.policy, [share_of(each, name) for name in servers]) for each in report.outcomes]
        return bar_chart(servers, groups, percent)
    ranked = [sorted((share_of(each, name) for name in servers), reverse=True) for each in report.outcomes]
    times = Times(float(len(servers)), is_count=True)
    lines = [
        Line(each.policy, shares, colour)
        for colour, (each, shares) in enumerate(zip(report.outcomes, ranked, strict=True))
    ]
    return line_chart(times, lines, 1.0, percent)


def _states(report: Report, times: Times) -> Iterator[str]:
    servers = list(report.scenario.servers)
    for outcome in report.outcomes:
        strips = [(name, _states_of(outcome, name)) for name in servers]
        shown = strips if len(strips) <= MOST_SERVERS else [each for each in strips if len(each[1]) > 1][:MOST_SERVERS]
        if not outcome.state_changes or not shown:
            continue
        hint = f"as relay saw them, {escape(outcome.policy)}"
        key = "".join(f'<li><span class="dot {state}"></span>{state}</li>' for state in STATE_COLOURS)
        yield _section("Servers", hint, state_strips(times, shown) + f'<ul class="legend">{key}</ul>')


def _states_of(outcome: Outcome, server: str) -> list[tuple[float, str]]:
    return [(0.0, "up"), *((each.time, each.state) for each in outcome.state_changes if each.server == server)]


def _changes(report: Report) -> Iterator[str]:
    for outcome in report.outcomes:
        if not outcome.state_changes:
            continue
        yield f"<section><h2>What relay found out<small>{escape(outcome.policy)}</small></h2>"
        yield '<div class="wide"><table>'
        for change in outcome.state_changes[:MOST_CHANGES]:
            yield (
                f"<tr><td>{clock_time(change.time)}</td><td class='text'>{escape(change.server)}</td>"
                f"<td class='text'><span class='dot {escape(change.state)}'></span>{escape(change.state)}</td>"
                f"<td class='text'>{escape(change.reason)}</td></tr>"
            )
        yield "</table></div>"
        if len(outcome.state_changes) > MOST_CHANGES:
            yield f"<p>and {len(outcome.state_changes) - MOST_CHANGES:,} more</p>"
        yield "</section>"


def _plain(value: float) -> str:
    return f"{value:,.4g}"
