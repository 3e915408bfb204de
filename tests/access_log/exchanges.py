"""Exchanges to be logged."""

from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Request

WALL = 1_700_000_000.25
"""14 November 2023, 22:13:20.250 UTC."""


def make_exchange(target: bytes = b"/a?b", *lines: bytes, client: str = "192.0.2.7") -> Exchange:
    """A finished GET through a backend, with these field lines."""
    request = Request(b"GET", target, Fields(list(lines)))
    request.authority = b"example.org"
    exchange = Exchange(request, Origin(client, b"http", 80, b""), 1000.0)
    exchange.listener, exchange.route, exchange.backend, exchange.server = "web", "all", "app", "10.0.0.1:80"
    exchange.sent, exchange.first_byte, exchange.finished = 1000.25, 1000.75, 1001.0
    exchange.tries = 1
    exchange.code = 200
    exchange.bytes_sent = 2326
    exchange.request_id = b"abc1"
    return exchange


def make_refused() -> Exchange:
    """An exchange that never became a request."""
    exchange = Exchange(Request(b"", b"", Fields()), Origin("192.0.2.7", b"http", 80, b""), 1000.0)
    exchange.listener = "web"
    exchange.finished = 1000.5
    exchange.code = 400
    return exchange
