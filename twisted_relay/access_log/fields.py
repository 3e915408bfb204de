"""The table of what a JSON line says of an exchange. To add a field, add a row; the reference page comes with it.

Fields are never left out: what is not known is null. Credentials (Authorization, Cookie) are never read here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import gmtime, strftime
from typing import Literal, TypeAlias

from twisted_relay.exchange import Exchange

Value: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True)
class LogField:
    """One field of a line; `read` is given the exchange and the time of day at its end, in seconds since 1970."""

    name: str
    kind: Literal["text", "number", "seconds"]
    help: str
    read: Callable[[Exchange, float], Value]


def text(data: bytes | None) -> str | None:
    r"""Octets of a message as text: UTF-8, and `\xHH` for what is not. None for nothing."""
    return data.decode("utf-8", "backslashreplace") if data else None


_second = (-1, "")


def iso_time(wall: float) -> str:
    """The time in UTC as RFC 3339 writes it, with milliseconds."""
    global _second  # noqa: PLW0603
    second = int(wall)
    if _second[0] != second:
        _second = (second, strftime("%Y-%m-%dT%H:%M:%S", gmtime(second)))
    return f"{_second[1]}.{int((wall - second) * 1000):03d}Z"


def _between(start: float, end: float) -> float | None:
    """Seconds between two times of an exchange, of which 0.0 was not reached."""
    return round(end - start, 6) if start and end else None


def _protocol(exchange: Exchange) -> str | None:
    if not exchange.request_line[0]:
        return None
    return exchange.origin.protocol or f"HTTP/1.{exchange.request.minor}"


FIELDS = (
    LogField("time", "text", "When the exchange ended: UTC, with milliseconds.", lambda exchange, wall: iso_time(wall)),
    LogField("listener", "text", "The listener.", lambda exchange, wall: exchange.listener),
    LogField(
        "route",
        "text",
        "The route; null for the listener's own backend.",
        lambda exchange, wall: exchange.route or None,
    ),
    LogField(
        "backend",
        "text",
        "The backend; null if none was asked.",
        lambda exchange, wall: None if exchange.parent else exchange.backend or None,
    ),
    LogField(
        "parent",
        "text",
        "The parent through which a request of a forward proxy went; null if it went straight.",
        lambda exchange, wall: exchange.parent or None,
    ),
    LogField(
        "server", "text", "The server that answered or was tried last.", lambda exchange, wall: exchange.server or None
    ),
    LogField(
        "client",
        "text",
        "The address that the connection came from; null for a UNIX socket.",
        lambda exchange, wall: exchange.origin.client or None,
    ),
    LogField(
        "user",
        "text",
        "The user who has given the right password; null for all others.",
        lambda exchange, wall: exchange.user or None,
    ),
    LogField(
        "host",
        "text",
        "The host and port that the client asked for.",
        lambda exchange, wall: text(exchange.request.authority),
    ),
    LogField("method", "text", "The method.", lambda exchange, wall: text(exchange.request_line[0])),
    LogField("target", "text", "Path and query as received.", lambda exchange, wall: text(exchange.request_line[1])),
    LogField("protocol", "text", "The version that the client speaks.", lambda exchange, wall: _protocol(exchange)),
    LogField(
        "status",
        "number",
        "The status code that the client got; 499 when it left before.",
        lambda exchange, wall: exchange.code,
    ),
    LogField("bytes_received", "number", "Bytes of request content.", lambda exchange, wall: exchange.bytes_received),
    LogField(
        "bytes_sent",
        "number",
        "Bytes written to the client for this exchange, heads and framing included.",
        lambda exchange, wall: exchange.bytes_sent,
    ),
    LogField(
        "duration",
        "seconds",
        "From the first byte of the request to the last byte of the response.",
        lambda exchange, wall: _between(exchange.started, exchange.finished),
    ),
    LogField(
        "sent_after",
        "seconds",
        "From the first byte of the request until it was written to the server that answered: reading, waiting in the "
        "queue, connecting, earlier tries.",
        lambda exchange, wall: _between(exchange.started, exchange.sent),
    ),
    LogField(
        "response_time",
        "seconds",
        "From then until the head of the server's response was there.",
        lambda exchange, wall: _between(exchange.sent, exchange.first_byte),
    ),
    LogField(
        "rule",
        "text",
        "The rule of a forward proxy that decided, as `FILE:LINE: RULE`; null where there are no rules.",
        lambda exchange, wall: exchange.rule or None,
    ),
    LogField(
        "sni",
        "text",
        "The name that the TLS hello in a tunnel asks for; null if nobody looked (`peek`), or it asks for none.",
        lambda exchange, wall: exchange.sni or None,
    ),
    LogField("tries", "number", "How often the request was given to a server.", lambda exchange, wall: exchange.tries),
    LogField(
        "error",
        "text",
        "Why the exchange failed, in one word; null if it did not.",
        lambda exchange, wall: exchange.error.reason if exchange.error is not None else None,
    ),
    LogField(
        "error_side",
        "text",
        "Whose failure it was: client, server or relay.",
        lambda exchange, wall: exchange.error.side if exchange.error is not None else None,
    ),
    LogField(
        "error_text",
        "text",
        "The failure in words.",
        lambda exchange, wall: str(exchange.error) if exchange.error is not None else None,
    ),
    LogField(
        "request_id",
        "text",
        "X-Request-Id as the server saw it: the client's, or a new one. Of what a forward proxy refuses, as its answer "
        "says; null for what it forwards.",
        lambda exchange, wall: text(exchange.request_id),
    ),
    LogField(
        "user_agent", "text", "User-Agent.", lambda exchange, wall: text(exchange.request.fields.get(b"user-agent"))
    ),
    LogField("referer", "text", "Referer.", lambda exchange, wall: text(exchange.request.fields.get(b"referer"))),
)
