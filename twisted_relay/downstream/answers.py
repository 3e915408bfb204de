"""Our own answers to clients (`http.md` §14): small, in text or JSON, and without anything of our insides."""

import json
from collections.abc import Sequence
from email.utils import formatdate
from time import time

from twisted_relay.errors import AuthenticationRequired, ClientError, RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Request, Response

REASONS = {
    200: b"OK",
    201: b"Created",
    202: b"Accepted",
    204: b"No Content",
    206: b"Partial Content",
    300: b"Multiple Choices",
    301: b"Moved Permanently",
    302: b"Found",
    303: b"See Other",
    304: b"Not Modified",
    307: b"Temporary Redirect",
    308: b"Permanent Redirect",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    407: b"Proxy Authentication Required",
    408: b"Request Timeout",
    410: b"Gone",
    413: b"Content Too Large",
    414: b"URI Too Long",
    417: b"Expectation Failed",
    418: b"I'm a teapot",
    421: b"Misdirected Request",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    451: b"Unavailable For Legal Reasons",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
    505: b"HTTP Version Not Supported",
    508: b"Loop Detected",
}
"""Reason phrases of RFC 9110 §15 and the registry, for answers that we write ourselves."""


_date = (0, b"")


def date_line() -> bytes:
    """The Date of now as a field line (RFC 9110 §6.6.1), made once a second."""
    global _date  # noqa: PLW0603
    second = int(time())
    if _date[0] != second:
        _date = (second, b"Date: " + formatdate(second, usegmt=True).encode("ascii"))
    return _date[1]


def answer_to(error: RelayError, request: Request | None) -> Response:
    """The response that tells a client of an error; JSON if it asked for that and not for text or HTML."""
    kind, content = in_words(error, request, error.explanation)
    status = b"relay; error=" + error.proxy_status.encode("ascii")
    return response_to(error, [b"Content-Type: " + kind, *proxy_status_lines(error, status)], content)


def answer_in_exchange(error: RelayError, exchange: Exchange) -> Response:
    """The same, as listeners ask for it."""
    return answer_to(error, exchange.request)


def in_words(error: RelayError, request: Request | None, explanation: str) -> tuple[bytes, bytes]:
    """Media type and content, of text or JSON."""
    reason = REASONS.get(error.status, b"Error")
    accept = (request.fields.get(b"accept") or b"") if request is not None else b""
    if b"application/json" in accept and b"text/" not in accept:
        told = {"status": error.status, "title": reason.decode("ascii"), "detail": explanation}
        return b"application/json", json.dumps(told).encode("ascii")
    return b"text/plain; charset=utf-8", b"%d %b\n%b\n" % (error.status, reason, explanation.encode("ascii"))


def proxy_status_lines(error: RelayError, value: bytes) -> list[bytes]:
    """The field that names the cause (RFC 9209), unless the request itself was it."""
    if isinstance(error, ClientError) and error.proxy_status == "http_request_error":
        return []
    return [b"Proxy-Status: " + value]


def response_to(error: RelayError, lines: Sequence[bytes], content: bytes) -> Response:
    """The response with this content and these lines, and those that every answer to an error has."""
    lines = [*lines, b"Cache-Control: no-store", date_line()]
    if isinstance(error, AuthenticationRequired):
        lines.append(b"%b: %b" % (error.challenge_field, error.challenge))
    if error.retry_after:
        lines.append(b"Retry-After: %d" % error.retry_after)
    response = Response(error.status, REASONS.get(error.status, b"Error"), Fields(lines))
    response.content = content
    response.length = len(content)
    return response
