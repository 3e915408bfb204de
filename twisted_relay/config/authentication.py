"""What [auth:NAME] sections say about files and about whoever names them, and what is doubtful in it."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from twisted_relay.config import certificates
from twisted_relay.config.build import Section
from twisted_relay.config.diagnostics import Report
from twisted_relay.config.forwarding import is_forward
from twisted_relay.config.password_file import (
    CHEAP_BCRYPT,
    cheap_hashes,
    file_problem,
    read_group_file,
    read_password_file,
)
from twisted_relay.config.tree import AuthOptions, ListenerOptions, RouteOptions
from twisted_relay.config.values import Address
from twisted_relay.config.words import BadValue, quoted


def check_authentication(sections: Sequence[Section], report: Report) -> None:
    """The files of users and groups must be right; passwords should not cross a network in clear text."""
    for section in sections:
        options = section.options
        if isinstance(options, AuthOptions):
            _check_files(section, options, report)
        elif isinstance(options, ListenerOptions) and options.auth and "auth" in section.own:
            if not is_forward(section):
                message = f"auth does not belong to {section.title}: it is a gateway"
                report.error(section.key_span("auth"), "no-effect", message, "write it in each [route:NAME]")
            elif _is_bare(options):
                _warn_of_clear_text(section, section.name, report)
        elif isinstance(options, RouteOptions) and options.auth and "auth" in section.values:
            bare = next((each.name for each in _listeners_of(options, sections) if _is_bare(each)), "")
            if bare:
                _warn_of_clear_text(section, bare, report)


def _check_files(section: Section, options: AuthOptions, report: Report) -> None:
    span = section.span_of("users_file")
    if options.users_file:
        try:
            cheap = cheap_hashes(read_password_file(options.users_file))
            if cheap:
                message = f"{cheap} hashes in {quoted(options.users_file)} are quickly guessed if they are stolen"
                report.warning(span, "cheap-hash", message, f"bcrypt should have a cost of {CHEAP_BCRYPT} or more")
            if certificates.is_readable_by_all(options.users_file):
                message = f"every user of this machine can read the hashes in {quoted(options.users_file)}"
                report.warning(span, "readable-key", message, f"chmod o-r {options.users_file}")
        except BadValue as bad:
            report.error(span, "bad-file", f"users_file: {file_problem(bad)}")
    if options.groups_file:
        try:
            read_group_file(options.groups_file)
        except BadValue as bad:
            report.error(section.span_of("groups_file"), "bad-file", f"groups_file: {file_problem(bad)}")
    if options.lockout is None and "lockout_exempt" in section.own:
        message = "lockout_exempt does nothing here: lockout is off"
        report.warning(section.key_span("lockout_exempt"), "no-effect", message)


def _listeners_of(route: RouteOptions, sections: Sequence[Section]) -> Iterator[ListenerOptions]:
    for section in sections:
        options = section.options
        if not isinstance(options, ListenerOptions) or is_forward(section):
            continue
        if not route.listener or options.name in route.listener:
            yield options


def _is_bare(options: ListenerOptions) -> bool:
    """Whether clients of other machines speak to it without TLS."""
    return not options.tls and any(isinstance(each, Address) and not _is_loopback(each.host) for each in options.bind)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _warn_of_clear_text(section: Section, listener: str, report: Report) -> None:
    message = f"passwords come to [listener:{listener}] in clear text: it has no TLS"
    report.warning(section.span_of("auth"), "clear-text", message, "add tls, or bind it where nobody listens in")
