"""The results as tables: medians over the rounds, ratios between peers, and what the goals say. Pure: no I/O."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

from load import SHAPES, Shape

MAX_REASON = 300
AGAINST = ("envoy", "caddy", "nginx", "haproxy")


@dataclass(frozen=True, slots=True)
class Run:
    """One shape through one peer in one round; `value` is in the shape's unit, `error` says why it has none."""

    peer: str
    shape: str
    round: int
    value: float = 0.0
    per_second: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    busy: float = 0.0
    """Share of one core that the proxy used."""
    resident_bytes: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class SyscallRun:
    """System calls for one request, by name."""

    peer: str
    shape: str
    calls: dict[str, float] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """The first peer's median may be at most `factor` times the other's."""

    shape: str
    against: str
    factor: float


GOALS = (
    Goal("hello", "envoy", 1.0),
    Goal("browser", "envoy", 1.0),
    Goal("hello", "caddy", 0.5),
    Goal("browser", "caddy", 0.5),
    Goal("hello", "haproxy", 1.6),
    Goal("browser", "haproxy", 1.6),
    Goal("body", "nginx", 1.0),
    Goal("body", "haproxy", 1.0),
    Goal("upload", "nginx", 1.0),
    Goal("upload", "haproxy", 1.0),
)


@dataclass(frozen=True, slots=True)
class Results:
    """Everything one comparison found out."""

    settings: dict[str, str]
    titles: dict[str, str]
    versions: dict[str, str]
    missing: list[str]
    commands: dict[str, str]
    runs: list[Run]
    syscalls: list[SyscallRun]

    def of(self, peer: str, shape: str) -> list[Run]:
        """The runs of one peer and one shape, in the order of the rounds."""
        return [run for run in self.runs if (run.peer, run.shape) == (peer, shape)]

    def value(self, peer: str, shape: str) -> float | None:
        """The median of a peer, or None when it was not run or any of its runs failed."""
        runs = self.of(peer, shape)
        if not runs or any(run.error for run in runs):
            return None
        return median(run.value for run in runs)


def as_json(results: Results) -> dict[str, object]:
    """The results with the medians, for `json.dumps`."""
    shapes = dict.fromkeys(run.shape for run in results.runs)
    medians = {shape: {peer: results.value(peer, shape) for peer in results.versions} for shape in shapes}
    return {**asdict(results), "medians": medians}


def as_markdown(results: Results) -> str:
    """The results as a document to read."""
    lines = ["# Proxies side by side", ""]
    lines += [f"* {name}: {value}" for name, value in results.settings.items()]
    if results.missing:
        lines.append(f"* not installed: {', '.join(results.missing)}")
    for shape in SHAPES.values():
        if any(run.shape == shape.name for run in results.runs):
            lines += ["", f"## {shape.name}: {shape.title}", "", *_shape_table(results, shape)]
    lines += _failures(results)
    lines += _goal_table(results)
    lines += _syscall_table(results)
    lines += ["", "## What was run", ""]
    lines += _table(
        ("proxy", "version", "command"),
        [(results.titles[name], version, _command(results, name)) for name, version in results.versions.items()],
    )
    return "\n".join(lines) + "\n"


def _shape_table(results: Results, shape: Shape) -> list[str]:
    others = [name for name in AGAINST if results.value(name, shape.name)]
    rate = "requests/s" if shape.request_path else "MB/s"
    latencies = ("p50 ms", "p99 ms") if shape.request_path else ()
    header = ("proxy", shape.figure, "lowest–highest", rate, *latencies, "core busy", "RSS MB")
    rows: list[tuple[str, ...]] = []
    for name in results.versions:
        runs = results.of(name, shape.name)
        value = results.value(name, shape.name)
        if value is None:
            rows.append((results.titles[name], "failed" if runs else "–", *["–"] * (len(header) - 2 + len(others))))
            continue
        ratios = [_ratio(value, results.value(other, shape.name)) for other in others]
        rows.append((results.titles[name], _number(value), *_details(runs, shape), *ratios))
    return _table((*header, *(f"× {results.titles[name]}" for name in others)), rows)


def _details(runs: Sequence[Run], shape: Shape) -> tuple[str, ...]:
    values = [run.value for run in runs]
    spread = f"{_number(min(values))}–{_number(max(values))}"
    rate = median(run.per_second for run in runs)
    busy = f"{100 * median(run.busy for run in runs):.0f} %"
    memory = f"{median(run.resident_bytes for run in runs) / 1e6:.0f}"
    if not shape.request_path:
        return spread, f"{rate / 1e6:.0f}", busy, memory
    p50, p99 = median(run.p50 for run in runs), median(run.p99 for run in runs)
    return spread, f"{rate:.0f}", f"{1e3 * p50:.2f}", f"{1e3 * p99:.2f}", busy, memory


def _failures(results: Results) -> list[str]:
    failed = [run for run in results.runs if run.error]
    if not failed:
        return []
    rows = [(results.titles[run.peer], run.shape, str(run.round), _cell(run.error)) for run in failed]
    return ["", "## Failed, and so not compared", "", *_table(("proxy", "shape", "round", "reason"), rows)]


def _goal_table(results: Results) -> list[str]:
    rows: list[tuple[str, ...]] = []
    for goal in GOALS:
        ours, theirs = results.value("relay", goal.shape), results.value(goal.against, goal.shape)
        if ours is None or not theirs:
            continue
        reached = "reached" if ours <= goal.factor * theirs else "missed"
        aim = f"≤ {goal.factor:g} × {results.titles[goal.against]}"
        rows.append((goal.shape, aim, f"{ours / theirs:.2f} ×", reached))
    return ["", "## Goals", "", *_table(("shape", "goal", "measured", ""), rows)] if rows else []


def _syscall_table(results: Results) -> list[str]:
    if not results.syscalls:
        return []
    rows: list[tuple[str, ...]] = []
    for run in results.syscalls:
        names = sorted(run.calls, key=lambda name: -run.calls[name])
        detail = ", ".join(f"{name} {run.calls[name]:.2f}" for name in names if run.calls[name] >= 0.01)
        total = f"{sum(run.calls.values()):.2f}"
        rows.append((results.titles[run.peer], run.shape, "failed" if run.error else total, _cell(run.error) or detail))
    return ["", "## System calls per request", "", *_table(("proxy", "shape", "all", "which"), rows)]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"

    return [line(header), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows)]


def _command(results: Results, name: str) -> str:
    command = results.commands.get(name)
    return f"`{command}`" if command else "did not start"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())[-MAX_REASON:]


def _ratio(value: float, other: float | None) -> str:
    return f"{value / other:.2f}" if other else "–"


def _number(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}"
