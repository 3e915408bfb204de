"""Reads a scenario file, with the same care for mistakes as relay.ini, and fits it to a backend."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TypeAlias

from twisted_relay.config.build import Section, build
from twisted_relay.config.diagnostics import Diagnostic, Report
from twisted_relay.config.includes import read_files
from twisted_relay.config.suggest import did_you_mean
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.config.words import Span, quoted
from twisted_relay.simulation.sections import (
    SCENARIO,
    ClientsOptions,
    EventOptions,
    ScenarioOptions,
    ServerOptions,
    ServersOptions,
)
from twisted_relay.simulation.values import CLIENT_ACTIONS, Action

MOST_CHANGES = 100_000
"""Changes that the events of one scenario may come to."""


@dataclass(frozen=True, slots=True)
class Change:
    """At `time` an event begins or ends for these servers or clients."""

    time: float
    event: str
    action: Action
    begins: bool
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario, fitted to one backend."""

    path: str
    options: ScenarioOptions
    backend: BackendOptions
    clients: tuple[ClientsOptions, ...]
    servers: Mapping[str, ServersOptions] = field(default_factory=dict)
    """How each server of the backend is, by name, in the backend's order."""
    changes: tuple[Change, ...] = ()
    """In the order of their times."""


@dataclass(frozen=True, slots=True)
class LoadedScenario:
    """What came of reading a scenario: it, or None when there is any error, and all diagnostics."""

    scenario: Scenario | None
    diagnostics: tuple[Diagnostic, ...]


def load_scenario(path: str, environment: Mapping[str, str], backend: BackendOptions) -> LoadedScenario:
    """Read and check a scenario file for this backend. Variables come from `environment`."""
    report = Report()
    sections = build(read_files(path, environment, report), environment, report, SCENARIO)
    made = _Fitting(path, sections, backend, report).fit()
    return LoadedScenario(None if report.has_errors() else made, report.diagnostics())


class _Fitting:
    """One scenario and one backend."""

    def __init__(self, path: str, sections: Sequence[Section], backend: BackendOptions, report: Report) -> None:
        self._path = path
        self._sections = sections
        self._report = report
        self._options = next(
            (each.options for each in sections if isinstance(each.options, ScenarioOptions)), ScenarioOptions()
        )
        self._backend = _with_generated(backend, self._options.generated_servers)
        self._names = [spec.name for spec in self._backend.servers]
        self._clients = [each.options for each in sections if isinstance(each.options, ClientsOptions)]

    def fit(self) -> Scenario:
        """The scenario; what is wrong goes to the report."""
        if not self._report.has_errors():
            for type in ("scenario", "clients"):
                if not any(section.type == type for section in self._sections):
                    title = "[scenario]" if type == "scenario" else "[clients:NAME]"
                    self._report.error(Span(self._path, 0, 0), "missing-section", f"there is no {title} section")
            if not self._names:
                message = f"[backend:{self._backend.name}] has no servers of its own, only such that are discovered"
                help = "write generated_servers = 5 into [scenario]"
                self._report.error(Span(self._path, 0, 0), "no-servers", message, help)
        changes = [change for section in self._sections for change in self._changes(section)]
        changes.sort(key=lambda change: change.time)  # stable: those of one time in the order of the file
        return Scenario(self._path, self._options, self._backend, tuple(self._clients), self._servers(), tuple(changes))

    def _servers(self) -> dict[str, ServersOptions]:
        general = next((each for each in self._sections if each.type == "servers"), None)
        usual = general.options if general and isinstance(general.options, ServersOptions) else ServersOptions()
        servers: dict[str, ServersOptions] = dict.fromkeys(self._names, usual)
        for section in self._sections:
            options = section.options
            if not isinstance(options, ServerOptions):
                continue
            if section.name not in servers:
                self._report.error(section.span, "no-such-name", *self._no_server(section.name))
                continue
            own = {key: getattr(options, key) for key in section.given}
            servers[section.name] = replace(usual, **own)
        return servers

    def _no_server(self, name: str) -> tuple[str, str]:
        listed = ", ".join(self._names[:10]) + (", …" if len(self._names) > 10 else "")
        message = f"no server of [backend:{self._backend.name}] is called {quoted(name)}"
        return message, did_you_mean(name, self._names) or f"there are: {listed}"

    # -- events ---------------------------------------------------------------------------------------------------

    def _changes(self, section: Section) -> list[Change]:
        """The beginnings and ends of an event, each time that it happens, for each server."""
        options = section.options
        if not isinstance(options, EventOptions):
            return []
        groups = self._groups(section, options)
        self._check_times(section, options)
        changes: list[Change] = []
        for begin, names in self._occurrences(options, groups):
            end = begin + options.lasts if options.lasts else math.inf
            changes += _flaps(section.name, options, (begin, min(end, self._options.duration)), names)
            changes += _once(section.name, options, (begin, end), names)
            if len(changes) > MOST_CHANGES:
                self._report.error(section.span, "too-many-events", f"{section.title} happens too often")
                break
        return changes

    def _occurrences(
        self, options: EventOptions, groups: Sequence[tuple[str, ...]]
    ) -> Iterator[tuple[float, tuple[str, ...]]]:
        """When it begins, and for whom."""
        start = options.at
        while groups and start < self._options.duration:
            for place, names in enumerate(groups):
                yield start + place * options.stagger, names
            start += options.every or math.inf

    def _groups(self, section: Section, options: EventOptions) -> list[tuple[str, ...]]:
        """Whom it happens to, those together to whom it happens at once."""
        if options.do.kind in CLIENT_ACTIONS:
            self._refuse(section, "servers", f"{options.do.kind} happens to clients")
            known = [each.name for each in self._clients]
            return [self._matching(section, "clients", options.clients, known) if options.clients else tuple(known)]
        self._refuse(section, "clients", f"{options.do.kind} happens to servers")
        if not options.servers:
            message = f"{section.title} needs the option {quoted('servers')}"
            self._report.error(section.span, "missing-option", message, "for example: servers = s1, or servers = *")
            return []
        names = self._matching(section, "servers", options.servers, self._names)
        return [(name,) for name in names] if options.stagger else [names]

    def _refuse(self, section: Section, key: str, why: str) -> None:
        if key in section.given:
            self._report.error(section.key_span(key), "no-effect", f"{key} has no meaning here: {why}")

    def _matching(self, section: Section, key: str, patterns: Sequence[str], known: list[str]) -> tuple[str, ...]:
        for word in section.values[key].words() if key in section.values else []:
            if not any(fnmatchcase(name, word.text) for name in known):
                if key == "servers":
                    message, help = self._no_server(word.text)
                else:
                    message = f"there is no [clients:{word.text}] section"
                    help = did_you_mean(word.text, known)
                self._report.error(word.span, "no-such-name", message, help)
        return tuple(name for name in known if any(fnmatchcase(name, pattern) for pattern in patterns))

    def _check_times(self, section: Section, options: EventOptions) -> None:
        if options.at >= self._options.duration:
            message = f"{section.title} comes after the end of the run"
            self._report.warning(section.span_of("at"), "no-effect", message)
        if options.do.kind == "restart" and not options.lasts:
            message = "a restart without lasts never ends"
            self._report.error(section.span_of("do"), "missing-option", message, "for example: lasts = 10s")
        if options.every and options.every <= options.lasts:
            message = "it would begin again before it has ended"
            self._report.error(section.span_of("every"), "overlap", message, "every must be longer than lasts")


Stretch: TypeAlias = tuple[float, float]
"""From when to when."""


def _once(event: str, options: EventOptions, when: Stretch, names: tuple[str, ...]) -> list[Change]:
    if options.do.kind == "flap":
        return []
    begin = Change(when[0], event, options.do, True, names)
    return [begin] if when[1] == math.inf else [begin, Change(when[1], event, options.do, False, names)]


def _flaps(event: str, options: EventOptions, when: Stretch, names: tuple[str, ...]) -> list[Change]:
    """Flapping is crashing in turn."""
    changes: list[Change] = []
    begin, end = when
    while options.do.kind == "flap" and begin < end and len(changes) <= MOST_CHANGES:
        until = min(begin + options.do.amount, end)
        changes += [
            Change(begin, event, Action("crash"), True, names),
            Change(until, event, Action("crash"), False, names),
        ]
        begin += 2 * options.do.amount
    return changes


def _with_generated(backend: BackendOptions, count: int) -> BackendOptions:
    """The backend with so many servers in place of its own; with 0 as it is."""
    if not count:
        return backend
    address = [
        Address(f"10.{number // 62500 + 1}.{number // 250 % 250}.{number % 250 + 1}", 80) for number in range(count)
    ]
    servers = [ServerSpec(f"s{number}", "http", where) for number, where in enumerate(address, 1)]
    return replace(backend, servers=tuple(servers))
