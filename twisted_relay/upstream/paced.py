"""A destination whose exchanges go no faster than limits let them.

Content that has come with a head is paid before the head goes on; content that streams is paid as it comes, and its
source is paused meanwhile, so nothing is kept here but what one read has brought. A tunnel takes its tolls along.
"""

from functools import partial

from twisted_relay.errors import RelayError
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.http.message import Answer, Answered, Response
from twisted_relay.http.stream import Stream
from twisted_relay.net.limit import Toll
from twisted_relay.upstream.bandwidth import Bandwidth


class Paced:
    """Stands before a destination of one forward listener."""

    def __init__(self, bandwidth: Bandwidth, go: Destination) -> None:
        self.bandwidth = bandwidth
        self.go = go

    def __call__(self, exchange: Exchange, answered: Answered) -> None:
        """See `Destination`."""
        if any(self.bandwidth.limits(exchange)):
            _Paying(self, exchange, answered).start()
        else:
            self.go(exchange, answered)

    def up(self, exchange: Exchange) -> Toll:
        """What has to be paid for what comes from the client."""
        return Toll([limit.up for limit in self.bandwidth.limits(exchange)])

    def down(self, exchange: Exchange) -> Toll:
        """What has to be paid for what goes to the client."""
        return Toll([limit.down for limit in self.bandwidth.limits(exchange)])


class _Paying:
    """One exchange. A toll is opened when there is something to pay, so that whoever has that closes it."""

    def __init__(self, paced: Paced, exchange: Exchange, answered: Answered) -> None:
        self._paced = paced
        self._exchange = exchange
        self._answered = answered

    def start(self) -> None:
        """Pay for what has come of the request, then let it go on."""
        exchange = self._exchange
        request = exchange.request
        if not request.content and request.stream is None:
            self._paced.go(exchange, self._take)
            return
        up = self._paced.up(exchange)
        if not request.content or up.spend(len(request.content)):
            self._send(up)
            return
        up.resume = partial(self._send, up)
        exchange.cancel = up.close

    def _send(self, up: Toll) -> None:
        exchange = self._exchange
        exchange.cancel = None
        _hand_over(up, exchange.request.stream)
        self._paced.go(exchange, self._take)

    def _take(self, answer: Answer) -> None:
        """The answer has come: pay for what is there of it."""
        exchange = self._exchange
        if isinstance(answer, RelayError):
            self._answered(answer)
            return
        if answer.upgraded is not None:
            exchange.tolls = self._paced.up(exchange), self._paced.down(exchange)
            self._answered(answer)
            return
        if not answer.content and answer.stream is None:
            self._answered(answer)
            return
        down = self._paced.down(exchange)
        if not answer.content or down.spend(len(answer.content)):
            self._answer(down, answer)
            return
        down.resume = partial(self._answer, down, answer)
        exchange.cancel = partial(_drop, down, answer)

    def _answer(self, down: Toll, response: Response) -> None:
        self._exchange.cancel = None
        _hand_over(down, response.stream)
        self._answered(response)


def _hand_over(toll: Toll, stream: Stream | None) -> None:
    """What streams pays from now on; what was complete has paid."""
    if stream is None:
        toll.close()
    else:
        stream.limit(toll)


def _drop(toll: Toll, response: Response) -> None:
    """The client is gone."""
    toll.close()
    if response.stream is not None:
        response.stream.cancel()
