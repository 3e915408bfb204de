"""The configuration: read, checked, and given out as a tree of frozen dataclasses.

Must not know anything that uses it. `load` never raises for what stands in a file: it reports.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from twisted_relay.config.build import Section, build
from twisted_relay.config.check import check
from twisted_relay.config.diagnostics import Diagnostic, Report
from twisted_relay.config.includes import read_files
from twisted_relay.config.tree import (
    AccountingOptions,
    AdminOptions,
    AuthOptions,
    BackendOptions,
    Config,
    DnsOptions,
    ListenerOptions,
    ListOptions,
    LogOptions,
    MetricsOptions,
    ParentOptions,
    RelayOptions,
    RouteOptions,
    RulesOptions,
    TLSOptions,
)

__all__ = ["Config", "Diagnostic", "Loaded", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of reading a configuration: the tree, or None when there is any error, and all diagnostics."""

    config: Config | None
    diagnostics: tuple[Diagnostic, ...]


def load(path: str, environment: Mapping[str, str], despite: Collection[str] = ()) -> Loaded:
    """Read and check a configuration file and all that it includes. Variables come from `environment`.

    `despite` are codes of errors that are reported but do not keep the tree from being made.
    """
    report = Report()
    sections = build(read_files(path, environment, report), environment, report)
    check(path, sections, report)
    diagnostics = report.diagnostics()
    is_bad = any(each.severity == "error" and each.code not in despite for each in diagnostics)
    return Loaded(None if is_bad else _tree(path, sections), diagnostics)


def _tree(path: str, sections: Sequence[Section]) -> Config:
    made = [section.options for section in sections]
    return Config(
        path=path,
        relay=next((each for each in made if isinstance(each, RelayOptions)), RelayOptions()),
        admin=next((each for each in made if isinstance(each, AdminOptions)), AdminOptions()),
        metrics=next((each for each in made if isinstance(each, MetricsOptions)), MetricsOptions()),
        accounting=next((each for each in made if isinstance(each, AccountingOptions)), AccountingOptions()),
        dns=next((each for each in made if isinstance(each, DnsOptions)), DnsOptions()),
        listeners=tuple(each for each in made if isinstance(each, ListenerOptions)),
        tls={each.name: each for each in made if isinstance(each, TLSOptions)},
        routes=tuple(each for each in made if isinstance(each, RouteOptions)),
        backends={
            each.name: each for each in made if isinstance(each, BackendOptions) and not isinstance(each, ParentOptions)
        },
        parents={each.name: each for each in made if isinstance(each, ParentOptions)},
        rules={each.name: each for each in made if isinstance(each, RulesOptions)},
        lists={each.name: each for each in made if isinstance(each, ListOptions)},
        auth={each.name: each for each in made if isinstance(each, AuthOptions)},
        logs={each.name: each for each in made if isinstance(each, LogOptions)},
    )
