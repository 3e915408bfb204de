"""What the options of a backend's health check say about each other.

Each rule is a function of the section and the report; `check` calls them all.
"""

from collections.abc import Callable

from twisted_relay.config.build import Section
from twisted_relay.config.diagnostics import Report
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import UnixAddress

OF_REQUESTS = ("check_host", "check_header", "check_expect_header", "check_expect_body", "check_reuse")
OF_TCP = ("check_send", "check_expect")


def check_health(section: Section, options: BackendOptions, report: Report) -> None:
    """Report what does not fit together, in options that stand in the section itself."""
    if options.check is None:
        _check_unused(section, report)
        return
    for each in RULES:
        each(section, options, report)


def _check_unused(section: Section, report: Report) -> None:
    for key in _written(section):
        if key.startswith("check_"):
            _no_effect(section, key, f"{section.title} has no check", report)


def _check_kind(section: Section, options: BackendOptions, report: Report) -> None:
    assert options.check is not None
    kind = options.check.kind
    for keys, fitting, help in (
        (OF_REQUESTS, "http", "it belongs to a check that is a request: check = GET /health"),
        (OF_TCP, "tcp", "it belongs to check = tcp"),
    ):
        for key in _written(section):
            if key in keys and kind != fitting:
                message = f"{key} does not go with check = {kind if kind != 'http' else options.check.method}"
                report.error(section.key_span(key), "check-kind", message, help)


def _check_tls(section: Section, options: BackendOptions, report: Report) -> None:
    assert options.check is not None
    plain = [server.name for server in options.servers if server.scheme != "https"]
    if options.check.kind == "tls" and plain:
        message = f"check = tls, but the server {plain[0]} does not speak TLS"
        report.error(section.span_of("check"), "check-kind", message, "use check = tcp, or https:// for the server")


def _check_content(section: Section, options: BackendOptions, report: Report) -> None:
    assert options.check is not None
    if options.check_expect_body and options.check.method == "HEAD":
        message = "check_expect_body can never match: an answer to HEAD has no body"
        report.error(section.span_of("check_expect_body"), "check-kind", message, "use check = GET")


def _check_window(section: Section, options: BackendOptions, report: Report) -> None:
    if options.check_window is None:
        return
    for key in ("check_rise", "check_fall"):
        if key in _written(section):
            _no_effect(section, key, "check_window decides", report)


def _check_times(section: Section, options: BackendOptions, report: Report) -> None:
    if options.check_timeout > options.check_interval:
        message = "check_timeout is longer than check_interval"
        help = "a server that hangs is asked less often than check_interval says"
        written = "check_timeout" if "check_timeout" in section.values else "check_interval"  # not both are defaults
        report.warning(section.span_of(written), "slow-check", message, help)
    if "check_fast_interval" in _written(section) and options.check_fast_interval > options.check_interval:
        _no_effect(section, "check_fast_interval", "it is longer than check_interval", report)
    if "check_grace" in _written(section) and options.check_initial != "checking":
        _no_effect(section, "check_grace", f"check_initial is {options.check_initial}", report)


def _check_queue(section: Section, options: BackendOptions, report: Report) -> None:
    if options.check_initial == "checking" and "queue_length" in section.given and not options.queue_length:
        message = "with queue_length = 0 no request can wait for the first check: those of the start are answered 503"
        report.warning(section.span_of("queue_length"), "no-queue", message, "add check_initial = up")


def _check_port(section: Section, options: BackendOptions, report: Report) -> None:
    without = options.servers and all(isinstance(server.address, UnixAddress) for server in options.servers)
    if options.check_port and without and "check_port" in _written(section):
        _no_effect(section, "check_port", "a UNIX socket has no port", report)


def _written(section: Section) -> list[str]:
    return [key for key in sorted(section.own) if key in section.values]


def _no_effect(section: Section, key: str, why: str, report: Report) -> None:
    report.warning(section.key_span(key), "no-effect", f"{key} does nothing here: {why}")


RULES: tuple[Callable[[Section, BackendOptions, Report], None], ...] = (
    _check_kind,
    _check_tls,
    _check_content,
    _check_window,
    _check_times,
    _check_queue,
    _check_port,
)
