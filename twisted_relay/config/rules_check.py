"""Rules of forward proxies, and the listeners that name them: what can never decide, who is open to everybody.

That every rule can be read has been checked when it was parsed; here is what rules say about each other.
"""

from collections.abc import Iterable, Iterator, Sequence

from twisted_relay.config.build import Section
from twisted_relay.config.diagnostics import Report
from twisted_relay.config.forwarding import is_forward
from twisted_relay.config.rule_values import Domain, Domains, RuleSpec
from twisted_relay.config.rules import named_in
from twisted_relay.config.rules_names import check_names
from twisted_relay.config.tree import ListenerOptions, RulesOptions
from twisted_relay.config.values import Address, BindAddress
from twisted_relay.config.words import Span, Text, Word, quoted


def check_rules(sections: Sequence[Section], report: Report) -> None:
    """Report rules that cannot decide, and forward proxies that anybody can use."""
    rules = {section.name: section for section in sections if section.type == "rules"}
    auths = {section.name: section for section in sections if section.type == "auth"}
    for section in rules.values():
        _check_unreachable(section, report)
    for section in sections:
        if is_forward(section):
            _check_open(section, rules, report)
            stated = _rules_for(section, rules)
            if stated is not None and _rules_of(stated):
                check_names(section, stated.values["rule"], auths, report)


def lists_named(section: Section) -> Iterator[Word]:
    """The lists that rules name."""
    value = section.values.get("rule")
    if section.type == "rules" and value is not None and _rules_of(section):
        yield from named_in(value, "list")


def _rules_of(section: Section) -> tuple[RuleSpec, ...]:
    return section.options.rule if isinstance(section.options, RulesOptions) else ()


# -- rules that never decide ------------------------------------------------------------------------------------------


def _check_unreachable(section: Section, report: Report) -> None:
    """Rules after one that takes everything, or the same, or all of their domains."""
    value = section.values.get("rule")
    seen: dict[frozenset[str], RuleSpec] = {}
    domains: dict[Domain, RuleSpec] = {}
    for rule, line in zip(_rules_of(section), value.items() if value is not None else (), strict=False):
        earlier = seen.get(frozenset()) or seen.get(_asked(rule)) or _of_domains(rule, domains)
        if earlier is not None:
            _never_decides(rule, earlier, line, report)
            continue
        seen[_asked(rule)] = rule
        domains.update((domain, rule) for domain in _only_domains(rule))


def _never_decides(rule: RuleSpec, earlier: RuleSpec, line: Text, report: Report) -> None:
    message = f"{quoted(rule.text)} never decides: {quoted(earlier.text)} takes the same requests"
    report.warning(line.span, "unreachable-rule", message, f"it is at {earlier.where}")


def _asked(rule: RuleSpec) -> frozenset[str]:
    return frozenset(condition.text for condition in rule.conditions)


def _only_domains(rule: RuleSpec) -> tuple[Domain, ...]:
    """The domains of a rule that asks for nothing else."""
    match rule.conditions:
        case (condition,) if not condition.negated and isinstance(condition.test, Domains):
            return condition.test.domains
    return ()


def _of_domains(rule: RuleSpec, earlier: dict[Domain, RuleSpec]) -> RuleSpec | None:
    """An earlier rule that takes one of the domains, if all of them are taken."""
    takers = [_taker(domain, earlier) for domain in _only_domains(rule)]
    return takers[0] if takers and None not in takers else None


def _taker(domain: Domain, earlier: dict[Domain, RuleSpec]) -> RuleSpec | None:
    if domain in earlier:
        return earlier[domain]
    return next((earlier[name] for name in _above(domain.name) if name in earlier), None)


def _above(name: str) -> Iterator[Domain]:
    """The patterns that take a name with all others below them."""
    while name:
        yield Domain(name, True)
        name = name.partition(".")[2]


# -- who may use a proxy ----------------------------------------------------------------------------------------------


def _check_open(section: Section, rules: dict[str, Section], report: Report) -> None:
    """A proxy for everybody is used by everybody: for spam and attacks that come from its address."""
    options = section.options
    assert isinstance(options, ListenerOptions)
    why = _openness(section, rules)
    if options.open and not why and "open" in section.values:
        message = f"open does nothing here: {section.title} is not open to everybody"
        report.warning(section.key_span("open"), "no-effect", message)
    if options.open or not why:
        return
    public = [(bind, span) for bind, span in _binds(section, options) if not _is_private(bind)]
    if public:
        bind, span = public[0]
        message = f"anybody who reaches {bind} can use this proxy: {why}"
        help = "give the listener auth or rules, bind it to 127.0.0.1, or write open = yes if it is meant so"
        report.error(span, "open-proxy", message, help)


def _openness(section: Section, rules: dict[str, Section]) -> str:
    """Why everybody may use a listener and go everywhere; "" if not."""
    if "auth" in section.given:
        return ""
    if "rules" not in section.given:
        return "it has no auth and no rules"
    stated = _rules_for(section, rules)
    first = _rules_of(stated)[:1] if stated is not None else ()
    if stated is not None and first and first[0].allow and not first[0].conditions:
        return f"it has no auth, and {stated.title} allows everything"
    return ""


def _rules_for(section: Section, rules: dict[str, Section]) -> Section | None:
    """The rules that a listener names, if they are there."""
    value = section.values.get("rules")
    return rules.get(value.words()[0].text) if value is not None else None


def _binds(section: Section, options: ListenerOptions) -> Iterable[tuple[BindAddress, Span]]:
    value = section.values.get("bind")
    return zip(options.bind, (word.span for word in value.words()), strict=False) if value is not None else ()


def _is_private(bind: BindAddress) -> bool:
    """Whether only this machine reaches it."""
    return not isinstance(bind, Address) or bind.host in ("localhost", "::1") or bind.host.startswith("127.")
