"""What sections say, most of all backends of tries, times and clients that belong to a server, where one option
contradicts another.

Each rule is a function of the section, its options and the report. They only warn: such a section works, but not as
somebody meant it.
"""

from collections.abc import Callable, Iterable, Sequence

from twisted_relay.config.balance import PLAIN_NAMES
from twisted_relay.config.build import Section
from twisted_relay.config.diagnostics import Report
from twisted_relay.config.scalars import show_time
from twisted_relay.config.tree import BackendOptions, DnsOptions

_OF_RETRIES = ("retry_on", "retry_methods", "retry_backoff", "retry_backoff_max", "retry_budget")
_SAFE = frozenset({"safe", "GET", "HEAD", "OPTIONS", "TRACE"})


def check_contradictions(sections: Sequence[Section], report: Report) -> None:
    """Warn of options of a backend that contradict each other."""
    for section in sections:
        if isinstance(section.options, BackendOptions):
            for rule in RULES:
                rule(section, section.options, report)
        elif isinstance(section.options, DnsOptions):
            _times_of_answers(section, section.options, report)


def _times_of_answers(section: Section, options: DnsOptions, report: Report) -> None:
    """A shortest time that is longer than the longest."""
    if options.min_ttl > options.max_ttl:
        key = "min_ttl" if "min_ttl" in section.values else "max_ttl"
        message = f"min_ttl = {show_time(options.min_ttl)} is longer than max_ttl = {show_time(options.max_ttl)}"
        report.warning(section.span_of(key), "no-effect", message, "every answer would be believed for max_ttl")


def _without_effect(section: Section, keys: Iterable[str], why: str, report: Report) -> None:
    """Warn of each of these options that the section gives."""
    for key in keys:
        if key in section.own and key in section.values:
            report.warning(section.key_span(key), "no-effect", f"{key} does nothing here: {why}")


def _tries(section: Section, options: BackendOptions, report: Report) -> None:
    """Options for further tries that are never made."""
    if not options.retries:
        _without_effect(section, _OF_RETRIES, "retries is 0", report)
    elif not options.retry_on.conditions and not options.retry_on.statuses:
        keys = [key for key in _OF_RETRIES if key != "retry_on"]
        _without_effect(section, ["retries", *keys], "retry_on is off", report)
    elif "retry_backoff_max" in section.values and options.retry_backoff_max < options.retry_backoff:
        message = f"retry_backoff_max = {show_time(options.retry_backoff_max)} is shorter than retry_backoff"
        report.warning(section.span_of("retry_backoff_max"), "short-backoff", message, "all waits would be that short")


def _content(section: Section, options: BackendOptions, report: Report) -> None:
    """Methods with content that may be repeated, but nothing is kept to repeat it."""
    repeats = options.retries and options.retry_on.conditions and set(options.retry_methods) - _SAFE
    if repeats and not options.retry_buffer and "retry_methods" in section.values:
        message = "requests are only tried again if their content came together with their head: retry_buffer is 0"
        help = "give retry_buffer the size of a usual request, such as 64k"
        report.warning(section.span_of("retry_methods"), "nothing-kept", message, help)


def _times_of_tries(section: Section, options: BackendOptions, report: Report) -> None:
    """The time of one try against the time of its parts, and of all tries."""
    one, whole = options.per_try_timeout, options.total_timeout
    if one and one > options.connect_timeout + options.response_timeout:
        message = "per_try_timeout is longer than connect_timeout and response_timeout together"
        report.warning(section.span_of("per_try_timeout"), "no-effect", message, "a try has ended before it is over")
    elif one and one > options.response_timeout:
        message = f"per_try_timeout is longer than response_timeout = {show_time(options.response_timeout)}"
        help = "it only counts for servers that take long to connect to"
        report.warning(section.span_of("per_try_timeout"), "long-try", message, help)
    if one and "timeout" not in options.retry_on.conditions and options.retries and options.retry_on.conditions:
        message = "a try that takes longer than per_try_timeout is answered 504: retry_on has no timeout"
        report.warning(section.span_of("per_try_timeout"), "no-second-try", message, "add timeout to retry_on")
    if one and whole and whole < one:
        message = f"total_timeout = {show_time(whole)} is shorter than per_try_timeout"
        report.warning(section.span_of("total_timeout"), "short-total", message, "no try would have its time")
    elif one and whole and whole < one * (options.retries + 1):
        tries = options.retries + 1
        message = f"total_timeout = {show_time(whole)} is shorter than {tries} tries of {show_time(one)} each"
        help = f"write at least {show_time(one * tries)}, or fewer retries"
        report.warning(section.span_of("total_timeout"), "short-total", message, help)


def _times_of_waiting(section: Section, options: BackendOptions, report: Report) -> None:
    """Times within the time for all tries."""
    whole = options.total_timeout
    if whole and "queue_timeout" in section.values and options.queue_timeout > whole:
        message = f"queue_timeout is longer than total_timeout = {show_time(whole)}"
        report.warning(section.span_of("queue_timeout"), "no-effect", message, "a request is answered 504 before that")
    for key, time in (("per_try_timeout", options.per_try_timeout), ("total_timeout", whole)):
        if time and "connect_timeout" in section.values and options.connect_timeout > time:
            message = f"connect_timeout is longer than {key} = {show_time(time)}"
            report.warning(section.span_of("connect_timeout"), "no-effect", message, "a try has ended before that")
            return


def _hedging(section: Section, options: BackendOptions, report: Report) -> None:
    """A second try needs a second server, and a budget."""
    if not options.hedge:
        _without_effect(section, ("hedge_budget",), "hedge is off", report)
    elif len(options.servers) == 1 and options.discover is None:
        message = f"hedge does nothing here: {section.title} has one server"
        report.warning(section.key_span("hedge"), "no-effect", message)
    elif not options.hedge_budget:
        message = "hedge does nothing here: hedge_budget is 0%"
        report.warning(section.key_span("hedge"), "no-effect", message)


def _keys(section: Section, options: BackendOptions, report: Report) -> None:
    """Policies that map keys to servers against what moves requests from one to the other."""
    if options.balance.policy in PLAIN_NAMES:
        return
    policy = options.balance.policy
    if options.sticky is not None:
        message = f"sticky and balance = {policy} both say which server a client gets; the cookie has the last word"
        help = "with sticky, balance = least-connections spreads new clients better"
        report.warning(section.span_of("sticky"), "two-affinities", message, help)
    why = f"with balance = {policy} a key keeps its server, however young that is"
    if options.slow_start:
        _without_effect(section, ("slow_start",), why, report)


def _first(section: Section, options: BackendOptions, report: Report) -> None:
    """The policy that fills one server after the other needs to know when one is full."""
    limits = (options.max_requests_per_server, options.max_connections_per_server, options.adaptive_limit)
    is_limited = any(limits) or any(server.max_requests or server.max_connections for server in options.servers)
    if options.balance.policy == "first" and not is_limited and len(options.servers) > 1:
        message = "balance = first gives everything to one server: nothing says when it is full"
        help = "add a limit such as max_requests_per_server = 100"
        report.warning(section.span_of("balance"), "no-limit", message, help)


def _slow_start(section: Section, options: BackendOptions, report: Report) -> None:
    """A server that comes up is seen by its check while it is started slowly."""
    if options.slow_start and options.check is not None and options.slow_start < options.check_interval:
        message = f"slow_start is over before the next check: check_interval = {show_time(options.check_interval)}"
        help = "a server that cannot bear its load would be found out at its full share"
        report.warning(section.span_of("slow_start"), "short-slow-start", message, help)


def _limits(section: Section, options: BackendOptions, report: Report) -> None:
    """A limit that is measured now and then needs somewhere to wait."""
    if options.adaptive_limit and not options.queue_length:
        message = "requests would be answered 503 whenever adaptive_limit measures: queue_length is 0"
        report.warning(section.span_of("adaptive_limit"), "no-queue", message, "let some requests wait")


RULES: tuple[Callable[[Section, BackendOptions, Report], None], ...] = (
    _tries,
    _content,
    _times_of_tries,
    _times_of_waiting,
    _hedging,
    _keys,
    _first,
    _slow_start,
    _limits,
)
