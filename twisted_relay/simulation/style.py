"""The style sheet of the HTML report, for light and dark; the colours of lines, bars and states come from tables."""

from collections.abc import Sequence

_LIGHT = ("#2f6fde", "#d9622b", "#1f9d63", "#9a4fd0", "#c23a6b", "#0d94a6", "#8a7a12", "#5d6673")
_DARK = ("#6ea2ff", "#ff9a66", "#4fd08e", "#c58bf2", "#f07ba3", "#4cc9d8", "#d6c04a", "#a3acb9")
STATE_COLOURS = {"up": "#7cc49f", "down": "#d64545", "ejected": "#e8973a", "drain": "#5b8def", "maint": "#98a2b3"}
"""Those that a server may be in, in the order of the key; readable on light and dark."""

_FIXED = """
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 32px 20px 48px; }
h1 { font-size: 25px; margin: 0 0 4px; letter-spacing: -.01em; }
h2 { font-size: 16px; margin: 0 0 10px; }
h2 small { font-weight: normal; color: var(--soft); margin-left: 8px; }
p { margin: 0 0 6px; color: var(--soft); }
section, .cards div { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
section { padding: 18px 20px; margin-top: 18px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 12px; margin-top: 18px; }
.cards div { padding: 12px 16px; }
.cards b { display: block; font-size: 21px; font-variant-numeric: tabular-nums; letter-spacing: -.01em; }
.cards span { color: var(--soft); font-size: 13px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 5px 10px; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: pre; }
tr:last-child td { border-bottom: 0; }
td.text { text-align: left; }
td.text:last-child { white-space: normal; width: 70%; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft); }
.grid { stroke: var(--rule); }
.tick { stroke: var(--soft); }
.band { fill: var(--band); }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.key { display: inline-block; width: 18px; border-top: 3px solid; margin-right: 7px; vertical-align: middle; }
.key.dashed { border-top-style: dashed; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 8px 0 0; padding: 0; }
.legend { font-size: 13px; }
.dot { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 7px; vertical-align: -1px; }
footer { margin-top: 20px; font-size: 13px; color: var(--soft); }
"""


def _variables(colours: Sequence[str]) -> str:
    return " ".join(f"--c{number}: {colour};" for number, colour in enumerate(colours))


def _rules() -> str:
    lines = [
        f".line.c{number} {{ stroke: var(--c{number}); }} .bar.c{number} {{ fill: var(--c{number}); }} "
        f".key.c{number} {{ color: var(--c{number}); }}"
        for number in range(len(_LIGHT))
    ]
    lines += [
        f".state.{name} {{ fill: {it}; }} .dot.{name} {{ background: {it}; }}" for name, it in STATE_COLOURS.items()
    ]
    return "\n".join(lines)


STYLE = f"""
:root {{ color-scheme: light dark; --paper: #fbfbfa; --card: #fff; --ink: #1d2129; --soft: #667085; --rule: #e4e6ea;
  --band: #f3a53626; {_variables(_LIGHT)} }}
@media (prefers-color-scheme: dark) {{ :root {{ --paper: #14171c; --card: #1b1f26; --ink: #e6e8ec; --soft: #98a2b3;
  --rule: #2c323b; --band: #f3a53630; {_variables(_DARK)} }} }}
{_FIXED}{_rules()}
"""
