"""Secrets that stand in files of their own, and what is wrong or doubtful about them."""

from collections.abc import Sequence

from twisted_relay.config import certificates
from twisted_relay.config.build import Section
from twisted_relay.config.diagnostics import Report
from twisted_relay.config.parents import LONGEST_CREDENTIAL
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.words import BadValue, Fault, quoted

LEAST, LARGEST = 16, 4096
"""Bytes."""


def read_secret(path: str) -> bytes:
    """What a file holds, without white space around it; raises `BadValue` that names the file."""
    secret = certificates.read_bounded(path, LARGEST).strip()
    if len(secret) < LEAST:
        hint = f"make one: head -c 32 /dev/urandom | base64 > {path}"
        raise BadValue(Fault(f"{quoted(path)} holds {len(secret)} bytes; a secret has at least {LEAST}", hint))
    return secret


def read_password(path: str) -> str:
    """The password in the first line of a file; raises `BadValue` that names the file, and shows nothing of it."""
    lines = certificates.read_bounded(path, LARGEST).splitlines()
    try:
        password = lines[0].decode() if lines else ""
    except UnicodeDecodeError:
        raise BadValue(Fault(f"{quoted(path)} is not UTF-8 text")) from None
    if not password or any(lines[1:]):
        raise BadValue(Fault(f"{quoted(path)} does not hold a password alone", "write it in the first line"))
    if len(lines[0]) > LONGEST_CREDENTIAL or not password.isprintable():
        hint = f"a password has at most {LONGEST_CREDENTIAL} bytes, and no control characters"
        raise BadValue(Fault(f"{quoted(path)} holds no valid password", hint))
    return password


def check_sticky_secrets(sections: Sequence[Section], report: Report) -> None:
    """The secret of `sticky` must be readable, long enough, and nobody else's; without `sticky` it does nothing."""
    key = "sticky_secret_file"
    for section in sections:
        options = section.options
        if not isinstance(options, BackendOptions) or not options.sticky_secret_file:
            continue
        path = options.sticky_secret_file
        if options.sticky is None:
            if key in section.own:
                message = f"{key} does nothing here: {section.title} has no sticky"
                report.warning(section.key_span(key), "no-effect", message, "add sticky = cookie NAME")
            continue
        try:
            read_secret(path)
        except BadValue as bad:
            for fault in bad.at(section.span_of(key)):
                report.error(section.span_of(key), "bad-file", f"{key}: {fault.message}", fault.help)
            continue
        if certificates.is_readable_by_all(path):
            message = f"every user of this machine can read the secret {quoted(path)}"
            report.warning(section.span_of(key), "readable-key", message, f"chmod o-r {path}")
