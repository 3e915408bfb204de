"""The parser of `sticky`: the cookie that keeps clients at their server."""

import re
from dataclasses import replace

from twisted_relay.config.addresses import is_host
from twisted_relay.config.option import Parser, one_line
from twisted_relay.config.patterns import TOKEN
from twisted_relay.config.scalars import parse_time, show_time
from twisted_relay.config.settings import none_twice
from twisted_relay.config.values import StickySpec
from twisted_relay.config.words import BadValue, Fault, Text, Word, quoted

STICKY_HELP = "write off, or cookie NAME, with secure, same-site=strict, max-age=1h, path=/shop or domain=NAME after it"

_PATH = re.compile(r"/[\x21-\x3a\x3c-\x7e]*")
_SAME_SITE = {"lax": "Lax", "strict": "Strict", "none": "None"}


def _refuse(word: Word, help: str) -> BadValue:
    return BadValue(Fault(f"{quoted(word.text)} is not valid", help, word.span))


def _with(spec: StickySpec, word: Word) -> StickySpec:
    """The cookie with one more attribute."""
    name, mark, value = word.text.partition("=")
    if word.text == "secure":
        return replace(spec, secure=True)
    if word.text == "http-only":
        return spec  # it always is
    if name == "same-site" and value.lower() in _SAME_SITE:
        return replace(spec, same_site=_SAME_SITE[value.lower()])
    if name == "path" and _PATH.fullmatch(value):
        return replace(spec, path=value)
    if name == "domain" and is_host(value.removeprefix(".")):
        return replace(spec, domain=value.lower())
    if name == "max-age" and mark:
        try:
            age = parse_time(value)
        except BadValue as bad:
            raise BadValue(*bad.at(word.span)) from None
        if age >= 1:
            return replace(spec, max_age=int(age))
        raise _refuse(word, "a cookie lives for at least 1s")
    raise _refuse(word, STICKY_HELP)


def _parse(line: Text) -> StickySpec | None:
    if line.text == "off":
        return None
    kind, *others = line.words()
    if kind.text != "cookie":
        raise _refuse(kind, STICKY_HELP)
    if not others:
        raise BadValue(Fault("the cookie has no name", "write cookie NAME", kind.span))
    name, *attributes = others
    if not TOKEN.fullmatch(name.text):
        raise _refuse(name, "a cookie's name has letters, digits and !#$%&'*+-.^_`|~")
    spec = StickySpec(name.text)
    for word in attributes:
        spec = _with(spec, word)
    none_twice(attributes)
    if spec.same_site == "None" and not spec.secure:
        raise BadValue(Fault("same-site=none needs secure", "browsers drop such a cookie otherwise", line.span))
    return spec


def _show(spec: StickySpec | None) -> str:
    if spec is None:
        return "off"
    words = ["cookie", spec.cookie] + ["secure"] * spec.secure
    words += [f"same-site={spec.same_site.lower()}"] * (spec.same_site != "Lax")
    words += [f"max-age={show_time(spec.max_age)}"] * bool(spec.max_age)
    words += [f"path={spec.path}"] * (spec.path != "/") + [f"domain={spec.domain}"] * bool(spec.domain)
    return " ".join(words)


STICKY: Parser[StickySpec | None] = one_line("cookie NAME …, or `off`", _parse, _show)
