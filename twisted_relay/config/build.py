"""Makes typed sections of what was read: known sections and options, defaults, required options, parsed values.

Checks each section alone; what they say about each other is checked in `check`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword

from twisted_relay.config.diagnostics import Report
from twisted_relay.config.environment import expand
from twisted_relay.config.option import Option, options_of
from twisted_relay.config.reader import RawOption, RawSection
from twisted_relay.config.suggest import did_you_mean, nearest, ours_for
from twisted_relay.config.tree import SECTIONS, SINGLETONS, SectionOptions
from twisted_relay.config.values import Location
from twisted_relay.config.words import BadValue, Fault, Span, Value, quoted


class Grammar:
    """What a file may hold: its types of section, and those of them that have no name and stand once."""

    def __init__(self, sections: Mapping[str, type[SectionOptions]], singletons: frozenset[str]) -> None:
        self.sections = dict(sections)
        self.singletons = singletons
        self.options: dict[str, dict[str, Option]] = {type: options_of(made) for type, made in sections.items()}
        """Section type → its options by key."""


RELAY = Grammar(SECTIONS, SINGLETONS)
"""The grammar of relay.ini."""
OPTIONS = RELAY.options

ONE_OF = ("backend", "respond", "redirect")
"""The destinations of a route: one that a route gives itself puts the others of `[defaults:route]` aside."""

_SECRET_WORDS = ("password", "passwd", "secret", "token", "api_key", "credential")


@dataclass(slots=True)
class Section:
    """A section whose options are parsed. Options with errors have their default value in `options`."""

    type: str
    name: str
    span: Span
    options: SectionOptions
    values: dict[str, Value] = field(default_factory=dict)
    """What was written, by key, with what `[defaults:TYPE]` gave."""
    own: frozenset[str] = frozenset()
    """The keys that stand in the section itself, also those with errors."""
    given: frozenset[str] = frozenset()
    """The keys that have a value of the file, also those with errors: not left to the option's default."""

    @property
    def title(self) -> str:
        return f"[{self.type}:{self.name}]" if self.name else f"[{self.type}]"

    def span_of(self, key: str) -> Span:
        """Where the value of an option stands, or the section when it is not given."""
        return self.values[key].span if key in self.values else self.span

    def key_span(self, key: str) -> Span:
        """Where the key of an option stands, or the section when it is not given."""
        return self.values[key].key.span if key in self.values else self.span


@dataclass(slots=True)
class _Parsed:
    """The options of one section that were understood, and those that were meant."""

    objects: dict[str, object] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    meant: set[str] = field(default_factory=set)


def build(
    raw: Sequence[RawSection], environment: Mapping[str, str], report: Report, grammar: Grammar = RELAY
) -> list[Section]:
    """The sections that could be made, in the order of the files; what is wrong goes to the report."""
    return _Building(environment, report, grammar).build(raw)


class _Building:
    """The sections and defaults of one run."""

    def __init__(self, environment: Mapping[str, str], report: Report, grammar: Grammar) -> None:
        self._environment = environment
        self._report = report
        self._grammar = grammar
        self._defaults: dict[str, _Parsed] = {}
        self._first: dict[tuple[str, str], Span] = {}

    def build(self, raw: Sequence[RawSection]) -> list[Section]:
        known = [section for section in raw if self._is_known(section)]
        for section in known:
            if section.type == "defaults":
                self._defaults[section.name] = self._parse(section, section.name)
        return [self._made(section) for section in known if section.type != "defaults"]

    def _is_known(self, section: RawSection) -> bool:
        """Whether the header is right. A second section of the same name is reported, but its options are read."""
        if not section.type:
            return False
        problem = _header_problem(section, self._grammar)
        if problem:
            self._report.error(section.span, problem.code, problem.message, problem.help)
            return False
        first = self._first.setdefault((section.type, section.name), section.span)
        if first is not section.span:
            self._report.error(
                section.span,
                "duplicate-section",
                f"{_title(section)} stands a second time",
                f"it is at {first.location}",
            )
        return True

    def _made(self, section: RawSection) -> Section:
        own = self._parse(section, section.type)
        defaults = self._defaults.get(section.type, _Parsed())
        aside = set(ONE_OF) if section.type == "route" and own.meant.intersection(ONE_OF) else set()
        inherited = {key for key in defaults.meant if key not in own.meant and key not in aside}
        objects = {key: defaults.objects[key] for key in inherited if key in defaults.objects} | own.objects
        given = own.meant | inherited
        self._require(section, given)
        construct: Callable[..., SectionOptions] = self._grammar.sections[section.type]
        return Section(
            section.type,
            section.name,
            section.span,
            construct(name=section.name, where=_where(section), **{field_of(key): objects[key] for key in objects}),
            {key: defaults.values[key] for key in inherited if key in defaults.values} | own.values,
            frozenset(own.meant),
            frozenset(given),
        )

    def _require(self, section: RawSection, given: set[str]) -> None:
        for option in self._grammar.options[section.type].values():
            if option.required and option.key not in given:
                message = f"{_title(section)} needs the option {quoted(option.key)}"
                example = option.example.splitlines()[0]
                self._report.error(section.span, "missing-option", message, f"for example: {option.key} = {example}")

    def _parse(self, section: RawSection, type: str) -> _Parsed:
        """Parse every option of a section of this type, or of its defaults."""
        parsed, options, first = _Parsed(), self._grammar.options[type], dict[str, RawOption]()
        for raw in section.options:
            key = raw.key.text
            if raw.broken:
                parsed.meant.add(nearest(key.rstrip(":").split(":")[0].rstrip(), options))
            elif key not in options:
                parsed.meant.add(nearest(key, options))
                self._unknown(section, type, raw)
            elif key in first:
                help = f"it is at {first[key].key.span.location}"
                self._report.error(raw.key.span, "duplicate-option", f"{quoted(key)} stands a second time", help)
            else:
                first[key] = raw
                parsed.meant.add(key)
                self._read(raw, options[key], parsed)
        return parsed

    def _unknown(self, section: RawSection, type: str, raw: RawOption) -> None:
        key = raw.key.text
        is_elsewhere = any(key in options for options in self._grammar.options.values())
        here = self._grammar.options[type]
        help = did_you_mean(key, here) if not is_elsewhere or ours_for(key) in here else ""
        if any(word in key for word in _SECRET_WORDS):
            help = "secrets never stand in the file: name a file that holds them, or use ${NAME}"
        if not help:
            help = _elsewhere(key, self._grammar)
        self._report.error(raw.key.span, "unknown-option", f"unknown option {quoted(key)} in {_title(section)}", help)

    def _read(self, raw: RawOption, option: Option, parsed: _Parsed) -> None:
        try:
            value = expand(raw, self._environment)
            if not value.items():
                raise BadValue(Fault("has no value", "leave the line out to get the default"))
            parsed.values[option.key] = value
            parsed.objects[option.key] = option.parser.read(value)
        except BadValue as bad:
            where = next((line.span for line in raw.lines if line.text), raw.key.span)
            self._refuse(raw, bad.at(where))

    def _refuse(self, raw: RawOption, faults: Sequence[Fault]) -> None:
        """Report the faults of a value; a line that was meant as an option of its own gives one only."""
        meant = {line.line for line in raw.lines if line.looks_like_option}
        for fault in faults:
            span = fault.span or raw.key.span
            message, help = f"{raw.key.text}: {fault.message}", fault.help
            if span.line in meant and span.line != raw.key.span.line:
                message = f"this line continues {quoted(raw.key.text)}, where it is not valid"
                help = "start it in the first column to make it an option of its own"
                span = next(line.words()[0].span for line in raw.lines if line.line == span.line)
            self._report.error(span, fault.code, message, help)


def field_of(key: str) -> str:
    """The field of an option: a word of Python gets an underscore."""
    return f"{key}_" if iskeyword(key) else key


def _elsewhere(key: str, grammar: Grammar) -> str:
    """Help for an option that belongs into another section, also by its name in other proxies; or an empty text."""
    if types := [type for type, options in grammar.options.items() if key in options]:
        return "it is an option of " + " and ".join(f"[{type}]" for type in types)
    meant = ours_for(key)
    section = next((type for type, options in grammar.options.items() if meant in options), "")
    title = section if section in grammar.singletons else f"{section}:NAME"
    return f"did you mean {quoted(meant)} of a [{title}]?" if section else ""


def _title(section: RawSection) -> str:
    return f"[{section.type}:{section.name}]" if section.name else f"[{section.type}]"


def _where(section: RawSection) -> Location:
    return section.span.location


def _header_problem(section: RawSection, grammar: Grammar) -> Fault | None:
    """What is wrong with a header, if anything."""
    type, name = section.type, section.name
    sections, singletons = grammar.sections, grammar.singletons
    named = [each for each in sections if each not in singletons]
    if type == "defaults":
        if name in named:
            return None
        hint = did_you_mean(name, named) or "write one of " + ", ".join(f"[defaults:{each}]" for each in named)
        return Fault(f"{_title(section)} gives defaults to no known section", hint, code="unknown-section")
    if type not in sections:
        hint = did_you_mean(type, [*sections, "defaults"]) or "known are " + ", ".join([*sections, "defaults"])
        return Fault(f"unknown section {_title(section)}", hint, code="unknown-section")
    if type in singletons and name:
        return Fault(f"{_title(section)} takes no name", f"write [{type}]", code="bad-section")
    if type not in singletons and not name:
        return Fault(f"[{type}] needs a name", f"write [{type}:NAME]", code="bad-section")
    return None
