"""Parsers of the options of block lists: their files, where they are fetched, and what is excepted from them."""

import re
from typing import Literal
from urllib.parse import urlsplit

from twisted_relay.config.addresses import is_host, unbracketed
from twisted_relay.config.option import Parser, line_list, one_word, word_list
from twisted_relay.config.scalars import absolute
from twisted_relay.config.values import Address, ListUrl
from twisted_relay.config.words import Text, not_valid
from twisted_relay.lists.formats import key_of

LIST_PREFIX = "list:"
"""Begins an exception that is another list."""
URL_HELP = "write http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH"
_TARGET = re.compile(r"/[!-~]*")
_LIST_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_SCHEMES: dict[str, Literal["http", "https"]] = {"http": "http", "https": "https"}
_PORTS = {"http": 80, "https": 443}


def _parse_path(line: Text) -> str:
    return absolute(line.text, line.file)


PATHS: Parser[tuple[str, ...]] = line_list("paths, one on each line", _parse_path, str)


def parse_list_url(text: str) -> ListUrl:
    """Where a list is fetched; raises `BadValue`."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise not_valid(text, URL_HELP) from None
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None or not parts.hostname:
        raise not_valid(text, URL_HELP)
    if "@" in parts.netloc:
        raise not_valid(text, f"no user or password may stand in it; {URL_HELP}")
    host = unbracketed(f"[{parts.hostname}]") or parts.hostname.removesuffix(".")
    if ":" not in host and not is_host(host):
        raise not_valid(text, URL_HELP)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _TARGET.fullmatch(target):
        raise not_valid(text, "write what is no ASCII in its path as %XX")
    return ListUrl(scheme, Address(host, port or _PORTS[scheme]), target)


def show_list_url(url: ListUrl | None) -> str:
    """A URL as it is written."""
    return "" if url is None else str(url)


LIST_URL: Parser[ListUrl | None] = one_word("http or https URL", parse_list_url, show_list_url)


def _parse_exception(text: str) -> str:
    if text.startswith(LIST_PREFIX):
        if not _LIST_NAME.fullmatch(text.removeprefix(LIST_PREFIX)):
            raise not_valid(text, "write list:NAME with the name of a [list:NAME] section")
    elif not key_of(text.encode("utf-8", "surrogateescape")):
        raise not_valid(text, "write a name such as example.org, an address, a network, or list:NAME")
    return text


EXCEPTIONS: Parser[tuple[str, ...]] = word_list("names, networks, or `list:NAME`", _parse_exception)
