"""Parts of the week as a rule writes them: `Mon-Fri 09:00-12:00 13:00-17:00 Sat`, and time zones.

Days are followed by the hours that hold on them; hours without days hold every day, days without hours all day.
Hours that end at or before their start go on into the next day.
"""

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo, available_timezones

from twisted_relay.config.option import Parser, one_word
from twisted_relay.config.rule_values import MINUTES_OF_DAY, MINUTES_OF_WEEK, Week
from twisted_relay.config.suggest import did_you_mean
from twisted_relay.config.words import BadValue, Fault, Word, not_valid, quoted

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
TIME_HELP = "write days and hours, such as Mon-Fri 09:00-17:00 Sat"
_HOURS = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_LOOSE_HOURS = re.compile(r"([0-9]{1,2})(?::?([0-9]{2}))?-([0-9]{1,2})(?::?([0-9]{2}))?")

Span = tuple[int, int]


def parse_week(words: Sequence[Word]) -> Week:
    """Days and hours in words; raises `BadValue` with all faults."""
    spans: list[Span] = []
    days: list[int] = []
    hours: list[Span] = []
    faults: list[Fault] = []
    for word in words:
        try:
            if word.text[:1].isdigit():
                hours.append(_parse_hours(word.text))
                continue
            if hours:
                spans += _spans(days, hours)
                days, hours = [], []
            days += _parse_days(word.text)
        except BadValue as bad:
            faults.extend(bad.at(word.span))
    if faults:
        raise BadValue(*faults)
    return Week(_merged([*spans, *_spans(days, hours)]))


def _parse_days(text: str) -> list[int]:
    """`Mon`, `Mon-Fri`, `Sat-Mon`."""
    first, dash, last = text.partition("-")
    for each in (first, last) if dash else (first,):
        if each not in DAYS:
            meant = each[:3].capitalize()
            hint = f'did you mean "{text.replace(each, meant)}"?' if meant in DAYS else "the days are " + " ".join(DAYS)
            raise not_valid(text, hint)
    start = DAYS.index(first)
    count = (DAYS.index(last) - start) % 7 + 1 if dash else 1
    return [(start + day) % 7 for day in range(count)]


def _parse_hours(text: str) -> Span:
    """Minutes of the day; the second may be beyond its end."""
    match = _HOURS.fullmatch(text)
    if not match:
        loose = _LOOSE_HOURS.fullmatch(text)
        meant = f"{loose[1]:>02}:{loose[2] or '00'}-{loose[3]:>02}:{loose[4] or '00'}" if loose else "09:00-17:00"
        raise not_valid(text, f"write hours as {meant}")
    first_hour, first_minute, last_hour, last_minute = map(int, match.groups())
    start, end = first_hour * 60 + first_minute, last_hour * 60 + last_minute
    if max(first_minute, last_minute) > 59 or start >= MINUTES_OF_DAY or end > MINUTES_OF_DAY:
        raise not_valid(text, "hours are from 00:00 to 24:00")
    if start == end:
        raise not_valid(text, "the end is the start; leave the hours out for the whole day")
    return (start, end) if start < end else (start, end + MINUTES_OF_DAY)


def _spans(days: Sequence[int], hours: Sequence[Span]) -> list[Span]:
    starts = [day * MINUTES_OF_DAY for day in days or range(7)]
    return [(day + start, day + end) for day in starts for start, end in hours or [(0, MINUTES_OF_DAY)]]


def _merged(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Sorted, apart, and within the week: what goes beyond Sunday belongs to its Monday."""
    within = [(start, min(end, MINUTES_OF_WEEK)) for start, end in spans]
    within += [(0, end - MINUTES_OF_WEEK) for _, end in spans if end > MINUTES_OF_WEEK]
    merged: list[Span] = []
    for start, end in sorted(within):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _parse_zone(text: str) -> str:
    if text == "local":
        return text
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError):
        pass  # a folder, no path at all, unknown
    else:
        return text
    names = available_timezones()
    hint = did_you_mean(text, names) or "write a name such as Europe/Berlin or UTC, or local for that of this machine"
    if not names:
        hint = "this machine has no time zone database (package tzdata); local is its own zone"
    raise BadValue(Fault(f"{quoted(text)} is no time zone", hint))


TIMEZONE: Parser[str] = one_word("time zone", _parse_zone)
