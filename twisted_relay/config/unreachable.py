"""Finds routes that an earlier one leaves nothing to: the same conditions, or an earlier route without any.

Only what is cheap to see: whether one pattern covers another is not worked out.
"""

from collections.abc import Sequence

from twisted_relay.config.build import Section
from twisted_relay.config.diagnostics import Report
from twisted_relay.config.tree import RouteOptions
from twisted_relay.config.values import PathPattern

_EVERY_PATH = PathPattern("prefix", "")


def check_unreachable(sections: Sequence[Section], report: Report) -> None:
    """Warn about every route that can never match."""
    first: dict[tuple[frozenset[object], ...], Section] = {}
    takers: list[tuple[frozenset[str], Section]] = []
    for section in sections:
        options = section.options
        if not isinstance(options, RouteOptions) or _has_errors(section):
            continue
        listeners = frozenset(options.listener)
        taker = next((other for covered, other in takers if not covered or (listeners and listeners <= covered)), None)
        conditions = _conditions(options)
        same = first.setdefault((frozenset[object](listeners), *conditions), section)
        if taker or same is not section:
            earlier = taker or same
            message = f"{section.title} can never match: {earlier.title} takes the same requests"
            report.warning(section.span, "unreachable-route", message, f"it is at {earlier.span.location}")
        elif not any(conditions):
            takers.append((listeners, section))


def _has_errors(section: Section) -> bool:
    """Whether a value was refused, so that the conditions are not known."""
    return any(key not in section.values for key in section.given)


def _conditions(options: RouteOptions) -> tuple[frozenset[object], ...]:
    """All conditions but the listener; empty ones take everything."""
    paths = () if _EVERY_PATH in options.path else options.path
    return tuple(
        frozenset[object](values)
        for values in (options.host, paths, options.method, options.header, options.query, options.client)
    )
