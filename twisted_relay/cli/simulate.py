"""`relay simulate`: tries an outage in virtual time, with the balancer, checks and retries of a configuration.

Standard output is the report and the same for the same seed; how long it took goes to standard error.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence

from twisted_relay.cli.check import wants_colour
from twisted_relay.config import Config, Diagnostic, load
from twisted_relay.config.render import as_text as diagnostic_text
from twisted_relay.config.render import coloured, plain
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.words import BadValue
from twisted_relay.errors import ConfigurationError
from twisted_relay.simulation.html import as_html
from twisted_relay.simulation.report import Report, as_data
from twisted_relay.simulation.scenario import load_scenario
from twisted_relay.simulation.simulate import parse_policies, simulate
from twisted_relay.simulation.text import as_text

FORMATS = ("text", "json", "html")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    parser.add_argument("scenario", metavar="SCENARIO", help="a scenario file; etc/scenarios has examples")
    parser.add_argument("-c", "--config", required=True, metavar="FILE", help="the configuration that is tried")
    parser.add_argument("--backend", metavar="NAME", help="which [backend:NAME], if there are several")
    parser.add_argument("--policy", metavar="P,P", help="run it under each of these instead of the backend's `balance`")
    parser.add_argument("--seed", type=int, metavar="N", help="another seed than the scenario's")
    parser.add_argument("--exact", action="store_true", help="leave no quiet time out: slower, and no estimates")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the report to this file")


def run(arguments: argparse.Namespace) -> int:
    """Simulate and report; 0 when it could be done, 1 for mistakes in the files, 2 for wrong use."""
    loaded = load(arguments.config, os.environ)
    _print_diagnostics(loaded.diagnostics)
    if loaded.config is None:
        return 1
    try:
        backend = _backend(loaded.config, arguments.backend)
        policies = parse_policies(arguments.policy) if arguments.policy else [backend.balance]
    except (_WrongUse, BadValue) as error:
        print(f"relay simulate: error: {error}", file=sys.stderr)
        return 2
    fitted = load_scenario(arguments.scenario, os.environ, backend)
    _print_diagnostics(fitted.diagnostics)
    if fitted.scenario is None:
        return 1
    seed = fitted.scenario.options.seed if arguments.seed is None else arguments.seed
    started = time.perf_counter()
    try:
        outcomes = simulate(fitted.scenario, policies, seed, exact=arguments.exact)
    except ConfigurationError as error:
        print(f"relay simulate: error: {error}", file=sys.stderr)
        return 1
    report = Report(fitted.scenario, seed, arguments.exact, outcomes)
    _say_how_long(report, time.perf_counter() - started)
    try:
        _write(_rendered(report, arguments.format), arguments.output)
    except OSError as error:
        if arguments.output is None:
            raise
        print(f"relay simulate: error: cannot write {arguments.output}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


class _WrongUse(Exception):
    """The arguments do not fit the configuration."""


def _backend(config: Config, name: str | None) -> BackendOptions:
    names = ", ".join(config.backends)
    if name is None and len(config.backends) == 1:
        return next(iter(config.backends.values()))
    if name is None:
        raise _WrongUse(f"which backend? --backend one of: {names}" if names else "the configuration has no backend")
    if name not in config.backends:
        raise _WrongUse(f"no [backend:{name}] section; there are: {names}")
    return config.backends[name]


def _print_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    paint = coloured if wants_colour(sys.stderr, os.environ) else plain
    for diagnostic in diagnostics:
        print(diagnostic_text(diagnostic, paint), file=sys.stderr)


def _say_how_long(report: Report, seconds: float) -> None:
    simulated = sum(outcome.requests_simulated for outcome in report.outcomes)
    print(f"simulated {simulated:,} requests in {seconds:.1f} s", file=sys.stderr)


def _rendered(report: Report, format: str) -> str:
    if format == "json":
        return json.dumps(as_data(report), indent=1, ensure_ascii=False) + "\n"
    return as_html(report) if format == "html" else as_text(report)


def _write(text: str, path: str | None) -> None:
    if path is None:
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
