"""What does not fit together around `[accounting]`: nobody to be counted, nobody who could ask."""

from collections.abc import Sequence

from twisted_relay.config.build import Section
from twisted_relay.config.diagnostics import Report
from twisted_relay.config.forwarding import is_forward
from twisted_relay.config.tree import AccountingOptions, AdminOptions


def check_accounting(sections: Sequence[Section], report: Report) -> None:
    """What counts must have something to count, and somebody must be able to ask for it."""
    for section in sections:
        options = section.options
        if not isinstance(options, AccountingOptions):
            continue
        if "of" in section.values and not options.top:
            report.warning(section.key_span("of"), "no-effect", "of does nothing here: nothing is counted", "give top")
        if not options.top or "top" not in section.values:
            continue
        if not any(map(is_forward, sections)):
            message = "top does nothing here: no listener is a forward proxy"
            report.warning(section.key_span("top"), "no-effect", message)
        elif not any(isinstance(other.options, AdminOptions) and other.options.bind for other in sections):
            message = "nobody can ask what is counted: there is no control socket"
            report.warning(section.key_span("top"), "no-effect", message, "give [admin] a bind")
