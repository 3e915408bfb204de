"""Parsers of what relay itself puts into messages: fields set, added and removed, redirects, status codes, upgrades.

Fields of framing are refused: the proxy computes them (RFC 9112 §6), and a line of the configuration could break it.
"""

import re

from twisted_relay.config.option import Parser, line_list, one_line, one_word, word_list
from twisted_relay.config.patterns import TOKEN, split_field
from twisted_relay.config.values import FieldLine, Redirect
from twisted_relay.config.words import BadValue, Fault, Text, Value, not_valid, quoted

_FIELD_VALUE = re.compile(r"[\t\x20-\x7e]*")
_COMPUTED = "relay computes it from the message itself"
_PER_CONNECTION = "it belongs to one connection and is never forwarded"
_REFUSED = {
    "content-length": _COMPUTED,
    "transfer-encoding": _COMPUTED,
    "connection": _PER_CONNECTION,
    "keep-alive": _PER_CONNECTION,
    "proxy-connection": _PER_CONNECTION,
    "te": _PER_CONNECTION,
    "trailer": _COMPUTED,
    "upgrade": "the option upgrade says what is allowed",
    "expect": "relay answers it itself when it must",
    "host": "use upstream_host of the route or host of the backend",
}

REDIRECT_STATUSES = (301, 302, 303, 307, 308)
TO_HTTPS = Redirect(308, "https://{host}{uri}")
_PLACEHOLDERS = ("path", "query", "host", "uri")
REDIRECT_HELP = "write https, or a URL with a status before it if need be: 301 https://www.example.org{uri}"


def _check_name(name: str) -> None:
    if reason := _REFUSED.get(name.lower()):
        raise BadValue(Fault(f"{quoted(name)} cannot be changed", reason))


def parse_field_line(line: Text) -> FieldLine:
    """`Name: value`, of a field that may be set."""
    name, value = split_field(line.text, "write Name: value")
    if value is None:
        raise not_valid(line.text, "write Name: value (a colon between them)")
    _check_name(name)
    if not _FIELD_VALUE.fullmatch(value):
        raise BadValue(
            Fault(f"the value of {quoted(name)} is not valid", "it may hold only printable ASCII characters")
        )
    return FieldLine(name, value)


def show_field_line(field: FieldLine) -> str:
    """A field as it is written."""
    return f"{field.name}: {field.value}"


FIELD_LINES: Parser[tuple[FieldLine, ...]] = line_list("lines of `Name: value`", parse_field_line, show_field_line)


def _parse_field_name(text: str) -> str:
    if not TOKEN.fullmatch(text):
        raise not_valid(text, "write names of fields with spaces between them: Server X-Powered-By")
    _check_name(text)
    return text


FIELD_NAMES: Parser[tuple[str, ...]] = word_list("field names", _parse_field_name)


def _read_media_type(value: Value) -> str:
    if not _FIELD_VALUE.fullmatch(value.text) or not re.match(r"[a-z0-9.+-]+/[a-z0-9.+-]+(?:\s*;|$)", value.text):
        raise BadValue(
            Fault(
                f"{quoted(value.text)} is not valid", "write a media type such as text/html; charset=utf-8", value.span
            )
        )
    return value.text


MEDIA_TYPE: Parser[str] = Parser("media type", _read_media_type, str)


def _parse_status(text: str) -> int:
    if not re.fullmatch(r"[2-5][0-9]{2}", text):
        raise not_valid(text, "write a status code from 200 to 599")
    return int(text)


STATUS: Parser[int | None] = one_word("status code", _parse_status, lambda status: str(status or ""))


def _check_target(target: str) -> None:
    if not re.fullmatch(r"(?:https?://[\x21-\x7e]+|/[\x21-\x7e]*)", target):
        raise not_valid(target, REDIRECT_HELP)
    for name in re.findall(r"\{([^{}]*)\}", target):
        if name not in _PLACEHOLDERS:
            raise BadValue(Fault(f"{{{name}}} is not known", "known are {path}, {query}, {host} and {uri}"))
    if re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", target)):
        raise BadValue(Fault(f"{quoted(target)} has an unpaired brace", "write braces of a URL as %7B and %7D"))


def _parse_redirect(line: Text) -> Redirect:
    words = line.words()
    if line.text == "https":
        return TO_HTTPS
    status = 308
    if len(words) == 2:
        if words[0].text not in map(str, REDIRECT_STATUSES):
            listed = ", ".join(map(str, REDIRECT_STATUSES))
            raise BadValue(
                Fault(f"{quoted(words[0].text)} is not valid", f"write a status among {listed}", words[0].span)
            )
        status = int(words[0].text)
    elif len(words) > 2:
        raise not_valid(line.text, REDIRECT_HELP)
    try:
        _check_target(words[-1].text)
    except BadValue as bad:
        raise BadValue(*bad.at(words[-1].span)) from None
    return Redirect(status, words[-1].text)


def _show_redirect(redirect: Redirect | None) -> str:
    return f"{redirect.status} {redirect.target}" if redirect else ""


REDIRECT: Parser[Redirect | None] = one_line("`https`, or [status] URL", _parse_redirect, _show_redirect)


def _read_upgrades(value: Value) -> tuple[str, ...]:
    words = value.words()
    for word in words:
        if not TOKEN.fullmatch(word.text.replace("/", "", 1)):
            raise BadValue(
                Fault(
                    f"{quoted(word.text)} is not valid", "write protocols such as websocket, or off, or any", word.span
                )
            )
        if word.text in ("off", "any") and len(words) > 1:
            raise BadValue(Fault(f"{quoted(word.text)} must stand alone", span=word.span))
    return () if words[0].text == "off" else tuple(word.text.lower() for word in words)


UPGRADES: Parser[tuple[str, ...]] = Parser(
    "protocols, or `off` or `any`", _read_upgrades, lambda protocols: " ".join(protocols) or "off"
)
