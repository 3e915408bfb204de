"""A request tried out: it takes the way of a real one up to where it would leave for a server, and no further.

The connection, the reading, the routes and the filters are those of the traffic; only the ends are replaced. What is
written to the client goes nowhere, nobody counts or logs it, and what would be forwarded is kept instead.
"""

from dataclasses import dataclass, replace
from typing import cast

from twisted.internet.interfaces import ITransport

from twisted_relay.downstream.http1 import HTTP1Connection
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.errors import RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.http.message import Answered, Response
from twisted_relay.routing import Route, RoutedRequest, Router, Verdict


@dataclass(frozen=True, slots=True)
class Client:
    """Who sends the request: an address, "" for a UNIX socket, and the port of the listener that it connected to."""

    address: str
    port: int


@dataclass(slots=True)
class Trial:
    """What became of a request."""

    exchange: Exchange | None = None
    """None: it was not even a whole request."""
    verdicts: tuple[Verdict[Plan], ...] = ()
    """What each route said; empty if none was asked."""
    route: Route[Plan] | None = None
    is_forwarded: bool = False
    """It would go to a server: the exchange is as it is then."""
    error: RelayError | None = None
    response: Response | None = None
    """Our own answer, also the one that tells of the error."""


def try_out(listener: Listener, head: bytes, client: Client) -> Trial:
    """Send a head (with the empty line that ends it) through a listener."""
    trial = Trial()
    router = _Witness(listener.router, trial)

    def finished(exchange: Exchange) -> None:
        if trial.exchange is None:
            _note(trial, exchange)

    apart = listener.apart(router, [finished])
    connection = HTTP1Connection(apart, apart.origin(client.address, client.port))
    connection.makeConnection(cast(ITransport, _Paper()))
    connection.dataReceived(head)
    connection.connectionLost()
    return trial


def _note(trial: Trial, exchange: Exchange) -> None:
    trial.exchange, trial.error, trial.response = exchange, exchange.error, exchange.response


class _Witness(Router[Plan]):
    """The routes of a listener, with what they say noted, and with the way to the servers blocked."""

    __slots__ = ("_router", "_trial")

    def __init__(self, router: Router[Plan], trial: Trial) -> None:
        super().__init__(())
        self._router = router
        self._trial = trial

    def find(self, request: RoutedRequest, client: str) -> Route[Plan] | None:
        """The route that the real ones find."""
        trial = self._trial
        trial.verdicts = tuple(self._router.explain(request, client))
        trial.route = route = self._router.find(request, client)
        if route is None:
            return None
        plan = route.destination
        end = self._arrived if plan.backend or plan.leads_out else plan.own
        return route if end is None else Route(route.options, replace(plan, destination=plan.around(end)))

    def _arrived(self, exchange: Exchange, answered: Answered) -> None:
        """Here it would go to a server."""
        self._trial.is_forwarded = True
        _note(self._trial, exchange)


class _Paper:
    """A transport to nobody."""

    def write(self, data: bytes) -> None:
        """Written for nobody."""

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """It never asks anybody to wait."""

    def unregisterProducer(self) -> None:
        """See above."""

    def pauseProducing(self) -> None:
        """Nothing comes from it."""

    def resumeProducing(self) -> None:
        """See above."""

    def loseConnection(self) -> None:
        """There is none."""

    def abortConnection(self) -> None:
        """See above."""
