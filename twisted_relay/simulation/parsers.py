"""Parsers of what only scenarios have: rates, distributions, mixes and what happens at an event."""

import re
from collections.abc import Callable
from typing import TypeVar

from twisted_relay.config.option import Parser, one_line, one_word
from twisted_relay.config.scalars import parse_time, show_time
from twisted_relay.config.suggest import did_you_mean
from twisted_relay.config.words import BadValue, Fault, Text, Value, Word, not_valid, parse_words, quoted
from twisted_relay.simulation.latency import Latency
from twisted_relay.simulation.values import CLIENT_ACTIONS, SERVER_ACTIONS, Action, Curve, Mix

T = TypeVar("T")

_RATE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)/([smhd])")
_PER_SECOND = {"s": 1.0, "m": 1 / 60, "h": 1 / 3600, "d": 1 / 86400}
_FACTOR = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)x")
_EXPONENT = re.compile(r"[0-9](?:\.[0-9]{1,6})?")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%")
_STATUS = re.compile(r"[2-5][0-9]{2}")
_METHOD = re.compile(r"[A-Z]{1,20}")
_LATENCY_HELP = "write constant 20ms, uniform 10ms 30ms, exponential 20ms or lognormal median=20ms p99=200ms"
_ACTIONS = SERVER_ACTIONS | CLIENT_ACTIONS
_ROUNDING = 1e-9


def _at(word: Word, parse: Callable[[str], T]) -> T:
    """Parse one word; a fault points at it."""
    return parse_words([word], parse)[0]


def parse_rate(text: str) -> float:
    """Requests per second of `100/s`, `30/m` or `5/h`."""
    match = _RATE.fullmatch(text)
    if not match:
        raise not_valid(text, "write a rate such as 100/s, 30/m or 5/h")
    return float(match[1]) * _PER_SECOND[match[2]]


def show_rate(rate: float) -> str:
    """A rate as it is written."""
    return f"{rate:g}/s"


def parse_factor(text: str) -> float:
    """`10x`, `0.5x`."""
    match = _FACTOR.fullmatch(text)
    if not match or not float(match[1]):
        raise not_valid(text, "write a factor such as 10x or 0.5x")
    return float(match[1])


FACTOR: Parser[float] = one_word("factor", parse_factor, lambda factor: f"{factor:g}x")


def _parse_exponent(text: str) -> float:
    if not _EXPONENT.fullmatch(text):
        raise not_valid(text, "write a number such as 0.9 or 1.1; 0 is for all alike")
    return float(text)


EXPONENT: Parser[float] = one_word("number", _parse_exponent, lambda exponent: f"{exponent:g}")


def parse_share(text: str) -> float:
    """A part of 1, of `25%`."""
    match = _SHARE.fullmatch(text)
    if not match or float(match[1]) > 100:
        raise not_valid(text, "write a percentage from 0% to 100%")
    return float(match[1]) / 100


def _read_curve(value: Value) -> Curve:
    lines = value.items()
    words = lines[0].words()
    if len(lines) == 1 and len(words) == 1:
        return ((0.0, _at(words[0], parse_rate)),)
    points: list[tuple[float, float]] = []
    for line in lines:
        words = line.words()
        if len(words) != 2:
            raise BadValue(Fault(f"{quoted(line.text)} is not valid", "write a time and a rate: 8h 100/s", line.span))
        time = _at(words[0], parse_time)
        if points and time <= points[-1][0]:
            raise BadValue(Fault(f"{quoted(words[0].text)} does not rise", "write the times in order", words[0].span))
        points.append((time, _at(words[1], parse_rate)))
    return tuple(points)


def show_curve(curve: Curve) -> str:
    """A rate that changes, as it is written."""
    if len(curve) == 1 and not curve[0][0]:
        return show_rate(curve[0][1])
    return "\n".join(f"{show_time(time)} {show_rate(rate)}" for time, rate in curve)


CURVE: Parser[Curve] = Parser("rate, or lines of a time and a rate", _read_curve, show_curve)


def _parse_latency(line: Text) -> Latency:
    kind, *others = line.words()
    wanted = {"constant": ("",), "uniform": ("", ""), "exponential": ("",), "lognormal": ("median=", "p99=")}
    if kind.text not in wanted:
        raise BadValue(
            Fault(f"{quoted(kind.text)} is not valid", did_you_mean(kind.text, wanted) or _LATENCY_HELP, kind.span)
        )
    names = wanted[kind.text]
    if len(others) != len(names) or any(
        not word.text.startswith(name) for word, name in zip(others, names, strict=True)
    ):
        raise BadValue(Fault(f"{quoted(line.text)} is not valid", _LATENCY_HELP, line.span))
    times = [
        _at(Word(word.text.removeprefix(name), word.span), parse_time) for word, name in zip(others, names, strict=True)
    ]
    if len(times) == 2 and times[1] <= times[0]:
        raise BadValue(Fault("the second time must be longer than the first", span=others[1].span))
    if kind.text == "lognormal":
        if not times[0]:
            raise BadValue(Fault("the median must be at least 1ms", span=others[0].span))
        return Latency("lognormal", times[0], times[1])
    if kind.text == "uniform":
        return Latency("uniform", times[0], times[1])
    return Latency("constant" if kind.text == "constant" else "exponential", times[0])


def show_latency(latency: Latency) -> str:
    """A distribution as it is written."""
    low, high = show_time(latency.low), show_time(latency.high)
    if latency.kind == "lognormal":
        return f"lognormal median={low} p99={high}"
    return f"uniform {low} {high}" if latency.kind == "uniform" else f"{latency.kind} {low}"


LATENCY: Parser[Latency] = one_line("distribution of times", _parse_latency, show_latency)


def mix_of(pattern: re.Pattern[str], kind: str, hint: str) -> Parser[Mix]:
    """Words with shares, `GET:90% POST:10%`; one without a share gets what is left."""

    def read(value: Value) -> Mix:
        parts: list[tuple[str, float | None]] = []
        for word in value.words():
            name, colon, share = word.text.partition(":")
            if not pattern.fullmatch(name):
                raise BadValue(Fault(f"{quoted(name)} is not valid", hint, word.span))
            if not colon and any(given is None for _, given in parts):
                raise BadValue(Fault(f"{quoted(name)} has no share", f"write {name}:10%", word.span))
            parts.append((name, _at(Word(share, word.span), parse_share) if colon else None))
        total = sum(share for _, share in parts if share is not None)
        rest = any(share is None for _, share in parts)
        if total > 1 + _ROUNDING or (not rest and abs(total - 1) > _ROUNDING):
            raise BadValue(Fault(f"the shares add up to {total * 100:g}%, not 100%"))
        return tuple((name, 1 - total if share is None else share) for name, share in parts)

    return Parser(kind, read, show_mix)


def show_mix(mix: Mix) -> str:
    """A mix as it is written."""
    if len(mix) == 1:
        return mix[0][0]
    return " ".join(f"{name}:{share * 100:g}%" for name, share in mix)


METHODS = mix_of(_METHOD, "methods with their shares", "methods have capital letters, as in GET:90% POST:10%")
STATUSES = mix_of(_STATUS, "status codes with their shares", "write status codes, as in 200 500:1%")


def _parse_action(line: Text) -> Action:
    kind, *others = line.words()
    if kind.text not in _ACTIONS:
        hint = did_you_mean(kind.text, _ACTIONS) or "write one of " + ", ".join(_ACTIONS)
        raise BadValue(Fault(f"{quoted(kind.text)} is not valid", hint, kind.span))
    most = {"slow": 1, "flap": 1, "rate": 1, "errors": 2}.get(kind.text, 0)
    if len(others) > most:
        raise BadValue(
            Fault(f"{quoted(others[most].text)} is too much", f"{kind.text}: {_ACTIONS[kind.text]}", others[most].span)
        )
    if most and not others:
        raise BadValue(Fault(f"{kind.text} needs more", f"{kind.text}: {_ACTIONS[kind.text]}", kind.span))
    return _with_amount(kind.text, others)


def _with_amount(kind: str, words: list[Word]) -> Action:
    if kind == "slow":
        return Action(kind, _at(words[0], parse_factor))
    if kind == "flap":
        return Action(kind, _at(words[0], _positive_time))
    if kind == "errors":
        return Action(kind, _at(words[0], parse_share), _at(words[1], _parse_status) if words[1:] else 500)
    if kind == "rate":
        if words[0].text.endswith("x"):
            return Action(kind, _at(words[0], parse_factor))
        return Action(kind, _at(words[0], parse_rate), is_rate=True)
    return Action(kind)


def _positive_time(text: str) -> float:
    return parse_time(text) or _refuse_zero(text)


def _refuse_zero(text: str) -> float:
    raise not_valid(text, "this time must be at least 1ms")


def _parse_status(text: str) -> int:
    if not _STATUS.fullmatch(text):
        raise not_valid(text, "write a status code from 200 to 599")
    return int(text)


def show_action(action: Action) -> str:
    """What happens, as it is written."""
    if action.kind == "errors":
        return f"errors {action.amount * 100:g}% {action.status}"
    if action.kind == "flap":
        return f"flap {show_time(action.amount)}"
    if action.kind == "rate" and action.is_rate:
        return f"rate {show_rate(action.amount)}"
    return f"{action.kind} {action.amount:g}x" if action.amount else action.kind


ACTION: Parser[Action] = one_line("what happens", _parse_action, show_action)
