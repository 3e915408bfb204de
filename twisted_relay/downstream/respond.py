"""Destinations that need no server: `respond`, `redirect`, and a listener's own redirect."""

import re
from pathlib import Path

from twisted_relay.config.tree import RouteOptions
from twisted_relay.config.values import Redirect
from twisted_relay.downstream.answers import REASONS, date_line
from twisted_relay.errors import BadRequest, ConfigurationError
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Answered, Request, Response

MAX_FILE = 1 << 20
"""Octets that `respond_file` may have: it is held in memory."""
_PLACEHOLDER = re.compile(rb"\{(host|path|query|uri)\}")


def respond(options: RouteOptions) -> Destination:
    """The destination of a route with `respond`; raises `ConfigurationError` if its file cannot be read."""
    status = options.respond
    assert status is not None
    content = options.respond_body.encode("utf-8")
    if options.respond_file:
        content = _read(options.respond_file)
    lines = [b"Content-Type: " + options.respond_type.encode("ascii")] if content else []
    reason = REASONS.get(status, b"")

    def answer(exchange: Exchange, answered: Answered) -> None:
        response = Response(status, reason, Fields([*lines, date_line()]))
        response.content = content
        response.length = len(content)
        answered(response)

    return answer


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ConfigurationError(f"respond_file {path}: {error.strerror}") from error
    if len(content) > MAX_FILE:
        raise ConfigurationError(f"respond_file {path} is larger than 1 MiB")
    return content


def redirect(options: Redirect) -> Destination:
    """A destination that sends every request elsewhere."""
    template = options.target.encode("ascii")
    reason = REASONS.get(options.status, b"")

    def answer(exchange: Exchange, answered: Answered) -> None:
        if not exchange.request.host and b"{host}" in template:
            answered(BadRequest("a redirect to the same host needs a Host"))
            return
        location = _PLACEHOLDER.sub(lambda match: _value(exchange.request, match[1]), template)
        response = Response(options.status, reason, Fields([b"Location: " + location, date_line()]))
        answered(response)

    return answer


def _value(request: Request, name: bytes) -> bytes:
    if name == b"host":
        return request.host
    if name == b"query":
        return request.query
    return request.target if name == b"uri" else request.target.partition(b"?")[0]
