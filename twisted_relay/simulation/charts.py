"""Charts as inline SVG: lines over time, bars, and strips of states. Colours come from the page's style sheet.

Everything that a file said is escaped here. Sizes are those of the drawing; the page scales it.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 900, 220
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 10, 26
COLOURS = 8
"""Colours that the style sheet has for lines and bars; further ones begin again."""

NAMED_BANDS = 8
"""With more events there is no room for their names."""

_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_COUNT_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_MOST_TIMES = 10

Format = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart; None where there is nothing to show."""

    name: str
    values: Sequence[float | None]
    colour: int
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of time with a name, in seconds: an event."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Times:
    """The axis that all charts of a report share: from 0 to `duration` seconds, and what happened.

    With `is_count` it is not time but a number: of servers.
    """

    duration: float
    bands: Sequence[Band] = field(default_factory=tuple)
    is_count: bool = False

    def x(self, time: float) -> float:
        """Where a moment is."""
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, time / self.duration))


def line_chart(times: Times, lines: Sequence[Line], step: float, show: Format, *, logarithmic: bool = False) -> str:
    """Lines over time, with an axis from 0, or from below the smallest value. `step`: seconds between two values."""
    height = HEIGHT
    values = [value for line in lines for value in line.values if value is not None and (value > 0 or not logarithmic)]
    axis = _logarithmic(values) if logarithmic else _linear(values)
    scale = _scale(axis, height, logarithmic=logarithmic)
    parts = [*_bands(times, height, named=True), *_level_axis(axis, scale, show), *_time_axis(times, height)]
    for line in lines:
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        for path in _paths(times, line, step, scale, logarithmic=logarithmic):
            parts.append(f'<path class="line c{line.colour % COLOURS}"{dash} d="{path}"/>')
    return _svg(parts, height) + _legend([(line.name, line.colour, line.dashed) for line in lines])


def bar_chart(names: Sequence[str], groups: Sequence[tuple[str, Sequence[float]]], show: Format) -> str:
    """For each name a bar of each group; one group, or several side by side."""
    height = HEIGHT
    axis = _linear([value for _, values in groups for value in values])
    scale = _scale(axis, height, logarithmic=False)
    parts = list(_level_axis(axis, scale, show))
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(names))
    bar = slot * 0.8 / len(groups)
    for place, name in enumerate(names):
        start = LEFT + slot * (place + 0.1)
        for number, (group, values) in enumerate(groups):
            top = scale(values[place])
            told = escape(f"{name}, {group}: {show(values[place])}")
            parts.append(
                f'<rect class="bar c{number % COLOURS}" x="{start + bar * number:.1f}" y="{top:.1f}" width="{bar:.1f}" '
                f'height="{scale(axis[0]) - top:.1f}"><title>{told}</title>'
                "</rect>"
            )
        if place % -(-len(names) // 25) == 0:
            parts.append(_text(start + slot * 0.4, height - 8, _short(name), "middle"))
    return _svg(parts, height) + _legend([(group, number, False) for number, (group, _) in enumerate(groups)])


def state_strips(times: Times, servers: Sequence[tuple[str, Sequence[tuple[float, str]]]]) -> str:
    """For each server a strip with the state that it was in: (since when, state), the first from 0."""
    row = 20
    height = row * len(servers) + BOTTOM + 4
    parts = list(_bands(times, height, named=False))
    for place, (name, states) in enumerate(servers):
        top = 2 + row * place
        parts.append(_text(LEFT - 8, top + 13, _short(name), "end"))
        for (since, state), until in zip(states, [*(time for time, _ in states[1:]), times.duration], strict=True):
            left = times.x(since)
            width = max(1.0, times.x(until) - left)
            parts.append(
                f'<rect class="state {escape(state)}" x="{left:.1f}" y="{top}" width="{width:.1f}" height="{row - 6}">'
                f"<title>{escape(f'{name}: {state}')}</title></rect>"
            )
    return _svg([*parts, *_time_axis(times, height)], height)


# -- parts --------------------------------------------------------------------------------------------------------


def _svg(parts: Sequence[str], height: int) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">{"".join(parts)}</svg>'


def _legend(entries: Sequence[tuple[str, int, bool]]) -> str:
    if len(entries) < 2:
        return ""
    items = [
        f'<li><span class="key c{colour % COLOURS}{" dashed" if dashed else ""}"></span>{escape(name)}</li>'
        for name, colour, dashed in entries
    ]
    return f'<ul class="legend">{"".join(items)}</ul>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _short(name: str) -> str:
    return name if len(name) <= 9 else name[:8] + "…"


def _bands(times: Times, height: int, *, named: bool) -> Iterator[str]:
    for band in times.bands:
        left = times.x(band.start)
        width = max(1.5, times.x(band.end) - left)
        yield (
            f'<rect class="band" x="{left:.1f}" y="{TOP}" width="{width:.1f}" height="{height - TOP - BOTTOM}">'
            f"<title>{escape(band.name)}</title></rect>"
        )
        if named and len(times.bands) <= NAMED_BANDS:
            yield _text(left + 4, TOP + 13, _short(band.name), "start")


def _time_axis(times: Times, height: int) -> Iterator[str]:
    steps = _COUNT_STEPS if times.is_count else _TIME_STEPS
    step = next((each for each in steps if times.duration / each <= _MOST_TIMES), None)
    step = step or steps[-1] * math.ceil(times.duration / steps[-1] / _MOST_TIMES)
    for number in range(int(times.duration / step) + 1):
        x = times.x(number * step)
        yield f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{height - BOTTOM}" y2="{height - BOTTOM + 4}"/>'
        yield _text(x, height - 8, f"{number * step:,}" if times.is_count else _moment(number * step), "middle")


def _moment(seconds: int) -> str:
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    if hours:
        return f"{hours}h{minutes:02}" if minutes else f"{hours}h"
    return f"{minutes}:{rest:02}"


def _level_axis(axis: Sequence[float], scale: Callable[[float], float], show: Format) -> Iterator[str]:
    for level in axis:
        y = scale(level)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(LEFT - 8, y + 4, show(level), "end")


def _paths(
    times: Times, line: Line, step: float, scale: Callable[[float], float], *, logarithmic: bool
) -> Iterator[str]:
    """The line, broken where there is nothing."""
    points: list[str] = []
    for place, value in enumerate([*line.values, None]):
        if value is None or (logarithmic and value <= 0):
            if points:
                yield "M" + "L".join(points if len(points) > 1 else points * 2)
            points = []
        else:
            points.append(f"{times.x((place + 0.5) * step):.1f} {scale(value):.1f}")


# -- scales -------------------------------------------------------------------------------------------------------


def _linear(values: Sequence[float]) -> list[float]:
    """Levels from 0 to above the largest value, in steps of 1, 2 or 5."""
    most = max(values, default=0.0) or 1.0
    rough = most / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [step * number for number in range(math.ceil(most / step - 1e-9) + 1)]


def _logarithmic(values: Sequence[float]) -> list[float]:
    """Levels around all values, 1, 2 and 5 times powers of ten, or these powers alone."""
    least, most = min(values, default=0.01), max(values, default=0.1)
    powers = [10.0**power for power in range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)]
    levels = sorted(power * factor for power in powers for factor in (1, 2, 5))
    below = [level for level in levels if level <= least * (1 + 1e-9)]
    above = [level for level in levels if level >= most * (1 - 1e-9)]
    chosen = [level for level in levels if below[-1] <= level <= above[0]] if below and above else levels
    return (
        chosen if 1 < len(chosen) <= 8 else [chosen[0], *[p for p in powers if chosen[0] < p < chosen[-1]], chosen[-1]]
    )


def _scale(axis: Sequence[float], height: int, *, logarithmic: bool) -> Callable[[float], float]:
    change = math.log if logarithmic else float
    low, high = change(axis[0]), change(axis[-1])
    span = high - low or 1.0
    return lambda value: height - BOTTOM - (height - TOP - BOTTOM) * (change(value) - low) / span
