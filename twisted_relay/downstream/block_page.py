"""The page that people get from a forward proxy when it does not bring what they wanted.

Everything of the request that stands in it is escaped, and no script runs in it: the browser takes it for a page of the
site that was asked for, and would give it that site's cookies.
"""

import re
from collections.abc import Mapping
from html import escape

from twisted_relay.config.block_page import PLACEHOLDER
from twisted_relay.downstream.answers import REASONS
from twisted_relay.errors import RelayError
from twisted_relay.exchange import Exchange

FIELDS = (
    b"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    b"form-action 'none'",
    b"X-Content-Type-Options: nosniff",
    b"Referrer-Policy: no-referrer",
)
"""What keeps the page from doing anything."""

LONGEST_HOST = 255
_MAIL = re.compile(r"[^\s@<>\"'?&]+@[^\s@<>\"'?&]+\.[^\s@<>\"'?&]+")
_WEB = re.compile(r"https?://[\x21-\x7e]+")

BUILT_IN = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root { color-scheme: light dark }
body { font: 1.1em/1.5 system-ui, sans-serif; max-width: 40em; margin: 3em auto; padding: 0 1em }
h1 { font-size: 1.5em }
dt { float: left; clear: left; width: 6em; opacity: .7 }
dd { margin: 0 0 .3em 6em; overflow-wrap: anywhere }
</style>
<h1>{title}</h1>
<p>{reason}</p>
<dl>
"""


class BlockPage:
    """The page of one listener: the built-in one, or one of the operator's."""

    def __init__(self, template: str, contact: str) -> None:
        """`template` is "" for the built-in one; `contact` is "" if nobody is named."""
        self._template = template
        self._contact = contact

    def page(self, error: RelayError, exchange: Exchange, reason: str) -> bytes:
        """The page for an error, in UTF-8. `reason` is what the client is told in words."""
        values = {
            "title": _title(error),
            "reason": reason,
            "host": _host(exchange),
            "rule": error.place,
            "user": exchange.user,
            "id": exchange.request_id.decode("ascii"),
            "status": str(error.status),
            "contact": self._contact,
        }
        escaped = {name: escape(value) for name, value in values.items()}
        if self._template:
            return _filled(self._template, escaped).encode()
        return (_filled(BUILT_IN, escaped) + "".join(_facts(values)) + "</dl>\n").encode()


def _filled(template: str, values: Mapping[str, str]) -> str:
    """One pass: what is put in is not looked at again."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


def _title(error: RelayError) -> str:
    if error.status == 403:
        return "Blocked by the proxy"
    return REASONS.get(error.status, b"Error").decode("ascii")


def _host(exchange: Exchange) -> str:
    host = exchange.request.authority.decode("ascii", "backslashreplace")
    return host if len(host) <= LONGEST_HOST else host[:LONGEST_HOST] + "\N{HORIZONTAL ELLIPSIS}"


def _facts(values: Mapping[str, str]) -> list[str]:
    """What helps whoever is asked about it, as far as it is known."""
    facts = [("Address", escape(values["host"])), ("Rule", escape(values["rule"])), ("Request", escape(values["id"]))]
    facts.append(("Contact", _link(values["contact"])))
    return [f"<dt>{name}</dt><dd>{value}</dd>\n" for name, value in facts if value]


def _link(contact: str) -> str:
    target = f"mailto:{contact}" if _MAIL.fullmatch(contact) else contact if _WEB.fullmatch(contact) else ""
    return f'<a href="{escape(target)}">{escape(contact)}</a>' if target else escape(contact)
