"""What a forward proxy tells its clients of errors: text, JSON, or a page for people, and the cause in Proxy-Status.

Refusals have an id, by which whoever is asked finds the line in the access log. Nothing of rules is told but what
`tell_rule` allows, and nothing of what a forbidden name leads to.
"""

import re
from typing import Protocol

from twisted_relay.config.block_page import read_block_page
from twisted_relay.config.tree import ListenerOptions
from twisted_relay.config.words import BadValue
from twisted_relay.downstream.answers import in_words, proxy_status_lines, response_to
from twisted_relay.downstream.block_page import FIELDS, BlockPage
from twisted_relay.errors import ClientAbort, ConfigurationError, RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.http.message import Request, Response
from twisted_relay.http.request_id import new_request_id

_NOT_IN_STRINGS = re.compile(r"[^\x20-\x7e]")
_REFUSED_QUALITY = re.compile(rb";[ \t]*q=0(?:\.0{0,3})?[ \t]*(?:;|$)", re.IGNORECASE)


class Answers(Protocol):
    """Who puts errors into words for clients."""

    def __call__(self, error: RelayError, exchange: Exchange) -> Response:
        """The response that tells of an error."""


class ForwardAnswers:
    """The answers of one forward listener."""

    def __init__(self, options: ListenerOptions) -> None:
        """Raises `ConfigurationError` if the file of the page cannot be used."""
        template = ""
        if options.block_page and options.mode != "socks5":
            try:
                template = read_block_page(options.block_page)
            except BadValue as error:
                raise ConfigurationError(f"block_page {options.block_page}: {error}") from error
        self._page = BlockPage(template, options.contact)

    def __call__(self, error: RelayError, exchange: Exchange) -> Response:
        """See `Answers`."""
        if not exchange.request_id and not isinstance(error, ClientAbort):
            exchange.request_id = new_request_id()
        explanation = error.outside or error.explanation
        lines = [b"X-Request-Id: " + exchange.request_id, *proxy_status_lines(error, proxy_status(error))]
        if wants_page(exchange.request):
            content = self._page.page(error, exchange, explanation)
            return response_to(error, [b"Content-Type: text/html; charset=utf-8", *FIELDS, *lines], content)
        kind, content = in_words(error, exchange.request, explanation)
        return response_to(error, [b"Content-Type: " + kind, *lines], content)


def proxy_status(error: RelayError) -> bytes:
    """The value of Proxy-Status: who speaks, the type of the error, and its parameters (RFC 9209 \u00a72)."""
    parameters = "".join(f"; {name}={_string(value)}" for name, value in error.parameters)
    return f"relay; error={error.proxy_status}{parameters}".encode("ascii")


def _string(value: str) -> str:
    """A string of structured fields (RFC 8941 \u00a73.3.3)."""
    plain = _NOT_IN_STRINGS.sub("?", value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


def wants_page(request: Request) -> bool:
    """Whether people will look at the answer: the client names HTML, and the answer to CONNECT is never shown."""
    if request.method == b"CONNECT":
        return False
    for value in request.fields.get_all(b"accept"):
        for element in value.lower().split(b","):
            kind, _, parameters = element.partition(b";")
            if kind.strip(b" \t") == b"text/html":
                return not _REFUSED_QUALITY.search(b";" + parameters)
    return False
