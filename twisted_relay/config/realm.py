"""Parsers of what [auth:NAME] says in HTTP: the realm, and the name of a field for the user."""

from twisted_relay.config.option import Parser, one_line, one_word
from twisted_relay.config.responses import FIELD_NAMES
from twisted_relay.config.words import BadValue, Fault, Span, Text, Value, Word, not_valid

LONGEST_REALM = 100
_OURS = frozenset({"authorization", "proxy-authorization", "cookie"})


def _parse_realm(line: Text) -> str:
    if not line.text.isascii() or not line.text.isprintable() or len(line.text) > LONGEST_REALM:
        raise not_valid(line.text, f"write up to {LONGEST_REALM} printable characters of ASCII")
    return line.text


REALM: Parser[str] = one_line("text", _parse_realm, str)


def _parse_field_name(text: str) -> str:
    span = Span("", 0, 0)
    try:
        (name,) = FIELD_NAMES.read(Value(Word("", span), (Text.plain(text, span),)))
    except BadValue as bad:
        raise BadValue(*(Fault(fault.message, fault.help, code=fault.code) for fault in bad.faults)) from None
    if name.lower() in _OURS:
        raise not_valid(text, "write a field of its own, such as X-Forwarded-User")
    return name


OWN_FIELD_NAME: Parser[str] = one_word("name of a field", _parse_field_name)
