"""What the tests of simulations share: scenarios from text, fitted to small backends, and runs of them."""

from pathlib import Path

from twisted_relay.config.sections.backend import BackendOptions
from twisted_relay.config.tree import Config
from twisted_relay.config.values import Address, CheckSpec, ServerSpec
from twisted_relay.simulation.report import Report
from twisted_relay.simulation.scenario import LoadedScenario, Scenario, load_scenario
from twisted_relay.simulation.world import Outcome, World

USUAL = """
[scenario]
duration = 1m
[clients:web]
rate = 20/s
[servers]
latency = constant 20ms
"""
"""A quiet minute."""


CRASH = USUAL + "[event:boom]\ndo = crash\nservers = s2\nat = 10s\nlasts = 20s\n"
"""The same with a server that crashes and comes back."""


def backend(count: int = 3, /, **options: object) -> BackendOptions:
    """A backend of servers s1, s2 and so on, checked every two seconds."""
    servers = tuple(ServerSpec(f"s{n}", "http", Address("10.0.0.1", 8000 + n)) for n in range(1, count + 1))
    usual: dict[str, object] = {"check": CheckSpec("GET", "/health"), "check_interval": 2.0}
    return BackendOptions(name="app", servers=servers, **(usual | options))  # type: ignore[arg-type]


def loaded(folder: str, text: str, options: BackendOptions | None = None) -> LoadedScenario:
    """What comes of a scenario with this text; the file is in a folder that is made."""
    Path(folder).mkdir()
    path = Path(folder) / "scenario.ini"
    path.write_text(text)
    return load_scenario(str(path), {}, options or backend())


def scenario(folder: str, text: str, options: BackendOptions | None = None) -> Scenario:
    """A scenario that is right."""
    made = loaded(folder, text, options)
    assert made.scenario is not None, made.diagnostics
    return made.scenario


def run(made: Scenario, seed: int = 1, *, exact: bool = True) -> Outcome:
    """What comes of a scenario."""
    return World(made, made.backend, seed, exact=exact).run()


def only_backend(config: Config | None) -> BackendOptions:
    """The backend of a configuration that has one."""
    assert config is not None
    (found,) = config.backends.values()
    return found


def report(folder: str, text: str = CRASH, **options: object) -> Report:
    """The report on one run of a scenario with this text."""
    made = scenario(folder, text, backend(**options))
    return Report(made, 1, True, [run(made)])
