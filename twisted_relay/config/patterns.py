"""Parsers of the conditions of a route: paths, hosts, methods, fields, query parameters; and of the rewriting of paths.

Regular expressions are Python's `re`; they are compiled here once, so that what does not compile is refused.
"""

import re
import warnings

from twisted_relay.config.addresses import is_host, unbracketed
from twisted_relay.config.option import Parser, line_list, one_line, word_list
from twisted_relay.config.values import FieldMatch, HostPattern, PathPattern, QueryMatch, Rewrite
from twisted_relay.config.words import BadValue, Fault, Text, Word, not_valid, quoted

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""RFC 9110 §5.6.2."""
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_LONGEST_EXPRESSION = 4096

PATH_HELP = "write a path such as /exact, /below/*, *.css or ~^/expression$"
FIELD_MATCH_HELP = "write Name, Name: value or Name: ~expression"


def compiled(expression: str) -> re.Pattern[str]:
    """A regular expression; raises `BadValue` when it does not compile."""
    if len(expression) > _LONGEST_EXPRESSION:
        raise BadValue(Fault(f"the expression is longer than {_LONGEST_EXPRESSION} characters"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(expression)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadValue(Fault(f"{quoted(expression)} is not a regular expression: {error}")) from None


def parse_path(text: str) -> PathPattern:
    """`/exact`, `/below/*`, a glob such as `*.css`, or `~expression`."""
    if text.startswith("~"):
        compiled(text[1:])
        return PathPattern("regex", text[1:])
    if not text.startswith(("/", "*")):
        raise not_valid(text, PATH_HELP)
    if not _VISIBLE.fullmatch(text):
        raise not_valid(text, "a path has only visible ASCII characters; write the others percent-encoded")
    if text.endswith("/*") and not re.search(r"[*?]", text[:-1]):
        return PathPattern("prefix", text[:-2])
    return PathPattern("glob" if re.search(r"[*?]", text) else "exact", text)


def show_path(pattern: PathPattern) -> str:
    """A path pattern as it is written."""
    return (
        {"regex": "~", "prefix": ""}.get(pattern.kind, "") + pattern.text + ("/*" if pattern.kind == "prefix" else "")
    )


PATHS: Parser[tuple[PathPattern, ...]] = word_list("path patterns", parse_path, show_path)


def parse_host(text: str) -> HostPattern:
    """`api.example.org`, `*.example.org` or `[::1]`."""
    host = text.lower().removesuffix(".")
    if host.startswith("*.") and is_host(host[2:]):
        return HostPattern("wildcard", host[2:])
    if literal := unbracketed(host):
        return HostPattern("exact", f"[{literal}]")
    if is_host(host):
        return HostPattern("exact", host)
    if text == "*":
        raise not_valid(text, "leave the option out to take every host")
    if is_host(host.partition(":")[0]):
        raise not_valid(text, "write the host without a port")
    raise not_valid(text, "write a host such as api.example.org or *.example.org (not ASCII: as xn--…)")


def _show_host(pattern: HostPattern) -> str:
    return f"*.{pattern.text}" if pattern.kind == "wildcard" else pattern.text


HOSTS: Parser[tuple[HostPattern, ...]] = word_list("hosts", parse_host, _show_host)


def parse_method(text: str) -> str:
    """A method; methods are case-sensitive, and all known ones are upper-case (RFC 9110 §9.1)."""
    if not TOKEN.fullmatch(text):
        raise not_valid(text, "write methods such as GET HEAD POST")
    if text != text.upper():
        raise not_valid(text, f"methods are upper-case: {text.upper()}")
    return text


METHODS: Parser[tuple[str, ...]] = word_list("methods", parse_method)


def split_field(text: str, hint: str) -> tuple[str, str | None]:
    """The name and the value of `Name: value`; None without a colon."""
    name, colon, value = text.partition(":")
    if not TOKEN.fullmatch(name):
        raise not_valid(text, hint)
    return name, value.strip(" \t") if colon else None


def _parse_field_match(line: Text) -> FieldMatch:
    name, value = split_field(line.text, FIELD_MATCH_HELP)
    if value is None:
        return FieldMatch(name.lower(), "present")
    if value.startswith("~"):
        compiled(value[1:])
        return FieldMatch(name.lower(), "regex", value[1:])
    return FieldMatch(name.lower(), "exact", value)


def _show_field_match(match: FieldMatch) -> str:
    if match.kind == "present":
        return match.name
    return f"{match.name}: {'~' if match.kind == 'regex' else ''}{match.text}"


FIELD_MATCHES: Parser[tuple[FieldMatch, ...]] = line_list(
    "fields, one on each line", _parse_field_match, _show_field_match
)


def _parse_query(text: str) -> QueryMatch:
    name, equals, value = text.partition("=")
    if not name or not _VISIBLE.fullmatch(text) or "&" in text:
        raise not_valid(text, "write a parameter's name, or name=value")
    return QueryMatch(name, "exact" if equals else "present", value)


def _show_query(match: QueryMatch) -> str:
    return f"{match.name}={match.text}" if match.kind == "exact" else match.name


QUERIES: Parser[tuple[QueryMatch, ...]] = word_list("query parameters", _parse_query, _show_query)


def _parse_rewrite(line: Text) -> Rewrite:
    words = line.words()
    if len(words) != 2:
        raise not_valid(line.text, r"write an expression and what replaces it: ^/old/(.*) /new/\1")
    pattern, replacement = words
    try:
        expression = compiled(pattern.text)
    except BadValue as bad:
        raise BadValue(*bad.at(pattern.span)) from None
    _check_replacement(expression, replacement)
    return Rewrite(pattern.text, replacement.text)


def _check_replacement(expression: re.Pattern[str], replacement: Word) -> None:
    """An empty text is enough: `re` reads the replacement before it looks for a match."""
    try:
        expression.sub(replacement.text, "")
    except (re.error, IndexError) as error:
        raise BadValue(Fault(f"{quoted(replacement.text)} is not valid: {error}", "", replacement.span)) from None


def _show_rewrite(rewrite: Rewrite | None) -> str:
    return f"{rewrite.pattern} {rewrite.replacement}" if rewrite else ""


REWRITE: Parser[Rewrite | None] = one_line("expression and replacement", _parse_rewrite, _show_rewrite)


def _parse_prefix(line: Text) -> str:
    text = line.text
    if not _VISIBLE.fullmatch(text) or not text.startswith("/") or text.endswith("*"):
        raise not_valid(text, "write a path that begins with /, such as /v1")
    return text.rstrip("/")


PREFIX: Parser[str] = one_line("path", _parse_prefix, str)
