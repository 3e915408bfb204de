"""What a backend says of servers that fail, where it contradicts itself: ejection and the circuit breaker."""

from collections.abc import Iterable, Sequence
from math import sqrt

from twisted_relay.config.build import Section
from twisted_relay.config.diagnostics import Report
from twisted_relay.config.scalars import show_time
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import BreakerSpec, OutlierSpec

_OF_EJECTION = ("eject_for", "eject_max", "eject_percent", "eject_until_check")
_OF_THE_BREAKER = ("breaker_open", "breaker_recovery")


def check_failing(sections: Sequence[Section], report: Report) -> None:
    """Warn of what can never happen, or would happen all the time."""
    for section in sections:
        options = section.options
        if not isinstance(options, BackendOptions):
            continue
        _check_ejection(section, options, report)
        if options.eject_outliers is not None:
            _check_outliers(section, options, options.eject_outliers, report)
        if options.breaker is None:
            _without_effect(section, _OF_THE_BREAKER, "there is no breaker", report)
        else:
            _check_breaker(section, options, options.breaker, report)


def _without_effect(section: Section, keys: Iterable[str], why: str, report: Report) -> None:
    for key in keys:
        if key in section.own and key in section.values:
            report.warning(section.key_span(key), "no-effect", f"{key} does nothing here: {why}")


def _check_ejection(section: Section, options: BackendOptions, report: Report) -> None:
    if options.eject_after is None and options.eject_outliers is None:
        _without_effect(section, _OF_EJECTION, "nothing is ejected", report)
        return
    if options.eject_until_check and options.check is None:
        _without_effect(section, ("eject_until_check",), f"{section.title} has no check", report)
    if options.eject_max < options.eject_for:
        key = "eject_max" if "eject_max" in section.values else "eject_for"
        message = f"eject_max = {show_time(options.eject_max)} is shorter than eject_for"
        report.warning(section.span_of(key), "short-ejection", message, "a server would be out for eject_max only")


def _check_outliers(section: Section, options: BackendOptions, spec: OutlierSpec, report: Report) -> None:
    number = len(options.servers)
    if not number or options.discover is not None or "eject_outliers" not in section.values:
        return  # there are none, which is an error of its own, or nobody knows how many will be found
    span = section.span_of("eject_outliers")
    if number < spec.servers:
        message = f"nothing is ejected by it: {section.title} has {number} servers, fewer than servers={spec.servers}"
        report.warning(span, "no-effect", message)
    elif spec.deviations >= sqrt(number - 1):
        message = f"nothing is ejected by it: one of {number} servers is never so far below their mean"
        help = f"write less than {sqrt(number - 1):.2f} stdev"
        report.warning(span, "no-effect", message, help)


def _check_breaker(section: Section, options: BackendOptions, spec: BreakerSpec, report: Report) -> None:
    if "breaker" not in section.values:
        return
    span = section.span_of("breaker")
    if spec.share * spec.requests <= 1.0:
        message = f"one failed request among min={spec.requests} opens the breaker"
        report.warning(span, "nervous-breaker", message, "raise the percentage, or min")
    if spec.slow and spec.slow >= options.response_timeout:
        message = f"slow={show_time(spec.slow)} is no shorter than response_timeout, after which a request has failed"
        report.warning(span, "no-effect", message)
