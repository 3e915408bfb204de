"""What sections say about each other, and what is doubtful in them: names, destinations, unused sections, TLS files.

Each check is a function of the sections and the report. Values themselves have been checked when they were parsed.
"""

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from twisted_relay.config import certificates
from twisted_relay.config.accounting_check import check_accounting
from twisted_relay.config.addresses import parse_url
from twisted_relay.config.authentication import check_authentication
from twisted_relay.config.binds import check_binds
from twisted_relay.config.block_page import read_block_page
from twisted_relay.config.build import ONE_OF, OPTIONS, Section
from twisted_relay.config.checking import check_health
from twisted_relay.config.contradictions import check_contradictions
from twisted_relay.config.diagnostics import Report
from twisted_relay.config.failing import check_failing
from twisted_relay.config.forwarding import check_forwarding, is_forward
from twisted_relay.config.lists_check import check_lists, lists_excepted
from twisted_relay.config.parents import DIRECT, parse_parent_url
from twisted_relay.config.parents_check import check_parents, parents_named
from twisted_relay.config.responses import TO_HTTPS
from twisted_relay.config.rules_check import check_rules, lists_named
from twisted_relay.config.secrets import check_sticky_secrets
from twisted_relay.config.server_file import fault_lines, read_server_file
from twisted_relay.config.suggest import did_you_mean
from twisted_relay.config.tree import (
    SECTIONS,
    BackendOptions,
    ListenerOptions,
    LogOptions,
    ParentOptions,
    RouteOptions,
    TLSOptions,
)
from twisted_relay.config.unreachable import check_unreachable
from twisted_relay.config.values import DiscoverSpec
from twisted_relay.config.words import BadValue, Span, Word, quoted

LARGEST_RESPONSE = 1024 * 1024
_ONLY_FORWARDED = (
    "strip_prefix",
    "rewrite",
    "upstream_host",
    "upgrade",
    "set_request_header",
    "add_request_header",
    "remove_request_header",
)
_NAMED = frozenset({"backend", "tls", "rules", "parent", "list", "auth", "log"})
_OF_ANSWERS = ("respond_body", "respond_type", "respond_file")
_CREDENTIAL_FIELDS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"})


def check(path: str, sections: Sequence[Section], report: Report) -> None:
    """Report everything that is wrong or doubtful between the sections of the file at `path` and what it includes."""
    for each in CHECKS:
        each(sections, report)
    if report.has_errors():
        return
    if not any(section.type == "listener" for section in sections):
        message = "there is no [listener:NAME] section, so nothing would be served"
        report.error(Span(path, 0, 0), "no-listener", message)
        return
    for each in CONCLUSIONS:
        each(sections, report)


def check_references(sections: Sequence[Section], report: Report) -> None:
    """Every name that an option mentions must be a section."""
    names = {kind: list(dict.fromkeys(other.name for other in sections if other.type == kind)) for kind in SECTIONS}
    for section in sections:
        for kind, word in _references(section):
            if word.text not in names.get(kind, ()):
                message = f"no [{kind}:{word.text}] section"
                report.error(word.span, "no-such-name", message, _names_help(kind, word.text, names.get(kind, ())))


def _names_help(kind: str, wrong: str, names: Sequence[str]) -> str:
    if (kind, wrong) == ("parent", DIRECT):
        return "leave parent out: requests go straight then"
    if not names:
        return f"write [{kind}:{wrong}]"
    listed = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
    return did_you_mean(wrong, names) or f"there are: {listed}"


def check_unused(sections: Sequence[Section], report: Report) -> None:
    """A backend, certificate or log that nothing names is probably forgotten."""
    named = {(kind, word.text) for section in sections for kind, word in _references(section)}
    for section in sections:
        options = section.options
        if isinstance(options, ParentOptions) and options.for_:
            continue
        if section.type in _NAMED and (section.type, section.name) not in named:
            report.warning(section.span, "unused-section", f"nothing uses {section.title}")


def _references(section: Section) -> Iterator[tuple[str, Word]]:
    """The kind of section and the name, for every name that the section mentions."""
    for key, value in section.values.items():
        kind = OPTIONS[section.type][key].parser.refers_to
        if kind:
            yield from ((kind, word) for word in value.words() if (kind, word.text) != ("log", "off"))
    yield from (("list", word) for word in lists_named(section))
    yield from (("list", word) for word in lists_excepted(section))
    yield from (("parent", word) for word in parents_named(section))


def check_listeners(sections: Sequence[Section], report: Report) -> None:
    """A listener needs something to do."""
    listeners = [section for section in sections if section.type == "listener"]
    routes = [section for section in sections if section.type == "route"]
    for section in listeners:
        if is_forward(section):
            continue
        routed = any(_is_for(route, section.name) for route in routes)
        if not routed and not section.given.intersection(("backend", "redirect")):
            message = f"{section.title} answers every request with 404"
            report.warning(section.span, "no-destination", message, "give it a backend, a redirect, or routes")
        options = section.options
        if isinstance(options, ListenerOptions) and options.tls and options.redirect == TO_HTTPS:
            message = f"{section.title} speaks https already: its redirect leads back to itself"
            report.warning(section.span_of("redirect"), "redirect-loop", message)


def _is_for(route: Section, listener: str) -> bool:
    value = route.values.get("listener")
    return value is None or any(word.text == listener for word in value.words())


def check_destinations(sections: Sequence[Section], report: Report) -> None:
    """A route has exactly one destination, and only options that belong to it."""
    for section in sections:
        if not isinstance(section.options, RouteOptions):
            continue
        given = sorted((key for key in ONE_OF if key in section.given), key=lambda key: section.key_span(key).line)
        if not given:
            message = f"{section.title} has no destination"
            report.error(section.span, "no-destination", message, "give it one of backend, respond and redirect")
        for key in given[1:]:
            message = f"{section.title} has {given[0]} and {key}"
            report.error(
                section.key_span(key), "two-destinations", message, "keep one of backend, respond and redirect"
            )
        if len(given) == 1:
            _check_belonging(section, given[0], report)


def _check_belonging(section: Section, destination: str, report: Report) -> None:
    own = [key for key in section.own if key in section.values]
    for key in own:
        if key in _OF_ANSWERS and destination != "respond":
            message = f"{key} without respond has no meaning"
            report.error(section.key_span(key), "needs-respond", message, "add respond = STATUS")
        if key in _ONLY_FORWARDED and destination != "backend":
            message = f"{key} does nothing here: {section.title} does not forward requests"
            report.warning(section.key_span(key), "no-effect", message)
    if "respond_body" in own and "respond_file" in own:
        message = "respond_body and respond_file exclude each other"
        report.error(section.key_span("respond_file"), "two-contents", message, "keep one of them")


def check_files(sections: Sequence[Section], report: Report) -> None:
    """Files of `respond_file` and `block_page` must be there and not too large, and a page must be one."""
    for section in sections:
        options = section.options
        if isinstance(options, RouteOptions) and options.respond_file:
            try:
                certificates.read_bounded(options.respond_file, LARGEST_RESPONSE)
            except BadValue as bad:
                _refuse(section, "respond_file", bad, report)
        if isinstance(options, ListenerOptions) and options.mode == "forward" and options.block_page:
            try:
                read_block_page(options.block_page)
            except BadValue as bad:
                _refuse(section, "block_page", bad, report)


def check_backends(sections: Sequence[Section], report: Report) -> None:
    """Options of a backend that do not fit together."""
    for section in sections:
        options = section.options
        if not isinstance(options, BackendOptions):
            continue
        check_health(section, options, report)
        if "tls_verify" in section.values and not options.tls_verify:
            message = f"certificates of the servers of {section.title} are not verified"
            help = "anyone on the path can read and change what is sent; tls_ca = FILE trusts an authority of your own"
            report.warning(section.span_of("tls_verify"), "no-verification", message, help)
        _check_discovery(section, options, report)
        _check_upstream_tls(section, options, report)


def _check_discovery(section: Section, options: BackendOptions, report: Report) -> None:
    """A backend has servers, or looks for them, or both."""
    if not section.given.intersection(("servers", "discover")):
        message = f"{section.title} needs the option {quoted('servers')} or {quoted('discover')}"
        port = 3128 if isinstance(options, ParentOptions) else 8000
        report.error(section.span, "missing-option", message, f"for example: servers = http://10.0.0.11:{port}")
    discover = options.discover
    is_dns = discover.kind != "file" if discover is not None else "discover" in section.given
    if "discover_hold" in section.own and not is_dns:
        message = f"discover_hold does nothing here: {section.title} looks for no servers in the DNS"
        report.warning(section.key_span("discover_hold"), "no-effect", message)
    if discover is not None and discover.kind == "file" and "discover" in section.values:
        _check_server_file(section, discover, report)


def _check_server_file(section: Section, discover: DiscoverSpec, report: Report) -> None:
    """A file of servers may come later, and be wrong for now; that is no error of the configuration."""
    try:
        if read_server_file(discover.name, parse_parent_url if discover.proxies else parse_url):
            return
        problem = f"{quoted(discover.name)} has no server in it"
    except BadValue as bad:
        problem = "; ".join(fault_lines(bad))
    report.warning(section.span_of("discover"), "bad-file", f"discover: {problem}")


def _check_upstream_tls(section: Section, options: BackendOptions, report: Report) -> None:
    written = [key for key in sorted(section.own) if key.startswith("tls_") and key in section.values]
    if (options.servers or options.discover) and not options.may_have_https:
        for key in written:
            message = f"{key} does nothing here: {section.title} has no https server"
            report.warning(section.key_span(key), "no-effect", message)
    for key, other in (("tls_cert", "tls_key"), ("tls_key", "tls_cert")):
        if key in section.given and other not in section.given:
            message = f"{key} needs {other}"
            report.error(section.key_span(key), "missing-option", message, f"add {other} = FILE")
    if options.tls_ca:
        try:
            certificates.read_certificates(options.tls_ca)
        except BadValue as bad:
            _refuse(section, "tls_ca", bad, report)
    if options.tls_cert and options.tls_key:
        _check_pair(section, (("tls_cert", options.tls_cert), ("tls_key", options.tls_key)), report)


def check_certificates(sections: Sequence[Section], report: Report) -> None:
    """Certificates and keys must be readable and belong together."""
    for section in sections:
        options = section.options
        if isinstance(options, TLSOptions) and options.cert and options.key:
            _check_pair(section, (("cert", options.cert), ("key", options.key)), report)


Pair: TypeAlias = tuple[tuple[str, str], tuple[str, str]]
"""Option and path of a certificate, then of its key."""


def _check_pair(section: Section, pair: Pair, report: Report) -> None:
    (cert_option, cert_path), (key_option, key_path) = pair
    certificate = key = None
    try:
        certificate = certificates.read_certificates(cert_path)[0]
        if problem := certificates.validity_problem(certificate, certificates.now()):
            report.warning(section.span_of(cert_option), "certificate-not-valid", problem, quoted(cert_path))
    except BadValue as bad:
        _refuse(section, cert_option, bad, report)
    try:
        key = certificates.read_key(key_path)
        if certificates.is_readable_by_all(key_path):
            message = f"every user of this machine can read the private key {quoted(key_path)}"
            report.warning(section.span_of(key_option), "readable-key", message, f"chmod o-r {key_path}")
    except BadValue as bad:
        _refuse(section, key_option, bad, report)
    if certificate and key and certificates.public_part(certificate) != key:
        message = f"the key {quoted(key_path)} does not belong to the certificate {quoted(cert_path)}"
        report.error(section.span_of(key_option), "key-mismatch", message)


def _refuse(section: Section, key: str, bad: BadValue, report: Report) -> None:
    for fault in bad.at(section.span_of(key)):
        report.error(section.span_of(key), "bad-file", f"{key}: {fault.message}", fault.help)


def check_secrets(sections: Sequence[Section], report: Report) -> None:
    """Credentials in a field line are readable for everyone who may read the file."""
    for section in sections:
        for key in ("set_request_header", "add_request_header", "check_header"):
            if key not in section.values:
                continue
            for line in section.values[key].items():
                name = line.text.partition(":")[0].lower()
                if name in _CREDENTIAL_FIELDS and _is_literal(line.columns):
                    message = f"a secret stands in the file: {quoted(name)}"
                    report.warning(line.span, "inline-secret", message, "take it from the environment: ${NAME}")


def _is_literal(columns: Sequence[int]) -> bool:
    """Whether no variable was replaced in a line."""
    return isinstance(columns, range)


def check_logs(sections: Sequence[Section], report: Report) -> None:
    """Two logs cannot write to one file, and its folder must be there when relay starts."""
    first: dict[str, Section] = {}
    for section in sections:
        options = section.options
        if not isinstance(options, LogOptions) or not options.to.startswith("/"):
            continue
        if options.to in first:
            message = f"{first[options.to].title} writes to {quoted(options.to)} too"
            report.error(section.span_of("to"), "duplicate-log", message, "name one of the two logs in both listeners")
        first.setdefault(options.to, section)
        folder = os.path.dirname(options.to)
        if not os.path.isdir(folder):
            help = f"make the directory: mkdir -p {shlex.quote(folder)}"
            report.warning(section.span_of("to"), "bad-file", f"to: there is no directory {quoted(folder)}", help)


CHECKS: tuple[Callable[[Sequence[Section], Report], None], ...] = (
    check_references,
    check_destinations,
    check_binds,
    check_backends,
    check_forwarding,
    check_accounting,
    check_rules,
    check_parents,
    check_failing,
    check_contradictions,
    check_certificates,
    check_files,
    check_lists,
    check_logs,
    check_secrets,
    check_sticky_secrets,
    check_authentication,
)

CONCLUSIONS: tuple[Callable[[Sequence[Section], Report], None], ...] = (
    check_listeners,
    check_unreachable,
    check_unused,
)
"""Warnings that follow from what is not there; after an error it is unknown what was meant to be."""
