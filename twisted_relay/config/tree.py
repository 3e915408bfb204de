"""The configuration as a tree of frozen dataclasses: one class for each section, one field for each option.

Times are seconds, sizes bytes; 0 is "no limit" or "off" where the option says so. Knows nothing of how files are read.
"""

from dataclasses import Field, dataclass, field
from typing import Any, ClassVar, Protocol

from twisted_relay.config.sections.auth import AuthOptions
from twisted_relay.config.sections.backend import BackendOptions
from twisted_relay.config.sections.listener import ListenerOptions
from twisted_relay.config.sections.lists import ListOptions
from twisted_relay.config.sections.parent import ParentOptions
from twisted_relay.config.sections.process import (
    AccountingOptions,
    AdminOptions,
    DnsOptions,
    LogOptions,
    MetricsOptions,
    RelayOptions,
)
from twisted_relay.config.sections.route import RouteOptions
from twisted_relay.config.sections.rules import RulesOptions
from twisted_relay.config.sections.tls import TLSOptions
from twisted_relay.config.values import Location

__all__ = [
    "SECTIONS",
    "SINGLETONS",
    "AccountingOptions",
    "AdminOptions",
    "AuthOptions",
    "BackendOptions",
    "Config",
    "DnsOptions",
    "ListOptions",
    "ListenerOptions",
    "LogOptions",
    "MetricsOptions",
    "ParentOptions",
    "RelayOptions",
    "RouteOptions",
    "RulesOptions",
    "SectionOptions",
    "TLSOptions",
]


class SectionOptions(Protocol):
    """The options of one section: what all of their dataclasses have."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def name(self) -> str:
        """The section's name; empty where it has none."""

    @property
    def where(self) -> Location:
        """Where its header stands."""


SECTIONS: dict[str, type[SectionOptions]] = {
    "relay": RelayOptions,
    "admin": AdminOptions,
    "metrics": MetricsOptions,
    "accounting": AccountingOptions,
    "dns": DnsOptions,
    "listener": ListenerOptions,
    "tls": TLSOptions,
    "route": RouteOptions,
    "backend": BackendOptions,
    "rules": RulesOptions,
    "parent": ParentOptions,
    "list": ListOptions,
    "auth": AuthOptions,
    "log": LogOptions,
}
"""Every type of section, in the order of the reference page."""

SINGLETONS = frozenset({"relay", "admin", "metrics", "accounting", "dns"})
"""Sections that have no name and stand once; the others have one and may have defaults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One whole configuration; the names in it have been checked against each other."""

    path: str = ""
    relay: RelayOptions = field(default_factory=RelayOptions)
    admin: AdminOptions = field(default_factory=AdminOptions)
    metrics: MetricsOptions = field(default_factory=MetricsOptions)
    accounting: AccountingOptions = field(default_factory=AccountingOptions)
    dns: DnsOptions = field(default_factory=DnsOptions)
    listeners: tuple[ListenerOptions, ...] = ()
    tls: dict[str, TLSOptions] = field(default_factory=dict)
    routes: tuple[RouteOptions, ...] = ()
    """In the order of the file, which is the order in which they are tried."""
    backends: dict[str, BackendOptions] = field(default_factory=dict)
    parents: dict[str, ParentOptions] = field(default_factory=dict)
    rules: dict[str, RulesOptions] = field(default_factory=dict)
    lists: dict[str, ListOptions] = field(default_factory=dict)
    auth: dict[str, AuthOptions] = field(default_factory=dict)
    logs: dict[str, LogOptions] = field(default_factory=dict)
