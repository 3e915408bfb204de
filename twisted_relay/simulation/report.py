"""The results of a simulation as plain data, from which every form of the report is made."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

from twisted_relay.simulation.measures import Measures
from twisted_relay.simulation.scenario import Scenario
from twisted_relay.simulation.world import Outcome

Data: TypeAlias = "dict[str, Data] | list[Data] | str | int | float | bool | None"
MOST_SERVERS = 50
"""Of more servers the report tells how they were loaded together, not each."""
MOST_CHANGES = 500
"""So many changes of state are listed."""


@dataclass(frozen=True, slots=True)
class Report:
    """A scenario and what came of it under each policy."""

    scenario: Scenario
    seed: int
    exact: bool
    outcomes: Sequence[Outcome]


def as_data(report: Report) -> dict[str, Data]:
    """Everything, as JSON has it: times in seconds, shares as parts of 1."""
    scenario = report.scenario
    return {
        "scenario": scenario.path,
        "backend": scenario.backend.name,
        "seed": report.seed,
        "exact": report.exact,
        "duration": scenario.options.duration,
        "servers": len(scenario.servers),
        "events": [
            {"time": change.time, "event": change.event, "do": change.action.kind, "begins": change.begins}
            for change in scenario.changes[:MOST_CHANGES]
        ],
        "runs": [_run(outcome, list(scenario.servers)) for outcome in report.outcomes],
    }


def _run(outcome: Outcome, servers: Sequence[str]) -> Data:
    total = outcome.total
    return {
        "policy": outcome.policy,
        "requests": total.requests,
        "simulated": {"requests": outcome.requests_simulated, "seconds": _rounded(outcome.time_simulated)},
        "errors": dict(sorted(total.errors.items())),
        "error_rate": _rounded(total.error_rate),
        "clients_left": total.aborted,
        "tries": total.tries,
        "tries_per_request": _rounded(total.amplification),
        "latency": _latency(total),
        "load": _load(total, servers),
        "longest_queue": total.queue,
        "relay": dict(sorted(total.counted.items())),
        "state_changes": [
            {"time": _rounded(each.time), "server": each.server, "state": each.state, "reason": each.reason}
            for each in outcome.state_changes[:MOST_CHANGES]
        ],
        "series": _series(outcome),
    }


def _latency(measures: Measures) -> Data:
    times = measures.times
    return {
        "mean": _rounded(times.mean),
        "p50": _rounded(times.at(0.5)),
        "p90": _rounded(times.at(0.9)),
        "p99": _rounded(times.at(0.99)),
        "p999": _rounded(times.at(0.999)),
        "longest": _rounded(times.longest),
    }


def _load(measures: Measures, servers: Sequence[str]) -> Data:
    loads = [measures.load[name] for name in servers]
    mean = sum(loads) / len(loads) if loads else 0.0
    spread: dict[str, Data] = {
        "least": min(loads, default=0),
        "median": _rounded(median(loads) if loads else 0.0),
        "most": max(loads, default=0),
        "most_to_mean": _rounded(max(loads) / mean if mean else 0.0),
    }
    if len(servers) <= MOST_SERVERS:
        spread["by_server"] = {name: measures.load[name] for name in servers}
    return spread


def _series(outcome: Outcome) -> Data:
    return {
        "step": _rounded(outcome.bucket),
        "requests": [each.requests for each in outcome.series],
        "errors": [each.failed for each in outcome.series],
        "clients_left": [each.aborted for each in outcome.series],
        "tries": [each.tries for each in outcome.series],
        "queue": [each.queue for each in outcome.series],
        "p50": [_rounded(each.times.at(0.5)) for each in outcome.series],
        "p99": [_rounded(each.times.at(0.99)) for each in outcome.series],
    }


def _rounded(number: float) -> float:
    """Without the digits that nobody needs."""
    return round(number, 6)
