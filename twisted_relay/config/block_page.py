"""The page that people get from a forward proxy instead of what they wanted, as an operator may write it in a file.

It is HTML with `{host}` and the like where something of the request is put in. Other braces are left as they are.
"""

import re

from twisted_relay.config.certificates import read_bounded
from twisted_relay.config.option import Parser
from twisted_relay.config.suggest import did_you_mean
from twisted_relay.config.words import BadValue, Fault, Value, quoted

LARGEST_PAGE = 1024 * 1024
"""Octets: a page is held in memory and sent whole."""
MOST_FAULTS = 5
LONGEST_CONTACT = 200

PLACEHOLDERS = ("title", "reason", "host", "rule", "user", "id", "status", "contact")
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def read_block_page(path: str) -> str:
    """The text of a page; raises `BadValue` with the line of each placeholder that does not exist."""
    try:
        text = read_bounded(path, LARGEST_PAGE).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadValue(Fault(f"{quoted(path)} is not UTF-8 text")) from None
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        for match in PLACEHOLDER.finditer(line):
            if match[1] not in PLACEHOLDERS:
                hint = did_you_mean(match[1], PLACEHOLDERS) or f"there are: {', '.join(PLACEHOLDERS)}"
                faults.append(Fault(f"line {number} of {quoted(path)}: {match[0]} is not known", hint))
    if faults:
        raise BadValue(*faults[:MOST_FAULTS])
    return text


def _read_contact(value: Value) -> str:
    text = value.text.strip()
    if "\n" in text or not text.isprintable() or len(text) > LONGEST_CONTACT:
        hint = f"write one line of at most {LONGEST_CONTACT} characters: a mail address, a URL or a few words"
        raise BadValue(Fault(f"{quoted(text[:40])} is not valid", hint, value.span))
    return text


CONTACT: Parser[str] = Parser("text", _read_contact, str)
