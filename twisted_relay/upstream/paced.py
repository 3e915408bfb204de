"""A destination whose exchanges go no faster than limits let them.

Content that has come with a head is paid before the head goes on; content that streams is paid as it comes, and its
source is paused meanwhile, so nothing is kept here but what one read has brought. A tunnel takes its tolls along.
"""

from twisted_relay.errors import RelayError
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.http.message import Answer, Answered, Response
from twisted_relay.net.limit import Toll
from twisted_relay.upstream.bandwidth import Bandwidth


class Paced:
    """Stands before a destination of one forward listener."""

    def __init__(self, bandwidth: Bandwidth, go: Destination) -> None:
        self.bandwidth = bandwidth
        self._go = go

    def __call__(self, exchange: Exchange, answered: Answered) -> None:
        """See `Destination`."""
        tolls = self.bandwidth.tolls(exchange)
        if tolls is None:
            self._go(exchange, answered)
        else:
            _Paying(exchange, answered, tolls).start(self._go)


class _Paying:
    """One exchange."""

    def __init__(self, exchange: Exchange, answered: Answered, tolls: tuple[Toll, Toll]) -> None:
        self._exchange = exchange
        self._answered = answered
        self._up, self._down = tolls

    def start(self, go: Destination) -> None:
        """Pay for what has come of the request, then let it go on."""
        if self._up.spend(len(self._exchange.request.content)):
            self._send(go)
            return
        self._up.resume = lambda: self._send(go)
        self._exchange.cancel = self._close

    def _send(self, go: Destination) -> None:
        exchange = self._exchange
        exchange.cancel = None
        stream = exchange.request.stream
        if stream is not None:
            stream.limit(self._up)
        go(exchange, self._take)

    def _take(self, answer: Answer) -> None:
        """The answer has come: pay for what is there of it."""
        if isinstance(answer, RelayError):
            self._close()
            self._answered(answer)
            return
        if answer.upgraded is not None:
            self._exchange.tolls = self._up, self._down
            self._answered(answer)
            return
        if self._exchange.request.stream is None:
            self._up.close()
        if self._down.spend(len(answer.content)):
            self._answer(answer)
            return
        self._down.resume = lambda: self._answer(answer)
        self._exchange.cancel = lambda: self._drop(answer)

    def _answer(self, response: Response) -> None:
        self._exchange.cancel = None
        if response.stream is not None:
            response.stream.limit(self._down)
        else:
            self._down.close()
        self._answered(response)

    def _drop(self, response: Response) -> None:
        """The client is gone."""
        self._close()
        if response.stream is not None:
            response.stream.cancel()

    def _close(self) -> None:
        self._up.close()
        self._down.close()
