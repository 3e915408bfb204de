"""The parser of `balance`: the policy of a backend, and what it maps to servers."""

import re
from typing import Literal, cast

from twisted_relay.config.option import Parser, one_line
from twisted_relay.config.patterns import TOKEN
from twisted_relay.config.suggest import did_you_mean
from twisted_relay.config.values import BalanceSpec
from twisted_relay.config.words import BadValue, Fault, Text, Word, quoted

PLAIN_NAMES = ("round-robin", "random", "random-two", "least-connections", "least-time", "first")
"""Policies that look at the servers alone; each may be a fallback."""
POLICY_NAMES = (*PLAIN_NAMES, "ip-hash", "hash", "maglev")
"""What `balance` may begin with."""
RINGS = ("rendezvous", "ketama")

ELSEWHERE = {
    "roundrobin": "round-robin",
    "static-rr": "round-robin",
    "wrr": "round-robin",
    "weighted_round_robin": "round-robin",
    "round_robin": "round-robin",
    "leastconn": "least-connections",
    "least_conn": "least-connections",
    "least_request": "least-connections",
    "least_time": "least-time",
    "leasttime": "least-time",
    "peak_ewma": "least-time",
    "ewma": "least-time",
    "p2c": "random-two",
    "random_choose": "random-two",
    "source": "ip-hash",
    "ip_hash": "ip-hash",
    "uri": "hash path",
    "uri_hash": "hash path",
    "hrw": "hash client-ip",
    "ring_hash": "hash header:NAME ring=ketama",
}
"""Policies of other proxies, and ours for the same."""

KEY_HELP = "write what is mapped to a server: header:NAME, cookie:NAME, query:NAME, path or client-ip"
BOUND_HELP = "write a percentage from 100% to 10000%, such as bound=150%"

_PERCENT = re.compile(r"([0-9]{3,5})%")
_PARAMETER = re.compile(r"[\x21-\x25\x27-\x3c\x3e-\x7e]+")

Key = Literal["client-ip", "path", "header", "cookie", "query"]


def _parse(line: Text) -> BalanceSpec:
    policy, *others = line.words()
    if policy.text not in POLICY_NAMES:
        raise BadValue(Fault(f"{quoted(policy.text)} is not valid", _policy_hint(policy.text), policy.span))
    if policy.text in PLAIN_NAMES:
        if others:
            raise BadValue(Fault(f"{policy.text} takes nothing more", span=others[0].span))
        return BalanceSpec(policy.text)
    if policy.text == "ip-hash":
        return _with_settings(BalanceSpec("ip-hash"), others)
    if not others:
        raise BadValue(Fault(f"{policy.text} needs a key", KEY_HELP, policy.span))
    key, name = _parse_key(others[0])
    return _with_settings(BalanceSpec(policy.text, key, name), others[1:])


def _policy_hint(text: str) -> str:
    if ours := ELSEWHERE.get(text.lower()):
        return f'did you mean "{ours}"?'
    return did_you_mean(text, POLICY_NAMES) or "write one of " + ", ".join(POLICY_NAMES)


def _parse_key(word: Word) -> tuple[Key, str]:
    kind, colon, name = word.text.partition(":")
    if kind in ("path", "client-ip") and not colon:
        return cast("Key", kind), ""
    valid = _PARAMETER if kind == "query" else TOKEN
    if kind in ("header", "cookie", "query") and valid.fullmatch(name):
        return cast("Key", kind), name.lower() if kind == "header" else name
    hint = did_you_mean(kind, ("header", "cookie", "query", "path", "client-ip"))
    raise BadValue(Fault(f"{quoted(word.text)} is not valid", " ".join(filter(None, (hint, KEY_HELP))), word.span))


def _with_settings(spec: BalanceSpec, words: list[Word]) -> BalanceSpec:
    """The policy with what stands behind its key: `ring=`, `bound=` and `fallback=`, in any order."""
    settings: dict[str, Word] = {}
    names = ("bound", "fallback") if spec.policy == "maglev" else ("ring", "bound", "fallback")
    for word in words:
        name, equals, _ = word.text.partition("=")
        if name not in names or not equals:
            hint = "" if name in names else did_you_mean(name, names)
            hint = hint or "write " + ", ".join(f"{each}=…" for each in names)
            raise BadValue(Fault(f"{quoted(word.text)} is not valid", hint, word.span))
        if name in settings:
            raise BadValue(Fault(f"{name}= is repeated", span=word.span))
        settings[name] = word
    ring = _one_of(settings.get("ring"), RINGS, spec.ring)
    fallback = _one_of(settings.get("fallback"), PLAIN_NAMES, spec.fallback)
    return BalanceSpec(
        spec.policy,
        spec.key,
        spec.key_name,
        "ketama" if ring == "ketama" else "rendezvous",
        _parse_bound(settings.get("bound")),
        fallback,
    )


def _one_of(word: Word | None, known: tuple[str, ...], default: str) -> str:
    if word is None:
        return default
    text = word.text.partition("=")[2]
    if text not in known:
        hint = did_you_mean(text, known) or "write one of " + ", ".join(known)
        raise BadValue(Fault(f"{quoted(word.text)} is not valid", hint, word.span))
    return text


def _parse_bound(word: Word | None) -> float:
    if word is None:
        return 0.0
    match = _PERCENT.fullmatch(word.text.removeprefix("bound="))
    if not match or not 100 <= int(match[1]) <= 10000:
        raise BadValue(Fault(f"{quoted(word.text)} is not valid", BOUND_HELP, word.span))
    return int(match[1]) / 100


def show_balance(spec: BalanceSpec) -> str:
    """A policy as it is written."""
    words = [spec.policy]
    if spec.policy in ("hash", "maglev"):
        words.append(f"{spec.key}:{spec.key_name}" if spec.key_name else spec.key)
    if spec.ring != "rendezvous":
        words.append(f"ring={spec.ring}")
    if spec.bound:
        words.append(f"bound={round(spec.bound * 100)}%")
    if spec.fallback != "random":
        words.append(f"fallback={spec.fallback}")
    return " ".join(words)


BALANCE: Parser[BalanceSpec] = one_line("policy", _parse, show_balance)
