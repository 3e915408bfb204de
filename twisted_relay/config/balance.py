"""The parser of `balance`: the policy of a backend, and what it maps to servers."""

from twisted_relay.config.option import Parser, one_line
from twisted_relay.config.suggest import did_you_mean
from twisted_relay.config.values import BalanceSpec
from twisted_relay.config.words import BadValue, Fault, Text, quoted

POLICY_NAMES = ("round-robin",)
"""What `balance` may begin with."""


def _parse(line: Text) -> BalanceSpec:
    policy, *others = line.words()
    if policy.text not in POLICY_NAMES:
        hint = did_you_mean(policy.text, POLICY_NAMES) or "write one of " + ", ".join(POLICY_NAMES)
        raise BadValue(Fault(f"{quoted(policy.text)} is not valid", hint, policy.span))
    if others:
        raise BadValue(Fault(f"{policy.text} takes nothing more", span=others[0].span))
    return BalanceSpec(policy.text)


def show_balance(spec: BalanceSpec) -> str:
    """A policy as it is written."""
    return spec.policy


BALANCE: Parser[BalanceSpec] = one_line("policy", _parse, show_balance)
