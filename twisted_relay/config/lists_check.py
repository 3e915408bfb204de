"""What does not fit together in sections of block lists. Their files are not read here: `relay check` does that."""

import os
from collections.abc import Iterator, Sequence

from twisted_relay.config import certificates
from twisted_relay.config.build import Section
from twisted_relay.config.diagnostics import Report
from twisted_relay.config.lists import LIST_PREFIX
from twisted_relay.config.tree import ListOptions, RelayOptions
from twisted_relay.config.words import BadValue, Word, quoted

_OF_URLS = ("timeout", "tls_ca")


def lists_excepted(section: Section) -> Iterator[Word]:
    """The lists that a list names as exceptions, by their names."""
    if isinstance(section.options, ListOptions) and "exceptions" in section.values:
        for word in section.values["exceptions"].words():
            if word.text.startswith(LIST_PREFIX):
                yield Word(word.text.removeprefix(LIST_PREFIX), word.span)


def check_lists(sections: Sequence[Section], report: Report) -> None:
    """Report what is wrong between the options of lists."""
    lists = [section for section in sections if isinstance(section.options, ListOptions)]
    chained = {section.name for section in lists if any(lists_excepted(section))}
    state = next((each.options.state_dir for each in sections if isinstance(each.options, RelayOptions)), "")
    for section in lists:
        assert isinstance(section.options, ListOptions)
        _check_sources(section, section.options, state, report)
        for word in lists_excepted(section):
            if word.text == section.name or word.text in chained:
                message = f"[list:{word.text}] has exceptions by a list itself"
                help = "a list of exceptions may except names and networks, but no lists"
                report.error(word.span, "chained-exceptions", message, help)


def _check_sources(section: Section, options: ListOptions, state: str, report: Report) -> None:
    """A list comes from somewhere, and what is fetched has a place to stay."""
    if not section.given.intersection(("file", "url")):
        message = f"{section.title} needs the option {quoted('file')} or {quoted('url')}"
        report.error(section.span, "missing-option", message, "for example: file = /etc/relay/lists/ads.hosts")
    for path in options.file:
        if not os.path.isfile(path) or not os.access(path, os.R_OK):
            problem = "cannot be read" if os.path.exists(path) else "is not there"
            report.warning(section.span_of("file"), "bad-file", f"file: {quoted(path)} {problem}")
    if options.url is None:
        for key in _OF_URLS:
            if key in section.own and key in section.values and "url" not in section.given:
                message = f"{key} does nothing here: {section.title} has no url"
                report.warning(section.key_span(key), "no-effect", message)
        return
    if not state:
        message = "url needs a place for what is fetched"
        report.error(section.key_span("url"), "missing-option", message, "add state_dir = PATH to [relay]")
    elif not os.path.isdir(state) or not os.access(state, os.W_OK):
        message = f"{quoted(state)}, the state_dir of [relay], is no directory that can be written"
        report.warning(section.key_span("url"), "bad-file", message)
    if options.url.scheme == "http":
        message = "anyone on the path can change what is in the list: its url is not https"
        report.warning(section.span_of("url"), "no-verification", message)
    if options.tls_ca:
        try:
            certificates.read_certificates(options.tls_ca)
        except BadValue as bad:
            for fault in bad.at(section.span_of("tls_ca")):
                report.error(section.span_of("tls_ca"), "bad-file", f"tls_ca: {fault.message}", fault.help)
