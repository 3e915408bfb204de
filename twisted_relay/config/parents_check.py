"""Parents: what is wrong or doubtful about who they are, what they are told, and who goes through them."""

from collections.abc import Iterator, Sequence

from twisted_relay.config import certificates
from twisted_relay.config.build import Section
from twisted_relay.config.diagnostics import Report
from twisted_relay.config.forwarding import is_forward
from twisted_relay.config.parents import DIRECT, is_local
from twisted_relay.config.rule_values import Domain
from twisted_relay.config.rules import parents_in
from twisted_relay.config.secrets import read_password
from twisted_relay.config.tree import ListenerOptions, ParentOptions, RulesOptions
from twisted_relay.config.values import Address, BindAddress, ServerSpec
from twisted_relay.config.words import BadValue, Word, quoted

_ANY = ("", "0.0.0.0", "::")
_OURSELVES = ("localhost", "0.0.0.0", "::", "::1")


def parents_named(section: Section) -> Iterator[Word]:
    """The parents that rules name."""
    value = section.values.get("rule")
    options = section.options
    if isinstance(options, RulesOptions) and options.rule and value is not None:
        yield from (word for word in parents_in(value) if word.text != DIRECT)


def check_parents(sections: Sequence[Section], report: Report) -> None:
    """Names, credentials, loops, and domains that two parents want."""
    binds = [
        (bind, section)
        for section in sections
        if isinstance(section.options, ListenerOptions)
        for bind in section.options.bind
    ]
    taken: dict[Domain, Section] = {}
    for section in sections:
        options = section.options
        if not isinstance(options, ParentOptions):
            continue
        if options.name == DIRECT:
            message = f"a parent cannot be called {DIRECT}: in rules this means none"
            report.error(section.span, "bad-section", message, "give it another name")
        _check_credentials(section, options, report)
        _check_loops(section, options, binds, report)
        _check_domains(section, options, taken, report)
    _check_effect(sections, report)


def _check_credentials(section: Section, options: ParentOptions, report: Report) -> None:
    for key, other in (("username", "password_file"), ("password_file", "username")):
        if key in section.values and other not in section.given:
            report.error(section.key_span(key), "missing-option", f"{key} needs {other}", f"add {other}")
    path = options.password_file
    if not path:
        return
    span = section.span_of("password_file")
    try:
        read_password(path)
    except BadValue as bad:
        for fault in bad.at(span):
            report.error(span, "bad-file", f"password_file: {fault.message}", fault.help)
        return
    if certificates.is_readable_by_all(path):
        message = f"every user of this machine can read the password in {quoted(path)}"
        report.warning(span, "readable-key", message, f"chmod o-r {path}")
    open_to_all = [each for each in options.servers if each.scheme != "https" and not is_local(each)]
    if open_to_all and "password_file" in section.values:
        message = f"the password goes to {open_to_all[0].name} in plain text"
        help = "anyone on the path can read it; use https:// for the proxy, if it can"
        report.warning(span, "plain-password", message, help)


def _check_loops(
    section: Section, options: ParentOptions, binds: Sequence[tuple[BindAddress, Section]], report: Report
) -> None:
    """A proxy that is a listener of this very file."""
    for server in options.servers:
        loop = next((listener for bind, listener in binds if _is_same(bind, server)), None)
        if loop is not None:
            message = f"{server.name} is {loop.title} itself: its requests would go round for ever"
            report.error(section.span_of("servers"), "loop", message, "name a proxy that is not this one")


def _is_same(bind: BindAddress, server: ServerSpec) -> bool:
    """Whether a proxy is where a listener is, as far as the texts tell."""
    address = server.address
    if not isinstance(bind, Address) or not isinstance(address, Address):
        return bind == address
    if not bind.port or bind.port != address.port:
        return False
    is_here = address.host in _OURSELVES or address.host.startswith("127.")
    return bind.host == address.host or (is_here and bind.host in (*_ANY, "localhost"))


def _check_domains(section: Section, options: ParentOptions, taken: dict[Domain, Section], report: Report) -> None:
    value = section.values.get("for")
    for domain, word in zip(options.for_, value.words() if value is not None else (), strict=False):
        other = taken.setdefault(domain, section)
        if other is not section:
            message = f"{quoted(word.text)} is for {other.title} already"
            report.error(word.span, "two-parents", message, "keep it in one of them")


def _check_effect(sections: Sequence[Section], report: Report) -> None:
    """Parents are for forward proxies."""
    if any(is_forward(section) for section in sections):
        return
    for section in sections:
        if isinstance(section.options, ParentOptions) and section.options.for_:
            message = f"{section.title} does nothing: there is no listener with mode = forward"
            report.warning(section.span, "no-effect", message)
