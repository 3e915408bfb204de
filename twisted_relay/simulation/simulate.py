"""Runs a scenario under one policy or several, each in a world of its own."""

import gc
import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import replace

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from twisted_relay.config.balance import BALANCE
from twisted_relay.config.values import BalanceSpec
from twisted_relay.config.words import Span, Text, Value, Word
from twisted_relay.simulation.scenario import Scenario
from twisted_relay.simulation.world import Outcome, World


def parse_policies(text: str) -> list[BalanceSpec]:
    """Policies as `balance` takes them, with commas between; raises `BadValue`."""
    return [_parse_policy(part.strip()) for part in text.split(",")]


def _parse_policy(text: str) -> BalanceSpec:
    place = Span("--policy", 1, 1)
    return BALANCE.read(Value(Word("balance", place), (Text.plain(text or "?", place),)))


def simulate(scenario: Scenario, policies: Sequence[BalanceSpec], seed: int, *, exact: bool) -> list[Outcome]:
    """What comes of the scenario under each policy, in their order; several run side by side, as processes."""
    jobs = [(scenario, policy, seed, exact) for policy in policies]
    if len(jobs) == 1:
        return [_run(*jobs[0])]
    # New processes, not forks: a fork inherits locks that other threads hold, and the signal handlers of a reactor.
    # An interrupt reaches all of them; only the parent heeds it, and ends the others.
    context = multiprocessing.get_context("spawn")
    ignoring = (signal.SIGINT, signal.SIG_IGN)
    with context.Pool(min(len(jobs), os.cpu_count() or 1), signal.signal, ignoring) as processes:
        return processes.starmap(_run, jobs, chunksize=1)


class RelayFailed(Exception):
    """Something in the relay raised what nobody expected: it is broken, not the scenario."""


@implementer(ILogObserver)
class _Failures:
    """Collects what was caught and logged, which is what a reactor does with faults."""

    def __init__(self) -> None:
        self.tracebacks: list[str] = []

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver`."""
        if "log_failure" in event:
            self.tracebacks.append(event["log_failure"].getTraceback())


def _run(scenario: Scenario, policy: BalanceSpec, seed: int, exact: bool) -> Outcome:
    failures = _Failures()
    globalLogPublisher.addObserver(failures)
    try:
        outcome = World(scenario, replace(scenario.backend, balance=policy), seed, exact=exact).run()
        gc.collect()  # a Deferred tells of its failure when it is collected
    finally:
        globalLogPublisher.removeObserver(failures)
    if failures.tracebacks:
        raise RelayFailed(failures.tracebacks[0])
    return outcome
