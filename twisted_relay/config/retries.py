"""Parsers of what is tried again: after which failures, for which methods, and within which budget."""

import re

from twisted_relay.config.option import Parser, one_line, word_list
from twisted_relay.config.patterns import TOKEN
from twisted_relay.config.settings import none_twice
from twisted_relay.config.values import BudgetSpec, RetryOn
from twisted_relay.config.words import BadValue, Fault, Text, Value, not_valid, quoted

CONDITIONS = ("connect", "reset", "empty", "timeout")
"""The failures without a response: no connection; closed by reset before an answer; closed in order before an answer;
no answer in time."""
METHOD_SETS = ("safe", "idempotent", "any")

RETRY_ON_HELP = "write off, or some of connect, reset, empty, timeout and status codes: connect reset 502 503 504"
RETRY_METHODS_HELP = "write safe, idempotent or any, or methods in capitals: GET HEAD PUT"
BUDGET_HELP = "write off, or a share of the requests: 20%, 20% min=10/s"

_CODES = re.compile(r"([45][0-9]{2})(?:-([45][0-9]{2}))?")
_BUDGET = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%(?:[ \t]+min=([0-9]{1,6}(?:\.[0-9]{1,3})?)/s)?")


def _parse_condition(text: str) -> str | tuple[int, int]:
    if text in CONDITIONS:
        return text
    match = _CODES.fullmatch(text)
    if not match:
        raise not_valid(text, RETRY_ON_HELP)
    first, last = int(match[1]), int(match[2] or match[1])
    if first > last:
        raise not_valid(text, f"write the lower status code first: {last}-{first}")
    return first, last


_CONDITION_WORDS = word_list("conditions", _parse_condition)


def _read_retry_on(value: Value) -> RetryOn:
    words = value.words()
    if [word.text for word in words] == ["off"]:
        return RetryOn()
    parts = _CONDITION_WORDS.read(value)
    none_twice(words)
    named = {part for part in parts if isinstance(part, str)}
    ranges = tuple(part for part in parts if isinstance(part, tuple))
    return RetryOn(tuple(name for name in CONDITIONS if name in named), ranges)


def show_retry_on(retry_on: RetryOn) -> str:
    """The conditions as they are written."""
    codes = [str(low) if low == high else f"{low}-{high}" for low, high in retry_on.statuses]
    return " ".join([*retry_on.conditions, *codes]) or "off"


RETRY_ON: Parser[RetryOn] = Parser("conditions and status codes, or `off`", _read_retry_on, show_retry_on)


def _parse_method(text: str) -> str:
    if text not in METHOD_SETS and (not TOKEN.fullmatch(text) or text != text.upper()):
        raise not_valid(text, RETRY_METHODS_HELP)
    return text


_METHOD_WORDS = word_list("`safe`, `idempotent`, `any`, or methods", _parse_method)


def _read_methods(value: Value) -> tuple[str, ...]:
    methods = _METHOD_WORDS.read(value)
    none_twice(value.words())
    for word in value.words():
        if word.text in METHOD_SETS and len(methods) > 1:
            raise BadValue(Fault(f"{quoted(word.text)} stands alone or not at all", RETRY_METHODS_HELP, word.span))
    return methods


RETRY_METHODS: Parser[tuple[str, ...]] = Parser(_METHOD_WORDS.kind, _read_methods, _METHOD_WORDS.show)


def _parse_budget(line: Text) -> BudgetSpec | None:
    if line.text == "off":
        return None
    match = _BUDGET.fullmatch(line.text)
    if not match or float(match[1]) > 100:
        raise not_valid(line.text, BUDGET_HELP)
    return BudgetSpec(float(match[1]) / 100, float(match[2] or 0))


def show_budget(budget: BudgetSpec | None) -> str:
    """A budget as it is written."""
    return "off" if budget is None else f"{budget.ratio * 100:g}% min={budget.reserve:g}/s"


RETRY_BUDGET: Parser[BudgetSpec | None] = one_line("share of requests, or `off`", _parse_budget, show_budget)
