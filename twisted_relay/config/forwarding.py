"""What does not fit together around listeners that go where their clients say: `mode = forward` and `socks5`."""

from collections.abc import Sequence
from itertools import chain

from twisted_relay.config.build import Section
from twisted_relay.config.destinations import allows_everything
from twisted_relay.config.diagnostics import Report
from twisted_relay.config.tree import ListenerOptions
from twisted_relay.config.words import quoted

WITH_PEEK = ("peek_ports", "peek_timeout", "sni_mismatch", "sni_missing", "not_tls")
CHANGES = (
    "set_request_header",
    "add_request_header",
    "remove_request_header",
    "set_response_header",
    "add_response_header",
    "remove_response_header",
)
ONLY_FORWARD = (
    "connect_ports",
    "connect_timeout",
    "response_timeout",
    "tunnel_idle_timeout",
    "tunnel_max_age",
    "allow_destination",
    "bandwidth",
    "bandwidth_per_user",
    "bandwidth_per_client",
    "rules",
    "parent",
    "open",
    "pac",
    "pac_proxy",
    "pac_direct",
    "peek",
    *WITH_PEEK,
    "block_page",
    "contact",
    *CHANGES,
)
MOST_IN_PAC = 2000
"""Names and networks in a PAC file: every browser loads it, and reads it for every request."""
ONLY_GATEWAY = ("backend", "redirect", "trusted_proxies")
ONLY_HTTP = (
    "max_requests",
    "body_timeout",
    "max_request_line",
    "max_header",
    "max_header_fields",
    "max_body",
    "via",
    "forwarded",
    "response_timeout",
    "pac",
    "pac_proxy",
    "pac_direct",
    "block_page",
    "contact",
    *CHANGES,
)
"""What has no meaning where clients speak SOCKS5, and all that is done is to tie tunnels."""


def check_forwarding(sections: Sequence[Section], report: Report) -> None:
    """A forward proxy goes where its clients say: it has no backends or routes, and gateways have no tunnels."""
    forward = {section.name for section in sections if is_forward(section)}
    for section in sections:
        if isinstance(section.options, ListenerOptions):
            _check_options(section, report)
        if section.type == "route" and "listener" in section.values:
            for word in section.values["listener"].words():
                if word.text in forward:
                    message = f"[listener:{word.text}] is a forward proxy: it has no routes"
                    report.error(word.span, "no-routes", message, "its clients say where they want to go")


def _check_options(section: Section, report: Report) -> None:
    if is_forward(section):
        _check_exceptions(section, report)
        _check_peek(section, report)
        _check_bandwidth(section, report)
        for key in ONLY_GATEWAY:
            if key in section.own and key in section.values:
                message = f"{key} does not belong to a forward proxy"
                report.error(section.key_span(key), "no-effect", message, "its clients say where they want to go")
        if isinstance(section.options, ListenerOptions) and section.options.mode == "socks5":
            _check_socks(section, report)
        else:
            _check_pac(section, report)
            _check_changes(section, report)
        return
    for key in ONLY_FORWARD:
        if key in section.own and key in section.values:
            message = f"{key} does nothing here: {section.title} is a gateway"
            report.warning(section.key_span(key), "no-effect", message, "it belongs to mode = forward or socks5")


def _check_socks(section: Section, report: Report) -> None:
    for key in ONLY_HTTP:
        if key in section.own and key in section.values:
            message = f"{key} does nothing here: clients of {section.title} speak SOCKS5"
            report.warning(section.key_span(key), "no-effect", message, "it belongs to HTTP")


def _check_exceptions(section: Section, report: Report) -> None:
    """An exception for every address leaves no guard; whoever writes it shall know."""
    options, value = section.options, section.values.get("allow_destination")
    if not isinstance(options, ListenerOptions) or value is None:
        return
    for allowed, word in zip(options.allow_destination, value.words(), strict=False):
        if allows_everything(allowed):
            message = f"{quoted(word.text)} lets clients reach this machine and everything inside its network"
            help = "name only the networks or names that clients shall reach"
            report.warning(word.span, "no-guard", message, help)


def _check_bandwidth(section: Section, report: Report) -> None:
    if "bandwidth_per_user" in section.values and "bandwidth_per_user" in section.own and "auth" not in section.given:
        message = f"bandwidth_per_user does nothing here: clients of {section.title} have no names"
        report.warning(section.key_span("bandwidth_per_user"), "no-effect", message, "give it auth")


def _check_pac(section: Section, report: Report) -> None:
    """Options for a file that nobody can fetch; and one that would be too large."""
    options = section.options
    if not isinstance(options, ListenerOptions):
        return
    if not options.pac:
        for key in ("pac_proxy", "pac_direct"):
            if key in section.own and key in section.values:
                message = f"{key} does nothing here but for relay pac: the listener offers no PAC file"
                report.warning(section.key_span(key), "no-effect", message, "write pac = yes")
    number = len(options.pac_direct) + len(options.allow_destination)
    if options.pac and number > MOST_IN_PAC:
        message = f"{number} names and networks are too many for a PAC file: at most {MOST_IN_PAC}"
        help = "name the domain above them, or what lies around them"
        report.error(section.key_span("pac"), "large-pac", message, help)


def _check_peek(section: Section, report: Report) -> None:
    """Nobody shall think that tunnels are looked into when they are not."""
    options = section.options
    if not isinstance(options, ListenerOptions):
        return
    if options.peek == "off":
        for key in WITH_PEEK:
            if key in section.own and key in section.values:
                report.warning(section.key_span(key), "no-effect", f"{key} does nothing without peek", "add peek = sni")
    elif not any(map(options.may_connect, chain.from_iterable(range(a, b + 1) for a, b in options.peek_ports))):
        message = "no tunnel is looked into: clients can reach none of peek_ports"
        key = "peek_ports" if "peek_ports" in section.values else "peek"
        report.warning(section.key_span(key), "no-effect", message, "name ports of connect_ports in peek_ports")


def _check_changes(section: Section, report: Report) -> None:
    """What belongs to the connection with a proxy must not be sent to every origin."""
    for key in ("set_request_header", "add_request_header", "set_response_header", "add_response_header"):
        for line in section.values[key].items() if key in section.values else ():
            name = line.text.partition(":")[0]
            if name.lower().startswith("proxy-auth"):
                message = f"{quoted(name)} cannot be set on a forward proxy"
                help = "it belongs to the connection between a client and its proxy; parents have a password_file"
                report.error(line.span, "bad-value", message, help)


def is_forward(section: Section) -> bool:
    """Whether this is a listener of a forward proxy, whatever its clients speak."""
    return isinstance(section.options, ListenerOptions) and section.options.leads_out
