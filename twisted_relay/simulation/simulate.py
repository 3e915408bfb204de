"""Runs a scenario under one policy or several, each in a world of its own."""

import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import replace

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
    processes = multiprocessing.get_context("fork").Pool(min(len(jobs), os.cpu_count() or 1))
    try:
        return processes.starmap(_run, jobs, chunksize=1)
    finally:
        # Not `terminate`: a fork has the signal handlers of its parent, and those of a reactor end nothing.
        processes.close()
        processes.join()


def _run(scenario: Scenario, policy: BalanceSpec, seed: int, exact: bool) -> Outcome:
    return World(scenario, replace(scenario.backend, balance=policy), seed, exact=exact).run()
