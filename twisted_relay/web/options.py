"""The options of a backend from a program's arguments: written as in a configuration file, read by the same parsers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias, TypeVar

from twisted_relay.config.destinations import DESTINATIONS
from twisted_relay.config.option import options_of
from twisted_relay.config.suggest import did_you_mean
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import AllowedDestination
from twisted_relay.config.words import BadValue, Span, Text, Value, Word
from twisted_relay.errors import ConfigurationError

Setting: TypeAlias = str | int | bool
"""An option's value: as it is written in a file (`"5s"`), or a number or truth value for options that take one."""

_HERE = Span("", 1, 1)
_OPTIONS = options_of(BackendOptions)
_EXCEPTION = "10.20.0.0/16"

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class _Reads(Protocol[T_co]):
    """A parser, as far as it reads."""

    @property
    def read(self) -> Callable[[Value], T_co]: ...


def backend_options(name: str, servers: Sequence[str], settings: Mapping[str, Setting]) -> BackendOptions:
    """The options of a backend called `name`; each server is a line of `servers =`, none is
    needed when there is a setting `discover`. Paths are relative to the
    working directory. Raises `ConfigurationError`."""
    values: dict[str, object] = {}
    if servers or "discover" not in settings:
        values["servers"] = _read("servers", servers)
    for key, setting in settings.items():
        values[key] = _read(key, _written(setting).splitlines())
    construct: Callable[..., BackendOptions] = BackendOptions
    options = construct(name=name, **values)
    if bool(options.tls_cert) != bool(options.tls_key):
        raise ConfigurationError("tls_cert and tls_key are given together or not at all")
    return options


def destinations(text: str) -> tuple[AllowedDestination, ...]:
    """What is allowed by `allow_destination` of a listener; nothing for an empty text. Raises `ConfigurationError`."""
    return _value("allow_destination", DESTINATIONS, _EXCEPTION, text.splitlines()) if text.strip() else ()


def _written(setting: Setting) -> str:
    if isinstance(setting, bool):
        return "on" if setting else "off"
    return str(setting)


def _read(key: str, lines: Sequence[str]) -> object:
    option = _OPTIONS.get(key)
    if option is None:
        raise ConfigurationError(_sentence(f'unknown option "{key}"', did_you_mean(key, _OPTIONS)))
    return _value(key, option.parser, option.example, lines)


def _value(key: str, parser: _Reads[T], example: str, lines: Sequence[str]) -> T:
    texts = tuple(Text.plain(line.strip(" \t"), _HERE) for line in lines)
    value = Value(Word(key, _HERE), texts)
    if not value.items():
        raise ConfigurationError(_sentence(f"{key}: has no value", f"for example: {example.splitlines()[0]}"))
    try:
        return parser.read(value)
    except BadValue as bad:
        faults = "; ".join(_sentence(fault.message, fault.help) for fault in bad.faults)
        raise ConfigurationError(f"{key}: {faults}") from bad


def _sentence(message: str, help: str) -> str:
    return f"{message} ({help})" if help else message
