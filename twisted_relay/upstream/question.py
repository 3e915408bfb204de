"""A request of our own to one server, over a connection made as those of the traffic are: for checks and lists."""

from twisted.internet.defer import Deferred

from twisted_relay.errors import RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Answer, Request, Response
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.dial import Dial
from twisted_relay.upstream.http1 import Try
from twisted_relay.upstream.pool import Pool

_OURSELVES = Origin("", b"http", 0, b"")


def connect(pool: Pool) -> Deferred[UpstreamConnection]:
    """A new connection; fails with a `RelayError`. Cancelling stops the attempt."""
    dials: list[Dial] = []
    connected: Deferred[UpstreamConnection] = Deferred(lambda _: dials[0].cancel())

    def done(result: UpstreamConnection | RelayError) -> None:
        if isinstance(result, RelayError):
            connected.errback(result)
        else:
            connected.callback(result)

    dials.append(pool.dial(done))
    return connected


def ask(connection: UpstreamConnection, request: Request, authority: bytes) -> Deferred[Response]:
    """The response to a request, when its head is there; fails with a `ServerError`. Cancelling closes."""
    exchange = Exchange(request, _OURSELVES, connection.now())

    def answered(answer: Answer) -> None:
        if isinstance(answer, RelayError):
            response.errback(answer)
        else:
            response.callback(answer)

    attempt = Try(exchange, connection, answered)
    response: Deferred[Response] = Deferred(lambda _: attempt.cancel())
    attempt.start(authority)
    return response
