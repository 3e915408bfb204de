"""The rules of a forward proxy as they are written: `deny domain .social.example time Mon-Fri 09:00-17:00`.

A line is an action and its conditions, or an action and `all`. A condition is a word that says what is looked at, and
one or more values; `not` before it turns it round. Behind `allow` a line may end with `limit RATE` and `parent NAME`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from unicodedata import normalize

from twisted_relay.config.addresses import NETWORK_HELP, is_host, parse_network, unbracketed
from twisted_relay.config.option import Parser, line_list
from twisted_relay.config.patterns import compiled, parse_method
from twisted_relay.config.ports import parse_ports
from twisted_relay.config.rates import parse_rate
from twisted_relay.config.rule_values import (
    Domain,
    Domains,
    Names,
    Networks,
    Ports,
    RuleCondition,
    RuleSpec,
    RuleTest,
    Urls,
)
from twisted_relay.config.suggest import nearest
from twisted_relay.config.values import Network, PathPattern
from twisted_relay.config.week import parse_week
from twisted_relay.config.words import BadValue, Fault, Text, Value, Word, not_valid, parse_words, quoted

ACTIONS = ("allow", "deny")
PARENT = "parent"
"""The word before the name of a parent, which ends a line."""
LIMIT = "limit"
"""The word before a rate, at the end of a line."""
KINDS = ("user", "group", "client", "domain", "destination", "port", "method", "url", "list", "time")
MEANT = {
    "src": "client",
    "source": "client",
    "ip": "client",
    "dst": "destination",
    "dest": "destination",
    "host": "domain",
    "dstdomain": "domain",
    "site": "domain",
    "path": "url",
    "proxy_auth": "user",
    "users": "user",
    "groups": "group",
    "hours": "time",
}
"""Words of other proxies, and ours for the same."""
ONE_OF_MANY = frozenset({"user", "client", "domain", "destination", "port", "method"})
"""A request has one of each: two conditions of this kind on a line are meant as alternatives."""

RULE_HELP = "write allow or deny, then all or conditions such as: deny domain .ads.example"
END_HELP = "add a last line that takes everything: deny all, or allow all"
DOMAIN_HELP = "write example.org for that name alone, .example.org for it and all names below (not ASCII: as xn--…)"
URL_HELP = "write http://HOST/PATH with * for any characters, *.zip, or ~expression"
_NAME = re.compile(r"[^\x00-\x20\x7f:]{1,255}")
_SECTION_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_VISIBLE = re.compile(r"[\x21-\x7e]{1,2048}")


def parse_domain(text: str) -> Domain:
    """`example.org`, `.example.org`."""
    name = text.lower().removesuffix(".")
    below = name.startswith(".")
    name = name.removeprefix(".")
    if name.startswith("*.") and is_host(name[2:]):
        raise not_valid(text, f"write {name[1:]} for {name[2:]} and all names below it")
    if re.fullmatch(r"[0-9.]+", name) or unbracketed(name) or ":" in name:
        raise not_valid(text, "addresses are no domains: write destination and the address or network")
    if not is_host(name):
        raise not_valid(text, DOMAIN_HELP)
    return Domain(name, below)


def _parse_networks(text: str) -> Network:
    literal = unbracketed(text)
    if literal is not None:
        raise not_valid(text, f"write it without brackets: {literal}")
    try:
        return parse_network(text)
    except BadValue:
        if is_host(text.removeprefix(".")):
            raise not_valid(text, f"{NETWORK_HELP}; names are asked for with domain") from None
        raise


def _parse_url(text: str) -> PathPattern:
    if text.startswith("~"):
        compiled(text[1:])
        return PathPattern("regex", text[1:])
    if not _VISIBLE.fullmatch(text):
        raise not_valid(text, "a URL has only visible ASCII characters; write the others percent-encoded")
    if text.lower().startswith("https:"):
        raise not_valid(text, "of https only host and port are seen: write domain and port")
    if text.startswith("/"):
        raise not_valid(text, f"write *{text} for this path on every host")
    if not text.startswith("*") and not text.lower().startswith("http://"):
        raise not_valid(text, URL_HELP)
    if text.lower().startswith("http://"):
        authority, slash, path = text[7:].partition("/")
        text = f"http://{_normal_authority(authority)}{slash}{path}"
        if not slash and not authority.endswith("*"):
            text += "/"
    path, mark, query = text.partition("?")
    text = _ESCAPE.sub(_normal_escape, path) + mark + query
    return PathPattern("glob" if re.search(r"[*?]", text) else "exact", text)


def _normal_escape(match: re.Match[str]) -> str:
    """As paths of requests have it when they are compared: what needs no escape has none (RFC 3986 §6.2.2)."""
    character = chr(int(match[1], 16))
    return character if _UNRESERVED.fullmatch(character) else match[0].upper()


def _normal_authority(authority: str) -> str:
    """As requests have it: no dot at the end of a name, IPv6 in its shortest form, no port 80."""
    host, port = authority.lower().removesuffix(":80"), ""
    if re.search(r":[0-9]*\Z", host):
        host, _, port = host.rpartition(":")
    literal = unbracketed(host)
    host = host.removesuffix(".") if literal is None else f"[{literal}]"
    return f"{host}:{port}" if port else host


def _parse_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise not_valid(text, "a name has no colon and no control characters, and at most 255 characters")
    return normalize("NFC", text)


def _parse_list_name(text: str) -> str:
    if not _SECTION_NAME.fullmatch(text):
        raise not_valid(text, "write the NAME of a [list:NAME] section")
    return text


def _sorted_ranges(ranges: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(set(ranges)))


TESTS: dict[str, Callable[[Sequence[Word]], RuleTest]] = {
    "user": lambda words: Names("user", parse_words(words, _parse_name)),
    "group": lambda words: Names("group", parse_words(words, _parse_name)),
    "client": lambda words: Networks("client", parse_words(words, _parse_networks)),
    "domain": lambda words: Domains(parse_words(words, parse_domain)),
    "destination": lambda words: Networks("destination", parse_words(words, _parse_networks)),
    "port": lambda words: Ports(_sorted_ranges(parse_words(words, parse_ports))),
    "method": lambda words: Names("method", parse_words(words, parse_method)),
    "url": lambda words: Urls(parse_words(words, _parse_url)),
    "list": lambda words: Names("list", parse_words(words, _parse_list_name)),
    "time": parse_week,
}
"""How the values of each kind of condition are read."""


def parse_rule(line: Text) -> RuleSpec:
    """One line; raises `BadValue` with everything that is wrong in it."""
    action, *others = line.words()
    if action.text not in ACTIONS:
        meant = nearest(action.text, ACTIONS) or {"permit": "allow", "block": "deny", "reject": "deny"}.get(action.text)
        raise _refused(action, f'did you mean "{meant}"?' if meant else RULE_HELP)
    text = " ".join(word.text for word in (action, *others))
    limit, others = _without_limit(action, others)
    parent, others = _without_parent(action, others)
    rule = RuleSpec(action.text == "allow", (), text, line.span.location, parent, limit)
    if not others:
        raise BadValue(Fault(f"{action.text} what?", RULE_HELP, action.span))
    everything = next((word for word in others if word.text == "all"), None)
    if everything is not None and len(others) > 1:
        raise BadValue(
            Fault("all stands alone", "conditions narrow a rule by themselves: leave all out", everything.span)
        )
    return rule if everything else replace(rule, conditions=_conditions(others))


def _without_limit(action: Word, words: list[Word]) -> tuple[int, list[Word]]:
    """The limit at the end of a rule, before a parent or behind it, or 0; and the other words."""
    index = next((index for index, word in enumerate(words) if word.text == LIMIT), None)
    if index is None:
        return 0, words
    if action.text != "allow":
        raise BadValue(Fault("what is denied needs no limit", "leave limit out", words[index].span))
    rate, others = words[index + 1 : index + 2], words[index + 2 :]
    if not rate or (others and others[0].text != PARENT):
        raise BadValue(Fault("limit and one rate end a rule", "write limit 10MB/s", words[index].span))
    return parse_words(rate, parse_rate)[0], words[:index] + others


def _without_parent(action: Word, words: list[Word]) -> tuple[str, list[Word]]:
    """The parent at the end of a rule, or "", and the words before it."""
    index = next((index for index, word in enumerate(words) if word.text == PARENT), None)
    if index is None:
        return "", words
    if action.text != "allow":
        raise BadValue(Fault("what is denied goes through no parent", "leave parent out", words[index].span))
    if len(words) != index + 2:
        help = "write parent NAME, or parent direct, at the end of the line"
        raise BadValue(Fault("parent and one name end a rule", help, words[index].span))
    name = words[index + 1]
    if not _SECTION_NAME.fullmatch(name.text):
        raise _refused(name, "write the NAME of a [parent:NAME] section, or direct")
    return name.text, words[:index]


def _refused(word: Word, help: str) -> BadValue:
    return BadValue(Fault(f"{quoted(word.text)} is not valid", help, word.span))


def _conditions(words: Sequence[Word]) -> tuple[RuleCondition, ...]:
    found: list[RuleCondition] = []
    faults: list[Fault] = []
    seen: set[str] = set()
    for kind, negated, values in _split(words):
        try:
            found.append(_condition(kind, negated, values))
            if not negated and kind.text in seen & ONE_OF_MANY:
                help = f"alternatives stand behind one {kind.text}: {kind.text} A B"
                faults.append(Fault(f"{kind.text} stands twice, and both would have to hold", help, kind.span))
        except BadValue as bad:
            faults.extend(bad.at(kind.span))
        if not negated:
            seen.add(kind.text)
    if faults:
        raise BadValue(*faults)
    return tuple(found)


def _split(words: Sequence[Word]) -> Iterator[tuple[Word, bool, list[Word]]]:
    """What each condition looks at, whether it is turned round, and its values."""
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        negated = word.text == "not"
        if negated:
            if not waiting or waiting[0].text == "not":
                raise BadValue(
                    Fault("not what?", "after not stands a condition, such as: not domain .example.org", word.span)
                )
            word = waiting.pop(0)
        if word.text not in KINDS:
            raise _refused(word, _kind_help(word.text))
        values: list[Word] = []
        while waiting and waiting[0].text not in (*KINDS, "not"):
            values.append(waiting.pop(0))
        yield word, negated, values


def _kind_help(text: str) -> str:
    meant = MEANT.get(text.lower()) or nearest(text, KINDS)
    if not meant and is_host(text.removeprefix(".")) and "." in text:
        meant = "destination" if re.fullmatch(r"[0-9.]+", text) else "domain"
        return f"write {meant} {text}"
    return (
        f'did you mean "{meant}"?' if meant else "a condition begins with " + ", ".join(KINDS[:-1]) + " or " + KINDS[-1]
    )


def _condition(kind: Word, negated: bool, values: Sequence[Word]) -> RuleCondition:
    if not values:
        raise BadValue(Fault(f"{kind.text} needs a value", _EXAMPLES[kind.text], kind.span))
    text = " ".join((*["not"] * negated, kind.text, *(word.text for word in values)))
    return RuleCondition(TESTS[kind.text](values), negated, text)


_EXAMPLES = {
    "user": "write user NAME",
    "group": "write group NAME",
    "client": "write client 10.1.0.0/16",
    "domain": "write domain .example.org",
    "destination": "write destination 10.0.0.0/8",
    "port": "write port 443 8000-8999",
    "method": "write method POST PUT",
    "url": "write url http://example.org/downloads/*",
    "list": "write list NAME",
    "time": "write time Mon-Fri 09:00-17:00",
}

_LINES = line_list("rules, one on each line", parse_rule, lambda rule: rule.text)


def _read_rules(value: Value) -> tuple[RuleSpec, ...]:
    rules = _LINES.read(value)
    if rules[-1].conditions:
        raise BadValue(Fault("the last rule does not take everything", END_HELP, value.items()[-1].span))
    return rules


RULES: Parser[tuple[RuleSpec, ...]] = Parser(_LINES.kind, _read_rules, _LINES.show)


def named_in(value: Value, kind: str) -> Iterator[Word]:
    """The words of a value of rules that name users, groups or lists; for a value that was parsed."""
    for line in value.items():
        action, *others = line.words()
        _, others = _without_limit(action, others)
        _, others = _without_parent(action, others)
        if others[0].text != "all":
            for what, _, words in _split(others):
                if what.text == kind:
                    yield from words


def parents_in(value: Value) -> Iterator[Word]:
    """The words of a value of rules that name parents, `direct` among them; for a value that was parsed."""
    for line in value.items():
        action, *others = line.words()
        _, words = _without_limit(action, others)
        if len(words) > 2 and words[-2].text == PARENT:
            yield words[-1]
