"""What does not fit together around listeners of `mode = forward`."""

from collections.abc import Sequence

from twisted_relay.config.build import Section
from twisted_relay.config.destinations import allows_everything
from twisted_relay.config.diagnostics import Report
from twisted_relay.config.tree import ListenerOptions
from twisted_relay.config.words import quoted

ONLY_FORWARD = (
    "connect_ports",
    "connect_timeout",
    "response_timeout",
    "tunnel_idle_timeout",
    "tunnel_max_age",
    "allow_destination",
    "rules",
    "open",
)
ONLY_GATEWAY = ("backend", "redirect", "trusted_proxies")


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
        for key in ONLY_GATEWAY:
            if key in section.own and key in section.values:
                message = f"{key} does not belong to a forward proxy"
                report.error(section.key_span(key), "no-effect", message, "its clients say where they want to go")
        return
    for key in ONLY_FORWARD:
        if key in section.own and key in section.values:
            message = f"{key} does nothing here: {section.title} is a gateway"
            report.warning(section.key_span(key), "no-effect", message, "it belongs to mode = forward")


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


def is_forward(section: Section) -> bool:
    """Whether this is a listener of a forward proxy."""
    return isinstance(section.options, ListenerOptions) and section.options.mode == "forward"
